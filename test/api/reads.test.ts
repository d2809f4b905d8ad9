import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
const tracks: { id: string; row: number }[] = []
beforeAll(async () => {
  api = await startTestApi()
  for (let n = 0; n < 25; n++) tracks.push(await api.addTrack(n === 7 ? '100 % (of_course)' : `Song ${n}`))
  for (const { row } of tracks.slice(0, 5)) {
    await api.settle(row, 'download')
    await api.client.pool.query(`insert into lyrics (track_id, raw, source) values ($1, 'la', 'submitted')`, [row])
    await api.client.pool.query(
      `with file as (insert into artifacts (sha256, size_bytes, content_type) values ($2, 5, 'audio/flac') returning sha256),
         made as (insert into task_artifacts (task_id, name, sha256) select t.id, 'audio "x".flac', sha256 from file, tasks t
           where t.subject_id = $1 and t.stage = 'download')
       insert into song_audio (track_id, source_cid, audio_cid, format, codec, duration_ms, sample_rate_hz, channels)
       select $1, sha256, sha256, 'flac', 'flac', 180000, 44100, 2 from file`,
      [row, row.toString(16).padStart(64, '0')],
    )
    await api.client.pool.query(
      `insert into word_alignments (track_id, language, method, word_count, lines) values ($1, 'en', 'test', 1,
         '[{"text": "la", "startMs": 10, "endMs": 20, "words": [{"text": "la", "startMs": 10, "endMs": 20, "confidence": null}]}]')`,
      [row],
    )
    await api.client.pool.query(
      `insert into karaoke_segments (track_id, start_ms, end_ms, fal_enhanced_grove_cid) values ($1, 0, 40000, $2)`,
      [row, row.toString(16).padStart(64, '0')],
    )
  }
})
afterAll(() => api.close())

/** Counts the statements that `work` makes the API send. */
async function countStatements(work: () => Promise<unknown>): Promise<number> {
  const original = pg.Client.prototype.query
  const statements: string[] = []
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [query] = args
    const text = typeof query === 'string' ? query : (query as { text?: string }).text
    // The hub's own watch is no part of the request.
    if (text && !text.includes('event_seq')) statements.push(text)
    return Reflect.apply(original, this, args)
  } as typeof original
  try {
    await work()
  } finally {
    pg.Client.prototype.query = original
  }
  return statements.length
}

test('however many tracks are listed, each nested field costs one statement', async () => {
  const query = `query ($n: Int) { tracks(first: $n) { edges { node { id progress
    tasks { id type output waitingReason artifacts { name url } track { title } } lyrics { raw } waiting { reason }
    audio { audio { url sizeBytes } source { name } } alignment { wordCount lines { text } } translations { language } segments { startMs enhanced { sha256 } } } } } }`
  const few = await countStatements(() => api.request(query, { n: 2 }))
  const many = await countStatements(async () => {
    const { data, errors } = await api.request(query, { n: 25 })
    expect(errors).toBeUndefined()
    expect(data.tracks.edges).toHaveLength(25)
    expect(data.tracks.edges.at(-1).node).toMatchObject({
      lyrics: { raw: 'la' },
      audio: { audio: { sizeBytes: 5 }, source: { name: 'audio "x".flac' } },
      alignment: { wordCount: 1, lines: [{ text: 'la' }] },
    })
  })
  expect(few).toBeGreaterThan(0)
  // Two more: files of the audio and of the segments, which the two newest tracks do not have.
  expect(many).toBeLessThanOrEqual(few + 3)
  expect(many).toBeLessThanOrEqual(18)
})

test('pages follow each other without gap or overlap, in both directions, while tracks are added', async () => {
  const page = async (args: string) => {
    const { data, errors } = await api.request(
      `{ tracks(${args}) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } } }`,
    )
    expect(errors).toBeUndefined()
    return { ...data.tracks.pageInfo, ids: data.tracks.edges.map((edge: { node: { id: string } }) => edge.node.id) }
  }
  const first = await page('first: 10')
  expect(first).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
  const late = await api.addTrack('late')
  const second = await page(`first: 10, after: "${first.endCursor}"`)
  const third = await page(`first: 10, after: "${second.endCursor}"`)
  expect([...first.ids, ...second.ids, ...third.ids]).toEqual(tracks.map(({ id }) => id).toReversed())
  expect(third.hasNextPage).toBe(false)
  expect((await page(`last: 10, before: "${third.startCursor}"`)).ids).toEqual(second.ids)
  await api.request(`mutation { deleteTrack(trackId: "${late.id}") { __typename } }`)
})

test('cursors and ids that are none are the caller’s mistake', async () => {
  for (const query of [
    '{ tracks(after: "x") { edges { cursor } } }',
    '{ tasks(before: "1; drop table tasks") { edges { cursor } } }',
    '{ segmentsAwaitingEncryption(after: "1") { edges { cursor } } }',
    '{ track(id: "12") { id } }',
    '{ node(id: "nonsense") { id } }',
    '{ tasks(trackId: "Task:1") { edges { cursor } } }',
  ]) {
    const { errors } = await api.request(query)
    expect(errors?.[0].extensions?.code, query).toBe('INVALID_INPUT')
  }
})

test('tracks are found by stage, source and text, wildcards taken literally', async () => {
  const find = async (args: string) => {
    const { data } = await api.request(`{ tracks(first: 100, ${args}) { edges { node { title } } } }`)
    return data.tracks.edges.map((edge: { node: { title: string } }) => edge.node.title)
  }
  expect(await find('stage: AUDIO_READY')).toHaveLength(5)
  expect(await find('stage: READY')).toEqual([])
  expect(await find('sourceType: URL')).toHaveLength(25)
  expect(await find('sourceType: UPLOAD')).toEqual([])
  expect(await find('search: "%"')).toEqual(['100 % (of_course)'])
  expect(await find('search: "OF_C"')).toEqual(['100 % (of_course)'])
  expect(await find('search: "somebody"')).toHaveLength(25)
  expect(await find('search: "song 24"')).toEqual(['Song 24'])
})

