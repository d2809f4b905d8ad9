import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

const REQUEST = `__typename ... on StageRequest { wasAdded task { id type status } } ... on Error { message code } ... on BlockedError { reason }`
const run = (stage: string, id: string) =>
  api
    .request(`mutation ($id: ID!) { result: runTrack${stage}(trackId: $id) { ${REQUEST} } }`, { id })
    .then(({ data }) => data.result)

const statuses = async (id: string) => {
  const { data } = await api.request(`query ($id: ID!) { track(id: $id) { stage progress tasks { type status } } }`, {
    id,
  })
  return {
    stage: data.track.stage,
    progress: data.track.progress,
    tasks: Object.fromEntries(
      data.track.tasks.map((task: { type: string; status: string }) => [task.type, task.status]),
    ),
  }
}

test('asking twice for a stage runs it once, and says so', async () => {
  const { id, row } = await api.addTrack()
  await api.settle(row, 'download', 'failed')
  const first = await run('Download', id)
  expect(first).toMatchObject({
    __typename: 'StageRequest',
    wasAdded: true,
    task: { type: 'DOWNLOAD', status: 'PENDING' },
  })
  const second = await run('Download', id)
  expect(second).toMatchObject({ wasAdded: false, task: { id: first.task.id } })
  const { rows } = await api.client.pool.query(
    `select count(*) as jobs from graphile_worker._private_jobs where payload ->> 'task' = $1`,
    [first.task.id.split(':')[1]],
  )
  // One for the track, one for the request; the second request added none.
  expect(rows[0].jobs).toBe(2)
})

test('two requests at once set a stage going once', async () => {
  const { id, row } = await api.addTrack()
  await api.settle(row, 'download', 'failed')
  const both = await Promise.all([run('Download', id), run('Download', id)])
  expect(both.map((result) => result.task.id)).toEqual([both[0].task.id, both[0].task.id])
  expect(await statuses(id)).toMatchObject({ tasks: { DOWNLOAD: 'PENDING' } })
})

test('a stage whose prerequisites have not settled is blocked, with the unmet condition', async () => {
  const { id } = await api.addTrack()
  expect(await run('Translate', id)).toEqual({
    __typename: 'BlockedError',
    code: 'BLOCKED',
    message: expect.stringContaining('translate cannot run yet: waits for review (not ready yet)'),
    reason: expect.stringContaining('waits for review'),
  })
  expect(await run('Align', 'Track:999999')).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
  expect(await run('Align', 'Task:1')).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringContaining('Track:12'),
  })
})

test('a gate waits for a person, refuses the wrong shape, and goes on with the corrected draft', async () => {
  const { id, row } = await api.addTrack()
  await api.settle(row, 'download')
  await api.settle(row, 'align', 'completed', { words: 3 })
  await api.settle(row, 'review', 'awaiting_review', { text: 'helo' })
  const approve = (corrected: unknown) =>
    api
      .request(
        `mutation ($id: ID!, $corrected: JSON) { result: approveTrackReview(trackId: $id, corrected: $corrected) { ${REQUEST} } }`,
        { id, corrected },
      )
      .then(({ data }) => data.result)
  expect(await approve({ text: 5 })).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringContaining('text'),
  })
  expect(await statuses(id)).toMatchObject({ stage: 'ALIGNED', tasks: { REVIEW: 'AWAITING_REVIEW' } })
  expect(await approve({ text: 'hello' })).toMatchObject({ __typename: 'StageRequest', task: { status: 'COMPLETED' } })
  expect(await approve({ text: 'again' })).toMatchObject({ __typename: 'ConflictError' })
  const { data } = await api.request(`query ($id: ID!) { track(id: $id) { tasks(type: REVIEW) { output } } }`, { id })
  expect(data.track.tasks).toEqual([{ output: { text: 'hello' } }])
  expect(await statuses(id)).toMatchObject({ progress: 0.5, tasks: { TRANSLATE: 'PENDING' } })
})

test('a re-run undoes what stands on the stage, and lowers how far the track has come', async () => {
  const { id, row } = await api.addTrack()
  await api.settle(row, 'download')
  await api.settle(row, 'align')
  expect(await statuses(id)).toMatchObject({ stage: 'ALIGNED' })
  const { data } = await api.request(
    `mutation ($id: ID!) { rerunTrack(trackId: $id, from: DOWNLOAD) { ... on RerunTrack { undone track { stage } } ... on Error { message } } }`,
    { id },
  )
  expect(data.rerunTrack.undone[0]).toBe('DOWNLOAD')
  expect(data.rerunTrack.undone.toSorted()).toEqual(['ALIGN', 'DOWNLOAD', 'REVIEW'])
  expect(data.rerunTrack.track.stage).toBe('PENDING')
  expect(await statuses(id)).toEqual({ stage: 'PENDING', progress: 0, tasks: { DOWNLOAD: 'PENDING' } })
})

