import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { Context } from '../../worker/engine/context.ts'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { cancelSubject, rerunStage } from '../../worker/engine/tasks.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

interface Subject {
  readonly id: number
}

const Result = z.object({ run: z.number() })
let behave: (context: Context<Subject>) => Promise<z.output<typeof Result>> = async () => ({ run: 0 })
const stage = stagesOf<Subject>('toy')
const work = stage({
  name: 'work',
  description: 'what the test says',
  output: Result,
  run: async (_inputs, context) => await behave(context),
})
const next = stage({ name: 'next', description: 'follows', after: [work], output: z.object({}), run: async () => ({}) })
const toy = definePipeline({
  name: 'toy',
  description: 'a toy',
  stages: [work, next],
  loadSubject: async (_transaction, id) => ({ id }),
})

let engine: TestEngine
beforeEach(async () => {
  engine = await createTestEngine([toy])
})
afterEach(() => engine.close())

/** Waits without end, as running work does, and says when it was told to stop. */
function hang(signal: AbortSignal, onAborted: () => void): Promise<never> {
  return delay(60_000, undefined, { signal }).then(
    () => Promise.reject(new Error('never aborted')),
    (error) => {
      onAborted()
      throw error
    },
  )
}

test('a stop ends running work and its child process, and gives the task back with the attempt not counted', async () => {
  let child: ReturnType<typeof spawn> | undefined
  behave = async ({ signal, workspacePath }) => {
    child = spawn('sleep', ['60'], { signal, cwd: workspacePath })
    const [error] = await once(child, 'error')
    throw error
  }
  await engine.add('toy')
  const worker = await engine.startWorker({ SHUTDOWN_GRACE_MS: '200' })
  await expect.poll(() => child?.pid).toBeTypeOf('number')
  const exited = new Promise((resolve) => child?.once('exit', (_code, name) => resolve(name)))
  const startedAt = Date.now()
  await worker.stop()
  expect(Date.now() - startedAt).toBeLessThan(3_000)
  expect(await exited).toBe('SIGTERM')
  expect(await engine.query('select status, attempts, worker_id, error_message from tasks')).toEqual([
    { status: 'pending', attempts: 0, worker_id: null, error_message: null },
  ])
  expect(await engine.query('select from graphile_worker._private_jobs where locked_by is not null')).toEqual([])
  expect(await engine.query('select from graphile_worker._private_jobs where attempts < max_attempts')).toHaveLength(1)
  expect(await engine.query('select from workers')).toEqual([])
  expect(await readdir(join(engine.folder, 'work'))).toEqual([])
  behave = async () => ({ run: 1 })
  await engine.startWorker()
  await engine.untilIdle('toy', 5)
  expect(await engine.query("select status, attempts from tasks where stage = 'work'")).toEqual([
    { status: 'completed', attempts: 1 },
  ])
})

test('work that ends within the grace is settled before stop returns', async () => {
  behave = async () => {
    await delay(700)
    return { run: 1 }
  }
  await engine.add('toy')
  const worker = await engine.startWorker({ SHUTDOWN_GRACE_MS: '5000' })
  await engine.until("select 1 from tasks where status = 'running'")
  await worker.stop()
  expect(await engine.query('select stage, status from tasks order by id')).toEqual([
    { stage: 'work', status: 'completed' },
    { stage: 'next', status: 'pending' },
  ])
})

test('a stop in the middle of many short tasks loses none and repeats none', async () => {
  const runs = new Map<number, number>()
  behave = async ({ subject }) => {
    runs.set(subject.id, (runs.get(subject.id) ?? 0) + 1)
    await delay(5)
    return { run: 1 }
  }
  await engine.add('toy', 600)
  const worker = await engine.startWorker({ SHUTDOWN_GRACE_MS: '5000' })
  await engine.until("select 1 from tasks where stage = 'work' and status = 'completed' having count(*) > 50")
  await worker.stop()
  const [{ running, locked }] = await engine.query<{ running: number; locked: number }>(
    `select (select count(*) from tasks where status = 'running') as running,
       (select count(*) from graphile_worker._private_jobs where locked_by is not null) as locked`,
  )
  expect({ running, locked }).toEqual({ running: 0, locked: 0 })
  expect(runs.size).toBeLessThan(600)
  await engine.startWorker()
  await engine.untilIdle('toy', 20)
  expect(await engine.query('select status, count(*) as n from tasks group by 1')).toEqual([
    { status: 'completed', n: 1200 },
  ])
  expect(runs.size).toBe(600)
  expect([...runs.values()].every((count) => count === 1)).toBe(true)
  await engine.assertConsistent()
})

