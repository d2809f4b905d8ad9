import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../worker/config.ts'
import type { Context } from '../../worker/engine/context.ts'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { InvalidInput, ProviderUnavailable } from '../../worker/errors.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

interface Job {
  readonly id: number
}

/** What the stage of each subject does; set by the test before a worker sees it. */
let behave: (context: Context<Job>) => Promise<unknown> = async () => ({})

const Anything = z.object({ value: z.number().optional() })
const stage = stagesOf<Job>('job')
const work = stage({
  name: 'work',
  description: 'does what the test says',
  output: Anything,
  run: async (_inputs, context) => (await behave(context)) as z.output<typeof Anything>,
})
const brief = stage({
  name: 'brief',
  description: 'has half a second',
  after: [work],
  attempts: 2,
  timeoutSeconds: 0.5,
  output: Anything,
  run: async (_inputs, { signal }) => {
    await delay(20_000, undefined, { signal })
    return {}
  },
})
const deaf = stagesOf<Job>('deaf')({
  name: 'deaf',
  description: 'never looks at its signal',
  attempts: 1,
  timeoutSeconds: 0.2,
  output: Anything,
  run: async () => {
    await delay(15_000)
    return {}
  },
})
const job = definePipeline<Job>({
  name: 'job',
  description: 'one stage that fails on purpose',
  stages: [work, brief],
  loadSubject: async (_transaction, id) => ({ id }),
})
const deafPipeline = definePipeline<Job>({
  name: 'deaf',
  description: 'deaf',
  stages: [deaf],
  loadSubject: async (_t, id) => ({ id }),
})

interface Row {
  id: number
  status: string
  attempts: number
  runs: number
  next_retry_at: Date | null
  error_message: string | null
  error_details: Record<string, unknown> | null
  settled_at: Date | null
}

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([job, deafPipeline], { environment: { RETRY_DELAYS_SECONDS: '0.2,0.6' } })
  await engine.startWorker()
})
afterAll(() => engine.close())

const row = async (id: number, name = 'work') =>
  (
    await engine.query<Row>("select * from tasks where subject_id = $1 and stage = $2 and pipeline = 'job'", [id, name])
  )[0]
const reaches = (id: number, condition: string, name = 'work') =>
  engine.until<Row>(`select * from tasks where pipeline = 'job' and subject_id = $1 and stage = $2 and ${condition}`, [
    id,
    name,
  ])

test('a failure that may pass is tried again after growing waits, the last of which repeats', async () => {
  const starts: number[] = []
  behave = async () => {
    starts.push(Date.now())
    throw new ProviderUnavailable('toy', 'it sleeps')
  }
  const [id] = await engine.add('job')
  await engine.query("update tasks set max_attempts = 4 where pipeline = 'job' and subject_id = $1", [id])
  const waiting = await reaches(id, "status = 'pending' and attempts = 1 and next_retry_at is not null")
  expect(waiting.error_message).toBe('toy: it sleeps')
  const failed = await reaches(id, "status = 'failed'")
  expect(failed).toMatchObject({ attempts: 4, runs: 4, next_retry_at: null, error_message: 'toy: it sleeps' })
  expect(failed.error_details).toEqual({ kind: 'PROVIDER_UNAVAILABLE', retryable: true })
  expect(failed.settled_at).not.toBeNull()
  const waits = starts.slice(1).map((start, index) => start - starts[index])
  expect(waits).toHaveLength(3)
  expect(waits[0]).toBeGreaterThanOrEqual(200)
  expect(waits[1]).toBeGreaterThanOrEqual(600)
  expect(waits[2]).toBeGreaterThanOrEqual(600)
})

test('attempts rise at the claim, so that a crash counts', async () => {
  let seen: Row | undefined
  behave = async ({ subject }) => {
    seen = await row(subject.id)
    return {}
  }
  const [id] = await engine.add('job')
  await reaches(id, "status = 'completed'")
  expect(seen).toMatchObject({ status: 'running', attempts: 1, runs: 1 })
})

test('a failure that cannot pass fails at once, with its kind and details', async () => {
  behave = async () => {
    throw new InvalidInput('no sound in it', { details: { file: 'silence.mp3' } })
  }
  const [id] = await engine.add('job')
  const failed = await reaches(id, "status = 'failed'")
  expect(failed).toMatchObject({ attempts: 1, error_message: 'no sound in it' })
  expect(failed.error_details).toEqual({ kind: 'INVALID_INPUT', retryable: false, file: 'silence.mp3' })
})

