import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import {
  cancelSubject,
  requestStage,
  rerunStage,
  retryTask,
  reviewTask,
  waitingReasons,
} from '../../worker/engine/tasks.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Count = z.object({ n: z.number() })
const runs: Record<string, number> = {}
const ran = (name: string) => {
  runs[name] = (runs[name] ?? 0) + 1
  return runs[name]
}

// A diamond with a fan-out, a gate, a skip and an optional branch.
const diamondStage = stagesOf<object>('diamond')
const root = diamondStage({
  name: 'root',
  description: 'gives a list',
  output: z.object({ items: z.array(z.string()) }),
  milestone: 'rooted',
  run: async () => ({ items: ['b', 'a'] }),
})
const left = diamondStage({
  name: 'left',
  description: 'left',
  after: [root],
  output: Count,
  milestone: 'lefted',
  run: async () => ({ n: 1 }),
})
const right = diamondStage({
  name: 'right',
  description: 'right',
  after: [root],
  output: Count,
  run: async () => ({ n: 2 }),
})
const each = diamondStage({
  name: 'each',
  description: 'one for each item',
  after: [root],
  each: { of: root, path: 'items' },
  output: z.object({ item: z.string() }),
  canSkip: true,
  run: async (_inputs, context) =>
    context.task.item === 'b' ? context.skip('no b today') : { item: context.task.item },
})
const fragile = diamondStage({
  name: 'fragile',
  description: 'fails for ever',
  after: [root],
  attempts: 1,
  output: Count,
  run: async () => Promise.reject(new InvalidInput('it never works')),
})
const join = diamondStage({
  name: 'join',
  description: 'joins',
  after: [left, right, each],
  optionalAfter: [fragile],
  output: z.object({ seen: z.unknown() }),
  milestone: 'joined',
  run: async (inputs) => ({ seen: inputs }),
})
const gate = diamondStage({
  name: 'gate',
  description: 'asks',
  after: [join],
  isGate: true,
  output: Count,
  run: async () => ({ n: 7 }),
})
const last = diamondStage({
  name: 'last',
  description: 'ends',
  after: [gate],
  output: Count,
  milestone: 'done',
  run: async ({ gate }) => ({ n: gate.n + ran('last') * 0 }),
})
const diamond = definePipeline({
  name: 'diamond',
  description: 'a diamond',
  milestones: ['rooted', 'lefted', 'joined', 'done'],
  stages: [root, left, right, each, fragile, join, gate, last],
  loadSubject: async () => ({}),
})

const emptyStage = stagesOf<object>('hollow')
const none = emptyStage({
  name: 'none',
  description: 'no items',
  output: z.object({ items: z.array(z.string()) }),
  run: async () => ({ items: [] }),
})
const every = emptyStage({
  name: 'every',
  description: 'over nothing',
  after: [none],
  each: { of: none, path: 'items' },
  output: Count,
  run: async () => ({ n: 1 }),
})
const after = emptyStage({
  name: 'after',
  description: 'after all',
  after: [every],
  output: Count,
  run: async ({ every }) => ({ n: every.length }),
})
const hollow = definePipeline({
  name: 'hollow',
  description: 'nothing to fan out over',
  stages: [none, every, after],
  loadSubject: async () => ({}),
})

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([diamond, hollow])
  await engine.startWorker()
})
afterAll(() => engine.close())

const status = (id: number, stage: string, wanted: string) =>
  engine.until("select 1 from tasks where pipeline = 'diamond' and subject_id = $1 and stage = $2 and status = $3", [
    id,
    stage,
    wanted,
  ])

test('a join receives outputs by name, a fan-out as a list in item order, null for what was skipped or failed', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'join', 'completed')
  const [{ output }] = await engine.query<{ output: unknown }>(
    "select output from tasks where subject_id = $1 and stage = 'join' and pipeline = 'diamond'",
    [id],
  )
  expect(output).toEqual({ seen: { left: { n: 1 }, right: { n: 2 }, each: [{ item: 'a' }, null], fragile: null } })
  const [skipped] = await engine.query(
    "select reason from tasks where subject_id = $1 and item = 'b' and pipeline = 'diamond'",
    [id],
  )
  expect(skipped).toEqual({ reason: 'no b today' })
})

test('the milestone rises one step at a time and every step is an event', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const events = await engine.query<{ milestone: string }>(
    "select milestone from task_events where pipeline = 'diamond' and subject_id = $1 and milestone is not null order by seq",
    [id],
  )
  expect(events.map((event) => event.milestone)).toEqual(['rooted', 'lefted', 'joined'])
})

test('events of a subject are numbered without gaps', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const events = await engine.query<{ seq: number }>(
    "select seq from task_events where pipeline = 'diamond' and subject_id = $1 order by seq",
    [id],
  )
  expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => index + 1))
})

test('a gate waits for a person, holds no job, and goes on with the corrected output', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const [task] = await engine.query<{ id: number; worker_id: string | null }>(
    "select id, worker_id from tasks where pipeline = 'diamond' and subject_id = $1 and stage = 'gate'",
    [id],
  )
  expect(task.worker_id).toBeNull()
  // The queue takes the job off a moment after its task has settled.
  await engine.until(
    "select 1 where not exists (select from graphile_worker._private_jobs where (payload ->> 'task')::bigint = $1)",
    [task.id],
  )
  await expect(reviewTask(engine.client.pool, gate, task.id, { n: 'seven' })).rejects.toThrow(
    /corrected gate has the wrong shape: n/,
  )
  await reviewTask(engine.client.pool, gate, task.id, { n: 8 })
  await status(id, 'last', 'completed')
  const [{ output }] = await engine.query<{ output: unknown }>(
    "select output from tasks where pipeline = 'diamond' and subject_id = $1 and stage = 'last'",
    [id],
  )
  expect(output).toEqual({ n: 8 })
  await expect(reviewTask(engine.client.pool, gate, task.id)).rejects.toThrow(/only a task that awaits review/)
})