test('stopping twice waits for the same end', async () => {
  const worker = await engine.startWorker()
  await Promise.all([worker.stop(), worker.stop()])
  await worker.done
  expect(await engine.query('select from workers')).toEqual([])
})

test('canceling a running task aborts it within two seconds', async () => {
  let abortedAt = 0
  behave = async ({ signal }) => await hang(signal, () => (abortedAt = Date.now()))
  const [id] = await engine.add('toy')
  await engine.startWorker()
  await engine.until("select 1 from tasks where status = 'running'")
  const canceledAt = Date.now()
  await cancelSubject(engine.client.pool, 'toy', id, 'not this one')
  await expect.poll(() => abortedAt, { timeout: 3_000 }).toBeGreaterThan(0)
  expect(abortedAt - canceledAt).toBeLessThan(2_000)
  await delay(100)
  expect(await engine.query('select stage, status, reason from tasks')).toEqual([
    { stage: 'work', status: 'canceled', reason: 'not this one' },
  ])
})

test('a re-run of a running task starts a new run, aborts the old one and counts only the new result', async () => {
  const aborted: number[] = []
  let run = 0
  behave = async ({ signal }) => {
    const mine = ++run
    if (mine === 1) return await hang(signal, () => aborted.push(mine))
    // The new run outlives the look-out for tasks that were taken away.
    await delay(1_500, undefined, { signal })
    return { run: mine }
  }
  const [id] = await engine.add('toy')
  await engine.startWorker()
  await engine.until("select 1 from tasks where status = 'running'")
  await rerunStage(engine.client.pool, 'toy', id, 'work')
  await engine.until("select 1 from tasks where stage = 'next' and status = 'completed'", [], 8)
  expect(aborted).toEqual([1])
  expect(await engine.query("select status, output, attempts, runs from tasks where stage = 'work'")).toEqual([
    { status: 'completed', output: { run: 2 }, attempts: 1, runs: 2 },
  ])
})

test('a subject deleted while its task runs leaves nothing, and the run is aborted', async () => {
  let isAborted = false
  behave = async ({ signal }) => await hang(signal, () => (isAborted = true))
  const [id] = await engine.add('toy')
  await engine.startWorker()
  await engine.until("select 1 from tasks where status = 'running'")
  await engine.query('delete from toys where id = $1', [id])
  await expect.poll(() => isAborted, { timeout: 3_000 }).toBe(true)
  await delay(100)
  expect(await engine.query('select from tasks')).toEqual([])
  expect(await engine.query('select from task_events')).toEqual([])
  expect(await engine.query('select from subjects')).toEqual([])
})

test('subjects deleted while their tasks settle never end in a deadlock', async () => {
  behave = async () => ({ run: 1 })
  const ids = await engine.add('toy', 200)
  await engine.startWorker()
  for (const id of ids) {
    const connection = await engine.client.pool.connect()
    try {
      await connection.query('begin')
      await connection.query("select lock_subject('toy', $1)", [id])
      await connection.query('delete from toys where id = $1', [id])
      await connection.query('commit')
    } finally {
      connection.release()
    }
  }
  await engine.until('select 1 where not exists (select from graphile_worker._private_jobs)', [], 10)
  expect(await engine.query('select from tasks')).toEqual([])
  expect(await engine.query('select deadlocks from pg_stat_database where datname = current_database()')).toEqual([
    { deadlocks: 0 },
  ])
})