test('exhausted tasks are not picked again, not even by a job of their own', async () => {
  behave = async () => {
    throw new Error('odd')
  }
  const [id] = await engine.add('job')
  const failed = await reaches(id, "status = 'failed'")
  expect(failed).toMatchObject({ attempts: 3, error_details: { kind: 'UNEXPECTED', retryable: true } })
  await engine.query("select graphile_worker.add_job('job.work', json_build_object('task', $1::bigint))", [failed.id])
  await engine.until('select 1 where not exists (select from graphile_worker._private_jobs)')
  expect(await row(id)).toMatchObject({ status: 'failed', attempts: 3, runs: 3 })
})

test('three attempts are the default', async () => {
  expect(readConfig({}).MAX_JOB_RETRIES).toBe(3)
  expect(readConfig({}).JOB_TIMEOUT_MS).toBe(900_000)
  const rows = await engine.query("select name, max_attempts from stages where pipeline = 'job' order by position")
  expect(rows).toEqual([
    { name: 'work', max_attempts: 3 },
    { name: 'brief', max_attempts: 2 },
  ])
})

test('an attempt that takes too long is aborted, says so, and is tried again', async () => {
  behave = async () => ({})
  const [id] = await engine.add('job')
  const failed = await reaches(id, "status = 'failed'", 'brief')
  expect(failed).toMatchObject({ attempts: 2, runs: 2 })
  expect(failed.error_message).toBe('brief took longer than its 0.5 s: raise JOB_TIMEOUT_MS or give it less')
  expect(failed.error_details).toMatchObject({ retryable: true })
})

test('JOB_TIMEOUT_MS limits stages that set no limit of their own', async () => {
  const limited = await createTestEngine([job], { environment: { JOB_TIMEOUT_MS: '1000' } })
  try {
    behave = async ({ signal }) => await delay(20_000, {}, { signal })
    await limited.add('job')
    await limited.query('update tasks set max_attempts = 1')
    await limited.startWorker()
    const failed = await limited.until<Row>("select * from tasks where status = 'failed'", [], 5)
    expect(failed.error_message).toBe('work took longer than its 1 s: raise JOB_TIMEOUT_MS or give it less')
  } finally {
    await limited.close()
  }
})

test('a stage that ignores its signal is left behind', async () => {
  const [id] = await engine.add('deaf')
  const failed = await engine.until<Row>(
    "select * from tasks where pipeline = 'deaf' and subject_id = $1 and status = 'failed'",
    [id],
    10,
  )
  expect(failed.error_message).toMatch(/deaf took longer than its 0.2 s/)
})

test('text that JSON in Postgres cannot hold is mended, in outputs and in errors', async () => {
  behave = async () => {
    throw new InvalidInput('ffmpeg said \0 and \ud800')
  }
  const [id] = await engine.add('job')
  expect((await reaches(id, "status = 'failed'")).error_message).toBe('ffmpeg said \uFFFD and \uFFFD')
})

test('an output that cannot be written fails its task instead of holding it for ever', async () => {
  const Odd = z.object({ value: z.unknown() })
  const odd = stagesOf<Job>('odd')({ name: 'odd', description: 'odd', output: Odd, run: async () => ({ value: 1n }) })
  const broken = await createTestEngine([
    definePipeline({ name: 'odd', description: 'odd', stages: [odd], loadSubject: async () => ({ id: 1 }) }),
  ])
  try {
    await broken.add('odd', 3)
    await broken.startWorker()
    await broken.untilIdle('odd', 5)
    const rows = await broken.query<Row>('select * from tasks')
    expect(rows.map((task) => task.status)).toEqual(['failed', 'failed', 'failed'])
    expect(rows[0].error_message).toMatch(/BigInt/)
  } finally {
    await broken.close()
  }
})

test('the database refuses words that are not statuses or stages', async () => {
  await expect(engine.query("update tasks set status = 'done'")).rejects.toThrow(/tasks_status_check/)
  await expect(
    engine.query("insert into tracks (title, source_type, stage) values ('a', 'upload', 'almost')"),
  ).rejects.toThrow(/tracks_stage_check/)
  await expect(engine.query("insert into tracks (title, source_type) values ('a', 'tape')")).rejects.toThrow(
    /source_type_check/,
  )
})
