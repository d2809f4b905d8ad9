import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Context } from '../../worker/engine/context.ts'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

interface Subject {
  readonly id: number
}
interface Row {
  status: string
  attempts: number
  output: unknown
  error_message: string
  error_details: Record<string, unknown>
  reason: string | null
}

let behave: (context: Context<Subject>) => Promise<unknown> = async () => ({})
const Output = z.object({ value: z.unknown(), count: z.number().optional() })
const stage = stagesOf<Subject>('toy')
const work = stage({
  name: 'work',
  description: 'what the test says',
  output: Output,
  run: async (_inputs, context) => (await behave(context)) as z.output<typeof Output>,
})
const toy = definePipeline<Subject>({
  name: 'toy',
  description: 'a toy',
  stages: [work],
  loadSubject: async (_transaction, id) => ({ id }),
})

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([toy])
  await engine.startWorker()
})
afterAll(() => engine.close())

async function settled(id: number): Promise<Row> {
  return await engine.until<Row>("select * from tasks where subject_id = $1 and status not in ('pending', 'running')", [
    id,
  ])
}
async function runOnce(behaviour: typeof behave): Promise<Row> {
  behave = behaviour
  const [id] = await engine.add('toy')
  return await settled(id)
}

test('an effect runs once: a retry after a failure behind it gets the stored result', async () => {
  const keys: string[] = []
  const row = await runOnce(async ({ once, task }) => {
    const minted = await once('mint', async (key) => {
      keys.push(key)
      return { token: 42 }
    })
    if (task.attempt === 1) throw new Error('crashed after the mint')
    return { value: minted }
  })
  expect(row).toMatchObject({ status: 'completed', attempts: 2, output: { value: { token: 42 } } })
  expect(keys).toHaveLength(1)
})

test('a crash between the effect and its record meets the same idempotency key again, and another key elsewhere', async () => {
  const keys: string[] = []
  const row = await runOnce(async ({ once, task }) => {
    await once('pay', async (key) => {
      keys.push(key)
      if (task.attempt < 3) throw new Error('paid, then crashed')
    })
    await once('post', async (key) => void keys.push(key))
    return { value: 1 }
  })
  expect(row).toMatchObject({ status: 'completed', attempts: 3 })
  expect(keys).toHaveLength(4)
  expect(new Set(keys.slice(0, 3)).size).toBe(1)
  expect(keys[3]).not.toBe(keys[0])
  const [{ id }] = await engine.query<{ id: string }>('select id from installation')
  expect(keys[0].startsWith(`${id}:toy:`)).toBe(true)
})

test('an effect without a result is remembered too', async () => {
  let effects = 0
  const row = await runOnce(async ({ once, task }) => {
    const result = await once('tell', async () => void effects++)
    if (task.attempt === 1) throw new Error('again')
    return { value: result ?? 'nothing' }
  })
  expect(row.output).toEqual({ value: 'nothing' })
  expect(effects).toBe(1)
})

test('reservations made at once never pass the budget, and a refused one fails without a retry', async () => {
  behave = async ({ spend }) => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => spend(100_000, 'a picture')))
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (refused) throw refused.reason
    return { value: 1 }
  }
  const row = await engine.client.pool.connect().then(async (connection) => {
    try {
      await connection.query('begin')
      const { rows } = await connection.query('insert into toys default values returning id')
      await connection.query('update subjects set budget_usd_micros = 750000 where id = $1', [rows[0].id])
      await connection.query('commit')
      return rows[0] as { id: number }
    } finally {
      connection.release()
    }
  })
  const failed = await settled(row.id)
  expect(failed).toMatchObject({ status: 'failed', attempts: 1 })
  expect(failed.error_message).toBe('a picture costs 0.1 USD, 0.7 of 0.75 USD are spent: raise the budget and retry')
  expect(failed.error_details).toEqual({
    kind: 'BUDGET_EXCEEDED',
    retryable: false,
    usdMicros: 100_000,
    spent: 700_000,
    budget: 750_000,
  })
  expect(
    await engine.query('select sum(usd_micros)::int as spent from ledger where subject_id = $1', [row.id]),
  ).toEqual([{ spent: 700_000 }])
})

test('money without a budget is only written down; broken amounts are refused', async () => {
  const row = await runOnce(async ({ spend }) => {
    await spend(1, 'a word')
    await expect(spend(0.5, 'half')).rejects.toThrow(/whole micro-dollars/)
    await expect(spend(-1, 'income')).rejects.toThrow(/whole micro-dollars/)
    return { value: 1 }
  })
  expect(row.status).toBe('completed')
})

test('a skip in a stage that cannot skip is a failure that says what to declare', async () => {
  const row = await runOnce(async ({ skip }) => skip('not today'))
  expect(row).toMatchObject({ status: 'failed', attempts: 1 })
  expect(row.error_message).toBe('stage work skipped (not today) but is not declared to: give it canSkip: true')
})

test('an output of the wrong shape fails at once and names the field', async () => {
  const row = await runOnce(async () => ({ value: 1, count: 'many' }))
  expect(row).toMatchObject({ status: 'failed', attempts: 1, output: null })
  expect(row.error_message).toMatch(/stage work made an output of the wrong shape: count: /)
  expect(row.error_details.faults).toHaveLength(1)
})

test('the workspace is private to one run and gone afterwards, also after a failure', async () => {
  const seen: { path: string; mode: number }[] = []
  const look = async ({ workspacePath }: Context<Subject>) => {
    const facts = await stat(workspacePath)
    await writeFile(join(workspacePath, 'scratch'), 'x')
    seen.push({ path: workspacePath, mode: facts.mode & 0o777 })
  }
  await runOnce(async (context) => {
    await look(context)
    return { value: 1 }
  })
  await runOnce(async (context) => {
    await look(context)
    throw new InvalidInput('no')
  })
  expect(seen.map(({ mode }) => mode)).toEqual([0o700, 0o700])
  expect(seen[0].path).not.toBe(seen[1].path)
  expect((await stat(join(seen[0].path, '..'))).mode & 0o777).toBe(0o700)
  for (const { path } of seen) await expect(stat(path)).rejects.toThrow(/ENOENT/)
})

test('a deleted subject fails its task with words', async () => {
  const gone = stagesOf<Subject>('ghost')({
    name: 'work',
    description: 'w',
    output: Output,
    run: async () => ({ value: 1 }),
  })
  const other = await createTestEngine([
    definePipeline<Subject>({
      name: 'ghost',
      description: 'never there',
      stages: [gone],
      loadSubject: async () => null,
    }),
  ])
  try {
    await other.add('ghost')
    await other.startWorker()
    const row = await other.until<Row>("select * from tasks where status = 'failed'")
    expect(row).toMatchObject({ attempts: 1, error_message: 'ghost 1 is gone' })
  } finally {
    await other.close()
  }
})