test('nodes are found by their global ids, unknown ones are null', async () => {
  const { data } = await api.request(
    `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Track { title } ... on Task { type } } }`,
    { ids: [tracks[3].id, 'Task:1', 'Track:999999'] },
  )
  expect(data.nodes).toEqual([
    { __typename: 'Track', id: tracks[3].id, title: 'Song 3' },
    { __typename: 'Task', id: 'Task:1', type: 'DOWNLOAD' },
    null,
  ])
})

test('tasks show attempts, errors and the time of the next attempt', async () => {
  const { row, id } = tracks[24]
  await api.client.pool.query(
    `update tasks set status = 'pending', attempts = 1, next_retry_at = now() + interval '1 minute', error_message = 'no answer', error_details = '{"status": 503}'
     where subject_id = $1`,
    [row],
  )
  const { data } = await api.request(
    `query ($id: ID!) { tasks(trackId: $id, status: [PENDING, RUNNING], type: DOWNLOAD) { edges { node {
       status attempts maxAttempts nextRetryAt errorMessage errorDetails waitingReason seconds track { id } } } } }`,
    { id },
  )
  expect(data.tasks.edges).toEqual([
    {
      node: {
        status: 'PENDING',
        attempts: 1,
        maxAttempts: 3,
        nextRetryAt: expect.stringMatching(/^\d{4}-.*Z$/),
        errorMessage: 'no answer',
        errorDetails: { status: 503 },
        waitingReason: expect.stringContaining('attempt 1 of 3 failed; retries at'),
        seconds: null,
        track: { id },
      },
    },
  ])
})

test('the numbers agree with each other: tracks by stage, pending tasks, backlog', async () => {
  const { data } = await api.request(`{
    trackCounts { sourceType stage tracks }
    taskSummary { type status tasks }
    backlog { type pending running failed awaitingReview subjects medianSeconds etaSeconds }
    segmentsAwaitingEncryption(first: 3) { pageInfo { hasNextPage } edges { node { segmentIndex track { id } } } }
    missingTasks { type track { id } }
    workers { name }
  }`)
  expect(data.trackCounts).toEqual(
    [
      { sourceType: 'URL', stage: 'PENDING', tracks: 20 },
      { sourceType: 'URL', stage: 'AUDIO_READY', tracks: 5 },
    ].toSorted((a, b) => (a.stage < b.stage ? -1 : 1)),
  )
  expect(data.taskSummary).toContainEqual({ type: 'ALIGN', status: 'PENDING', tasks: 5 })
  expect(data.backlog.map((stage: { type: string }) => stage.type)).toEqual([
    'DOWNLOAD',
    'ALIGN',
    'REVIEW',
    'TRANSLATE',
  ])
  expect(data.backlog[0]).toMatchObject({ pending: 20, subjects: 20, medianSeconds: 2, etaSeconds: 40 })
  expect(data.backlog[1]).toMatchObject({ pending: 5, subjects: 5, medianSeconds: null, etaSeconds: null })
  expect(data.segmentsAwaitingEncryption).toMatchObject({
    pageInfo: { hasNextPage: true },
    edges: tracks.slice(0, 3).map(({ id }) => ({ node: { segmentIndex: 0, track: { id } } })),
  })
  expect(data.missingTasks).toEqual([])
  expect(data.workers).toEqual([])
})

test('a task that is missing is named, and added on request', async () => {
  const { row, id } = tracks[10]
  await api.client.pool.query('delete from tasks where subject_id = $1', [row])
  expect((await api.request('{ missingTasks { type track { id } } }')).data.missingTasks).toEqual([
    { type: 'DOWNLOAD', track: { id } },
  ])
  expect((await api.request('mutation { addMissingTasks }')).data).toEqual({ addMissingTasks: 1 })
  expect((await api.request('{ missingTasks { type } }')).data.missingTasks).toEqual([])
})

test('the declared graph can be drawn', async () => {
  const { data } = await api.request('{ pipelines { name milestones stages { type after isGate milestone queue } } }')
  expect(data.pipelines).toEqual([
    {
      name: 'track',
      milestones: ['pending', 'audio_ready', 'aligned', 'ready'],
      stages: [
        { type: 'DOWNLOAD', after: [], isGate: false, milestone: 'audio_ready', queue: 'light' },
        { type: 'ALIGN', after: ['DOWNLOAD'], isGate: false, milestone: 'aligned', queue: 'light' },
        { type: 'REVIEW', after: ['ALIGN'], isGate: true, milestone: null, queue: 'light' },
        { type: 'TRANSLATE', after: ['REVIEW'], isGate: false, milestone: 'ready', queue: 'light' },
      ],
    },
  ])
})

test('history of a stage that is no longer declared breaks no list', async () => {
  const { row, id } = tracks[11]
  await api.client.pool.query(
    `insert into tasks (pipeline, subject_id, stage, status) values ('track', $1, 'shazam', 'completed')`,
    [row],
  )
  const { data, errors } = await api.request(
    `query ($id: ID!) { track(id: $id) { tasks { type } waiting { stage } } tasks(trackId: $id) { edges { node { type } } } taskSummary { type } }`,
    { id },
  )
  expect(errors).toBeUndefined()
  expect(data.track.tasks).toEqual([{ type: 'DOWNLOAD' }])
  expect(data.tasks.edges).toEqual([{ node: { type: 'DOWNLOAD' } }])
})