test('an empty list leaves one skipped marker with its reason, and what joins it goes on', async () => {
  const [id] = await engine.add('hollow')
  await engine.until(
    "select 1 from tasks where pipeline = 'hollow' and subject_id = $1 and stage = 'after' and status = 'completed'",
    [id],
  )
  expect(await engine.tasks('hollow', id)).toEqual(['none completed', 'every skipped', 'after completed'])
  const [{ reason }] = await engine.query<{ reason: string }>(
    "select reason from tasks where pipeline = 'hollow' and subject_id = $1 and stage = 'every'",
    [id],
  )
  expect(reason).toBe('none gave no items')
})

test('every stage that waits says for what', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const reasons = Object.fromEntries(
    (await waitingReasons(engine.client.pool, 'diamond', id)).map(({ stage, reason }) => [stage, reason]),
  )
  expect(reasons).toEqual({
    fragile: 'failed after 1 of 1 attempts: it never works',
    gate: "waits for a person's review",
    last: 'waits for gate (awaiting review)',
  })
})

test('a re-run from a stage undoes what stands on it, lets the milestone fall, and makes it again', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const undone = await rerunStage(engine.client.pool, 'diamond', id, 'left')
  expect([...undone].sort()).toEqual(['gate', 'join', 'left'])
  await status(id, 'gate', 'awaiting_review')
  const events = await engine.query<{ milestone: string }>(
    "select milestone from task_events where pipeline = 'diamond' and subject_id = $1 and milestone is not null order by seq",
    [id],
  )
  expect(events.map((event) => event.milestone)).toEqual(['rooted', 'lefted', 'joined', 'rooted', 'lefted', 'joined'])
  const [right] = await engine.query<{ runs: number }>(
    "select runs from tasks where pipeline = 'diamond' and subject_id = $1 and stage = 'right'",
    [id],
  )
  expect(right.runs).toBe(1)
})

test("an operator's plain update re-runs exactly that task", async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const before = await engine.query<{ stage: string; item: string; runs: number }>(
    "select stage, item, runs from tasks where pipeline = 'diamond' and subject_id = $1 order by id",
    [id],
  )
  await engine.query(
    "update tasks set status = 'pending', error_message = null where pipeline = 'diamond' and subject_id = $1 and stage = 'right'",
    [id],
  )
  await engine.until(
    "select 1 from tasks where pipeline = 'diamond' and subject_id = $1 and stage = 'right' and runs = 2 and status = 'completed'",
    [id],
  )
  const again = await engine.query<{ stage: string; item: string; runs: number }>(
    "select stage, item, runs from tasks where pipeline = 'diamond' and subject_id = $1 order by id",
    [id],
  )
  expect(again).toEqual(before.map((row) => (row.stage === 'right' ? { ...row, runs: 2 } : row)))
})

test('asking for a stage twice adds one task and says so; one that cannot run yet says why', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  await expect(requestStage(engine.client.pool, 'diamond', id, 'last')).rejects.toThrow(
    'last cannot run yet: waits for gate (awaiting review)',
  )
  const first = await requestStage(engine.client.pool, 'diamond', id, 'gate')
  expect(first.wasAdded).toBe(false)
  await expect(requestStage(engine.client.pool, 'diamond', 999_999, 'root')).rejects.toThrow(
    'there is no diamond 999999',
  )
})

test('canceling a subject stops what waits, and a canceled task can be retried', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  expect(await cancelSubject(engine.client.pool, 'diamond', id, 'changed my mind')).toBe(1)
  const [task] = await engine.query<{ id: number; reason: string }>(
    "select id, reason from tasks where pipeline = 'diamond' and subject_id = $1 and status = 'canceled'",
    [id],
  )
  expect(task.reason).toBe('changed my mind')
  await retryTask(engine.client.pool, task.id)
  await status(id, 'gate', 'awaiting_review')
  await expect(retryTask(engine.client.pool, task.id)).rejects.toThrow(/only a settled task can be retried/)
})

test('tasks refuse to change outside READ COMMITTED, where a join would count old rows', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  const connection = await engine.client.pool.connect()
  try {
    await connection.query('begin isolation level repeatable read')
    await expect(
      connection.query(
        "update tasks set status = 'canceled' where pipeline = 'diamond' and subject_id = $1 and stage = 'gate'",
        [id],
      ),
    ).rejects.toThrow(/READ COMMITTED only/)
  } finally {
    await connection.query('rollback')
    connection.release()
  }
})

test('deleting a subject takes its tasks and its history with it', async () => {
  const [id] = await engine.add('diamond')
  await status(id, 'gate', 'awaiting_review')
  await engine.query('delete from diamonds where id = $1', [id])
  expect(await engine.tasks('diamond', id)).toEqual([])
  expect(await engine.query("select from task_events where pipeline = 'diamond' and subject_id = $1", [id])).toEqual([])
})

test('wake-up jobs carry no key and no named queue, and one attempt: the row decides, the job only wakes', async () => {
  const stopped = await createTestEngine([diamond])
  try {
    await stopped.add('diamond', 3)
    const jobs = await stopped.query('select key, job_queue_id, max_attempts from graphile_worker._private_jobs')
    expect(jobs).toEqual(Array(3).fill({ key: null, job_queue_id: null, max_attempts: 1 }))
  } finally {
    await stopped.close()
  }
})
