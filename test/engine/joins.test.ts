import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Nothing = z.object({})
const stage = stagesOf<object>('fork')
const run = async () => ({})
const root = stage({ name: 'root', description: 'root', output: Nothing, run })
const left = stage({ name: 'left', description: 'left', after: [root], output: Nothing, run })
const right = stage({ name: 'right', description: 'right', after: [root], output: Nothing, run })
const join = stage({
  name: 'join',
  description: 'join',
  after: [left, right],
  output: Nothing,
  milestone: 'joined',
  run,
})
const fork = definePipeline({
  name: 'fork',
  description: 'two branches that meet',
  milestones: ['joined'],
  stages: [root, left, right, join],
  loadSubject: async () => ({}),
})

let engine: TestEngine
afterEach(() => engine.close())

async function deadlocks(): Promise<number> {
  const [row] = await engine.query<{ deadlocks: number }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return row.deadlocks
}

/** Every subject with anything other than one completed row of each stage. */
const unfinished = () =>
  engine.query(
    `select subject_id, array_agg(stage || ' ' || status) from tasks group by subject_id
     having count(*) filter (where status = 'completed') <> 4 or count(*) <> 4`,
  )

test('two branches that settle in the same instant make exactly one dependent, a thousand times', async () => {
  engine = await createTestEngine([fork])
  const ids = await engine.add('fork', 1000)
  await engine.query("update tasks set status = 'completed' where stage = 'root'")
  const connections = await Promise.all(Array.from({ length: 8 }, () => engine.client.pool.connect()))
  try {
    const settle = "update tasks set status = 'completed' where subject_id = $1 and stage = $2"
    const queue = [...ids]
    await Promise.all(
      [0, 2, 4, 6].map(async (lane) => {
        for (let id = queue.pop(); id; id = queue.pop())
          await Promise.all([
            connections[lane].query(settle, [id, 'left']),
            connections[lane + 1].query(settle, [id, 'right']),
          ])
      }),
    )
  } finally {
    for (const connection of connections) connection.release()
  }
  const joins = await engine.query<{ n: number; subjects: number }>(
    "select count(*) as n, count(distinct subject_id) as subjects from tasks where stage = 'join' and status = 'pending'",
  )
  expect(joins).toEqual([{ n: 1000, subjects: 1000 }])
  expect(await deadlocks()).toBe(0)
})

test('two workers join a thousand subjects: none missing, none twice, no deadlock, no job left', async () => {
  engine = await createTestEngine([fork])
  await engine.add('fork', 1000)
  await Promise.all([engine.startWorker(), engine.startWorker()])
  await engine.untilIdle('fork', 60)
  expect(await unfinished()).toEqual([])
  expect(await engine.query('select id from tasks where runs <> 1 or attempts <> 1')).toEqual([])
  expect(await engine.query("select id from subjects where milestone <> 'joined'")).toEqual([])
  await engine.assertConsistent()
  expect(await deadlocks()).toBe(0)
})

test('joins hold while operators update rows and re-run stages of the same subjects', async () => {
  engine = await createTestEngine([fork])
  const ids = await engine.add('fork', 400)
  await Promise.all([engine.startWorker(), engine.startWorker()])
  const until = Date.now() + 4_000
  const pick = () => ids[Math.floor(Math.random() * ids.length)]
  let updates = 0
  let reruns = 0
  async function operate() {
    while (Date.now() < until) {
      const touched = await engine.query(
        `update tasks set status = 'pending', error_message = null
         where id in (select id from tasks where status = 'completed' and subject_id = any($1) order by id limit 3) returning id`,
        [[pick(), pick()]],
      )
      updates += touched.length
    }
  }
  async function undo() {
    while (Date.now() < until) {
      await engine.query('select rerun_stage($1, $2, $3)', ['fork', pick(), Math.random() < 0.5 ? 'left' : 'root'])
      reruns++
    }
  }
  await Promise.all([operate(), operate(), undo(), undo()])
  await engine.untilIdle('fork', 60)
  expect(updates).toBeGreaterThan(20)
  expect(reruns).toBeGreaterThan(20)
  expect(await unfinished()).toEqual([])
  expect(await engine.query("select id from subjects where milestone <> 'joined'")).toEqual([])
  await engine.assertConsistent()
})

test('what follows an empty list does not cost another hand-over its runner', async () => {
  const hollow = stagesOf<object>('twig')
  const start = hollow({
    name: 'start',
    description: 'no items',
    output: z.object({ items: z.array(z.string()) }),
    run: async () => ({ items: [] }),
  })
  const after = hollow({ name: 'after', description: 'taken straight on', after: [start], output: Nothing, run })
  const each = hollow({
    name: 'each',
    description: 'none',
    after: [start],
    each: { of: start, path: 'items' },
    output: Nothing,
    run,
  })
  const end = hollow({ name: 'end', description: 'follows the empty list', after: [each], output: Nothing, run })
  const twig = definePipeline({
    name: 'twig',
    description: 'twig',
    stages: [start, after, each, end],
    loadSubject: async () => ({}),
  })
  engine = await createTestEngine([twig])
  await engine.add('twig', 20)
  await engine.startWorker()
  await engine.untilIdle('twig', 10)
  expect(await engine.query('select stage, status, count(*) as n from tasks group by 1, 2 order by 1')).toEqual([
    { stage: 'after', status: 'completed', n: 20 },
    { stage: 'each', status: 'skipped', n: 20 },
    { stage: 'end', status: 'completed', n: 20 },
    { stage: 'start', status: 'completed', n: 20 },
  ])
})

test('canceling a subject whose optional branch still runs starts nothing new', async () => {
  const spur = stagesOf<object>('spur')
  const one = spur({ name: 'one', description: 'one', output: Nothing, run })
  const maybe = spur({ name: 'maybe', description: 'maybe', output: Nothing, run })
  const end = spur({ name: 'end', description: 'end', after: [one], optionalAfter: [maybe], output: Nothing, run })
  engine = await createTestEngine([
    definePipeline({ name: 'spur', description: 'spur', stages: [one, maybe, end], loadSubject: async () => ({}) }),
  ])
  const [id] = await engine.add('spur')
  await engine.query("update tasks set status = 'completed' where stage = 'one'")
  await engine.query("select cancel_subject('spur', $1, 'enough')", [id])
  await engine.query('select backfill_tasks()')
  expect(await engine.tasks('spur', id)).toEqual(['one completed', 'maybe canceled'])
})