test('new lyrics replace the old ones and send the alignment back', async () => {
  const { id, row } = await api.addTrack()
  await api.settle(row, 'download')
  await api.settle(row, 'align', 'skipped')
  const add = (trackId: string, lyrics: string) =>
    api.request(
      `mutation ($id: ID!, $lyrics: String!) { addLyrics(trackId: $id, lyrics: $lyrics) { __typename ... on RerunTrack { undone track { lyrics { raw source } } } ... on Error { message } } }`,
      { id: trackId, lyrics },
    )
  const { data } = await add(id, 'la la')
  expect(data.addLyrics).toMatchObject({
    undone: ['ALIGN', 'REVIEW'],
    track: { lyrics: { raw: 'la la', source: 'submitted' } },
  })
  expect(await statuses(id)).toMatchObject({ stage: 'AUDIO_READY', tasks: { DOWNLOAD: 'COMPLETED', ALIGN: 'PENDING' } })
  expect((await add(id, ' \n ')).data.addLyrics.__typename).toBe('InvalidInputError')
  expect((await add('Track:999999', 'la')).data.addLyrics.__typename).toBe('NotFoundError')
})

test('failed tasks are retried one by one or by a filter, never all by accident', async () => {
  const one = await api.addTrack()
  const two = await api.addTrack()
  for (const { row } of [one, two]) await api.settle(row, 'download', 'failed')
  const retry = (filter: object) =>
    api
      .request(
        `mutation ($filter: FailedTasksFilter!) { retryFailedTasks(filter: $filter) { __typename ... on RetriedTasks { count } ... on InvalidInputError { field } } }`,
        { filter },
      )
      .then(({ data }) => data.retryFailedTasks)
  expect(await retry({})).toEqual({ __typename: 'InvalidInputError', field: 'filter' })
  expect(await retry({ type: [] })).toEqual({ __typename: 'InvalidInputError', field: 'filter' })
  expect(await retry({ trackId: one.id })).toEqual({ __typename: 'RetriedTasks', count: 1 })
  expect(await statuses(two.id)).toMatchObject({ tasks: { DOWNLOAD: 'FAILED' } })

  const { data } = await api.request(
    `query ($id: ID!) { tasks(trackId: $id, status: FAILED) { edges { node { id } } } }`,
    { id: two.id },
  )
  const taskId = data.tasks.edges[0].node.id
  const retryOne = () =>
    api
      .request(
        `mutation ($id: ID!) { retryTask(taskId: $id) { __typename ... on Task { status attempts errorMessage } ... on Error { message } } }`,
        { id: taskId },
      )
      .then((answer) => answer.data.retryTask)
  expect(await retryOne()).toEqual({ __typename: 'Task', status: 'PENDING', attempts: 0, errorMessage: null })
  expect(await retryOne()).toEqual({ __typename: 'ConflictError', message: expect.stringContaining('is pending') })
})

test('a track that somebody keeps locked is busy, which is said after seconds', async () => {
  const { id, row } = await api.addTrack()
  const holder = await api.client.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('select from tasks where subject_id = $1 for update', [row])
    const { data } = await api.request(
      `mutation ($id: ID!) { deleteTrack(trackId: $id) { __typename ... on Error { message } } }`,
      { id },
    )
    expect(data.deleteTrack).toEqual({ __typename: 'ConflictError', message: `track ${row} is busy: try again` })
  } finally {
    await holder.query('rollback')
    holder.release()
  }
}, 20_000)

test('a canceled track stops, a deleted one is gone with everything that belongs to it', async () => {
  const { id, row } = await api.addTrack()
  const cancel = await api.request(
    `mutation ($id: ID!) { cancelTrack(trackId: $id, reason: "wrong song") { ... on CanceledTrack { canceledTasks track { tasks { status reason } } } } }`,
    { id },
  )
  expect(cancel.data.cancelTrack).toEqual({
    canceledTasks: 1,
    track: { tasks: [{ status: 'CANCELED', reason: 'wrong song' }] },
  })
  const remove = () =>
    api.request(`mutation ($id: ID!) { deleteTrack(trackId: $id) { __typename ... on DeletedTrack { id } } }`, { id })
  expect((await remove()).data.deleteTrack).toEqual({ __typename: 'DeletedTrack', id })
  expect((await remove()).data.deleteTrack.__typename).toBe('NotFoundError')
  const { rows } = await api.client.pool.query(
    `select (select count(*) from tracks where id = $1) + (select count(*) from tasks where subject_id = $1)
       + (select count(*) from subjects where id = $1) + (select count(*) from task_events where subject_id = $1) as left`,
    [row],
  )
  expect(rows[0].left).toBe(0)
})
