import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import type { Claimed } from '../../worker/engine/perform.ts'
import { settleBatch, settleWithRows } from '../../worker/engine/settle.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'
import { slow } from '../support/engine-slow.ts'

interface Row {
  id: number
  status: string
  attempts: number
  runs: number
  output: unknown
  worker_id: string | null
  error_message: string | null
}

const Marked = z.object({ by: z.string() })
let behave: (signal: AbortSignal) => Promise<z.output<typeof Marked>> = async () => ({ by: 'nobody' })
const mark = stagesOf<{ id: number }>('marked')({
  name: 'mark',
  description: 'leaves a row',
  output: Marked,
  run: async (_inputs, { signal }) => await behave(signal),
  record: async (output, transaction) => {
    await transaction.execute(`insert into marks (by) values ('${output.by}')`)
  },
})
const marked = definePipeline({
  name: 'marked',
  description: 'records',
  stages: [mark],
  loadSubject: async (_transaction, id) => ({ id }),
})

let engine: TestEngine
beforeEach(async () => {
  engine = await createTestEngine([slow, marked])
  await engine.query('create table marks (by text)')
})
afterEach(() => engine.close())

const claimAs = async (worker: string): Promise<Claimed> => {
  const [claimed] = await engine.query<Claimed>(
    "select * from claim_tasks($1, array(select id from tasks where status = 'pending'))",
    [worker],
  )
  return claimed
}

test('after kill -9 another worker finishes everything, and nothing of the dead one stays', async () => {
  await engine.add('slow', 6)
  const victim = fork(join(import.meta.dirname, '../support/engine-process.ts'), {
    env: {
      ...process.env,
      DATABASE_URL: engine.url,
      REFRAIN_DATA_DIR: engine.folder,
      LIGHT_CONCURRENCY: '2',
      SLOW_SECONDS: '60',
    },
  })
  try {
    const [victimId] = (await once(victim, 'message')) as [string]
    // Two run, others have only been fetched.
    await engine.until("select 1 from tasks where status = 'running' having count(*) = 2")
    await engine.until('select 1 from graphile_worker._private_jobs where locked_by is not null having count(*) > 2')
    await expect.poll(() => readdir(join(engine.folder, 'work', victimId))).toHaveLength(2)
  } finally {
    victim.kill('SIGKILL')
  }
  const killedAt = Date.now()
  const heir = await engine.startWorker()
  await engine.untilIdle('slow', 10)
  expect(Date.now() - killedAt).toBeLessThan(10_000)
  const rows = await engine.query<Row>("select * from tasks where pipeline = 'slow' order by id")
  expect(rows.map((row) => row.status)).toEqual(Array(6).fill('completed'))
  expect(rows.map((row) => row.attempts).sort()).toEqual([1, 1, 1, 1, 2, 2])
  expect(rows.map((row) => row.output)).toEqual(Array(6).fill({ pid: process.pid }))
  expect(await engine.query('select from workers')).toHaveLength(1)
  await expect.poll(() => readdir(join(engine.folder, 'work'))).toEqual([heir.id])
  await engine.assertConsistent()
})

test('a worker whose session ends gives up at once; its tasks are taken over and it writes nothing over them', async () => {
  const calls: AbortSignal[] = []
  behave = async (signal) => {
    calls.push(signal)
    if (calls.length > 1) return { by: 'second' }
    // Deaf: goes on for a while although it was told to stop.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    return { by: 'first' }
  }
  await engine.add('marked')
  const first = await engine.startWorker()
  await engine.until("select 1 from tasks where status = 'running'")
  await engine.startWorker()
  const ended = first.done.then(
    () => 'ended well',
    (error: Error) => error.message,
  )
  await engine.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
    `refrain ${first.id}`,
  ])
  expect(await ended).toMatch(/terminat|ended/)
  await expect.poll(() => calls[0].aborted).toBe(true)
  await first.stop()
  await engine.untilIdle('marked', 10)
  const [row] = await engine.query<Row>("select * from tasks where pipeline = 'marked'")
  expect(row).toMatchObject({ status: 'completed', output: { by: 'second' }, runs: 2 })
  expect(await engine.query('select by from marks')).toEqual([{ by: 'second' }])
})

