import { afterAll, beforeAll, expect, test } from 'vitest'
import { subscribe } from './sse.ts'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

const ADD = `mutation ($input: AddTrackInput!) {
  addTrack(input: $input) {
    __typename
    ... on Track { id title stage sourceType artists { name } lyrics { raw } tasks { type status attempts } metadata }
    ... on InvalidInputError { message code field }
    ... on Error { message code }
  }
}`
const SOURCE = { url: 'https://example.org/song.mp3' }

test('a submitted track is answered at once, with its first task and job in the same commit', async () => {
  const { data, errors } = await api.request(ADD, {
    input: { title: 'Ode', artists: ['Ludwig'], lyrics: 'Freude\r\nschöner', source: SOURCE, notes: 'from the choir' },
  })
  expect(errors).toBeUndefined()
  expect(data.addTrack).toMatchObject({
    __typename: 'Track',
    title: 'Ode',
    stage: 'PENDING',
    sourceType: 'URL',
    artists: [{ name: 'Ludwig' }],
    lyrics: { raw: 'Freude\nschöner' },
    tasks: [{ type: 'DOWNLOAD', status: 'PENDING', attempts: 0 }],
    metadata: { submission: { source: 'graphql', notes: 'from the choir' } },
  })
  const row = Number(data.addTrack.id.split(':')[1])
  const { rows } = await api.client.pool.query(
    `select j.task_identifier from graphile_worker.jobs j join tasks t on j.task_identifier = 'track.download'
     where t.subject_id = $1`,
    [row],
  )
  expect(rows).toEqual([{ task_identifier: 'track.download' }])
})

test('a subscriber sees the present state, then every change, until the milestone', async () => {
  const { id, row } = await api.addTrack()
  const live = await subscribe(
    api.url,
    `subscription ($id: ID!) { trackProgress(trackId: $id) { seq isPresentState type status milestone task { status } track { stage } } }`,
    { id },
  )
  const first = (await live.next()).data.trackProgress
  expect(first).toMatchObject({ isPresentState: true, milestone: 'PENDING', track: { stage: 'PENDING' } })
  await api.settle(row, 'download')
  const events = [await live.next(), await live.next(), await live.next()].map((result) => result.data.trackProgress)
  expect(events.map((event) => event.seq)).toEqual([first.seq + 1, first.seq + 2, first.seq + 3])
  expect(events.map((event) => [event.type, event.status, event.milestone])).toEqual([
    ['DOWNLOAD', 'completed', null],
    ['ALIGN', 'pending', null],
    [null, null, 'AUDIO_READY'],
  ])
  expect(events[2].track.stage).toBe('AUDIO_READY')
  live.close()
})