test('a result that comes after its task was taken over is dropped, with the rows it brings', async () => {
  await engine.add('marked')
  const stale = await claimAs('worker-a')
  await engine.query("update tasks set status = 'pending'")
  const fresh = await claimAs('worker-b')
  expect(fresh.runs).toBe(2)
  const result = { id: stale.id, runs: stale.runs, status: 'completed' as const, output: { by: 'stale' } }
  const late = await settleWithRows(engine.client, 'worker-a', null, mark, stale, { result, kept: [], subject: {} })
  expect(late).toEqual({ settled: [], taken: [] })
  expect(await settleBatch(engine.client.pool, 'worker-a', null, [result])).toEqual({ settled: [], taken: [] })
  // Not even in the name of the worker that holds it now.
  expect(await settleBatch(engine.client.pool, 'worker-b', null, [result])).toEqual({ settled: [], taken: [] })
  expect(await engine.query('select by from marks')).toEqual([])
  const good = { ...result, runs: fresh.runs, output: { by: 'fresh' } }
  expect((await settleBatch(engine.client.pool, 'worker-b', null, [good])).settled).toEqual([fresh.id])
})

test('a task whose last attempt died with its worker fails', async () => {
  await engine.add('marked')
  await engine.query("insert into workers (id, pools) values ('worker-dead', '{pool-dead}')")
  await engine.query('update tasks set max_attempts = 1')
  await claimAs('worker-dead')
  expect(await engine.query('select * from sweep_workers()')).toEqual([{ worker: 'worker-dead', tasks_returned: 1 }])
  const [row] = await engine.query<Row>('select * from tasks')
  expect(row).toMatchObject({
    status: 'failed',
    worker_id: null,
    error_message: 'the worker stopped while the task ran',
  })
  expect(await engine.query('select from workers')).toEqual([])
})

test("a sweep unlocks a dead worker's other jobs instead of dropping them", async () => {
  await engine.query("insert into workers (id, pools) values ('worker-dead', '{pool-dead}')")
  await engine.query("select graphile_worker.add_job('tidy', '{}')")
  await engine.query(
    "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'pool-dead', attempts = 1",
  )
  await engine.query('select * from sweep_workers()')
  expect(await engine.query('select locked_by from graphile_worker._private_jobs')).toEqual([{ locked_by: null }])
})

test('a job locked by a pool that no worker owns is woken by the safety net', async () => {
  await engine.add('slow')
  await engine.query(
    "update graphile_worker._private_jobs set locked_at = now() - interval '1 minute', locked_by = 'pool-gone', attempts = 1",
  )
  await engine.query("update tasks set created_at = now() - interval '1 minute'")
  expect(await engine.query("select wake_forgotten_tasks(interval '10 seconds') as woken")).toEqual([{ woken: 1 }])
  expect(await engine.query("select wake_forgotten_tasks(interval '10 seconds') as woken")).toEqual([{ woken: 0 }])
  await engine.startWorker()
  await engine.untilIdle('slow', 5)
  await engine.assertConsistent()
})

test('a task held by a worker that is not listed any more is taken back', async () => {
  await engine.add('slow')
  await claimAs('worker-unknown')
  await engine.query("update tasks set started_at = now() - interval '1 minute'")
  await engine.query("select wake_forgotten_tasks(interval '10 seconds')")
  expect(await engine.query('select status, attempts, worker_id from tasks')).toEqual([
    { status: 'pending', attempts: 1, worker_id: null },
  ])
})

test('a task that a living worker holds without knowing it is given back, the attempt not counted', async () => {
  await engine.add('slow', 2)
  const [known] = await engine.query<Row>(
    "select * from claim_tasks('worker-a', array(select id from tasks)) order by id",
  )
  await engine.query("update tasks set started_at = now() - interval '1 minute'")
  expect(
    await engine.query("select release_strays('worker-a', array[$1::bigint], interval '10 seconds') as n", [known.id]),
  ).toEqual([{ n: 1 }])
  expect(await engine.query('select status, attempts from tasks order by id')).toEqual([
    { status: 'running', attempts: 1 },
    { status: 'pending', attempts: 0 },
  ])
})

test('only workers whose lock is held count as living', async () => {
  await engine.query("insert into workers (id, queues) values ('worker-dead', '{light}')")
  expect(await engine.query('select id from living_workers')).toEqual([])
  const worker = await engine.startWorker()
  expect(await engine.query('select id from living_workers')).toEqual([{ id: worker.id }])
})
