import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Nothing = z.object({})
const run = async () => ({})
const loadSubject = async () => ({})
const ownerStage = stagesOf<object>('owner')
const sign = ownerStage({ name: 'sign', description: 'sign', output: Nothing, run })
const seal = ownerStage({ name: 'seal', description: 'seal', after: [sign], output: Nothing, run })
const owner = definePipeline({ name: 'owner', description: 'who owns', stages: [sign, seal], loadSubject })
const deedStage = stagesOf<object>('deed')
const write = deedStage({ name: 'write', description: 'write', output: Nothing, run })
const stamp = deedStage({ name: 'stamp', description: 'stamp', after: [write], requires: [seal], output: Nothing, run })
const file = deedStage({ name: 'file', description: 'file', after: [stamp], output: Nothing, run })
const deed = definePipeline({ name: 'deed', description: 'what is owned', stages: [write, stamp, file], loadSubject })

let engine: TestEngine
afterEach(() => engine.close())

const link = (deedId: number, ownerId: number) =>
  engine.query("insert into subject_links values ('deed', $1, 'owner', $2)", [deedId, ownerId])
const settle = (pipeline: string, subjectId: number, stage: string, status = 'completed') =>
  engine.query('update tasks set status = $4 where pipeline = $1 and subject_id = $2 and stage = $3', [
    pipeline,
    subjectId,
    stage,
    status,
  ])
const reasonFor = async (deedId: number) =>
  (
    await engine.query<{ reason: string }>("select reason from waiting_reasons('deed', $1) where stage = 'stamp'", [
      deedId,
    ])
  )[0]?.reason

test('a stage waits for the stage of another pipeline that it requires, and says so', async () => {
  engine = await createTestEngine([owner, deed])
  const [deedId] = await engine.add('deed')
  const [ownerId] = await engine.add('owner')
  await settle('deed', deedId, 'write')
  expect(await engine.tasks('deed', deedId)).toEqual(['write completed'])
  expect(await reasonFor(deedId)).toBe('waits for seal of its owner (no owner is known)')
  await link(deedId, ownerId)
  expect(await reasonFor(deedId)).toBe('waits for seal of its owner (not ready yet)')
  await settle('owner', ownerId, 'sign')
  expect(await reasonFor(deedId)).toBe('waits for seal of its owner (pending)')
  await engine.query("update tasks set error_message = 'no wax' where stage = 'seal'")
  await settle('owner', ownerId, 'seal', 'failed')
  expect(await reasonFor(deedId)).toBe('waits for seal of its owner (failed: no wax)')
  expect(await engine.query('select from missing_tasks')).toEqual([])
  await settle('owner', ownerId, 'seal')
  expect(await engine.tasks('deed', deedId)).toEqual(['write completed', 'stamp pending'])
})

test('one owner makes ready every subject that waited for it, and no other', async () => {
  engine = await createTestEngine([owner, deed])
  const [mine, other] = await engine.add('owner', 2)
  const deeds = await engine.add('deed', 20)
  for (const [at, id] of deeds.entries()) await link(id, at < 15 ? mine : other)
  await engine.query("update tasks set status = 'completed' where stage = 'write' and subject_id <> $1", [deeds[0]])
  await settle('owner', mine, 'sign')
  await settle('owner', mine, 'seal')
  const rows = await engine.query<{ subject_id: number }>("select subject_id from tasks where stage = 'stamp'")
  expect(rows.map((row) => row.subject_id).toSorted((a, b) => a - b)).toEqual(deeds.slice(1, 15))
  await settle('deed', deeds[0], 'write')
  expect(await engine.tasks('deed', deeds[0])).toEqual(['write completed', 'stamp pending'])
})

test('a subject that learns late whom it belongs to starts what is ready', async () => {
  engine = await createTestEngine([owner, deed])
  const [ownerId] = await engine.add('owner')
  const [deedId] = await engine.add('deed')
  await settle('owner', ownerId, 'sign')
  await settle('owner', ownerId, 'seal')
  await settle('deed', deedId, 'write')
  expect(await engine.tasks('deed', deedId)).toEqual(['write completed'])
  await link(deedId, ownerId)
  expect(await engine.tasks('deed', deedId)).toEqual(['write completed', 'stamp pending'])
})

test('an owner and its subjects that settle in the same instant make exactly one dependent each, and no deadlock', async () => {
  engine = await createTestEngine([owner, deed])
  const owners = await engine.add('owner', 100)
  const deeds = await engine.add('deed', 300)
  for (const [at, id] of deeds.entries()) await link(id, owners[at % owners.length])
  await engine.query("update tasks set status = 'completed' where stage = 'sign'")
  const settleMany =
    "update tasks set status = 'completed' where pipeline = $1 and stage = $2 and subject_id = any ($3)"
  const connections = await Promise.all(Array.from({ length: 4 }, () => engine.client.pool.connect()))
  try {
    for (let at = 0; at < owners.length; at += 4) {
      const some = owners.slice(at, at + 4)
      const theirs = deeds.filter((_, place) => some.includes(owners[place % owners.length]))
      await Promise.all([
        connections[0].query(settleMany, ['owner', 'seal', some.slice(0, 2)]),
        connections[1].query(settleMany, ['owner', 'seal', some.slice(2)]),
        connections[2].query(settleMany, ['deed', 'write', theirs.filter((id) => id % 2 === 0)]),
        connections[3].query(settleMany, ['deed', 'write', theirs.filter((id) => id % 2 === 1)]),
      ])
    }
  } finally {
    for (const connection of connections) connection.release()
  }
  const [counts] = await engine.query<{ stamps: number; deeds: number }>(
    "select count(*)::int as stamps, count(distinct subject_id)::int as deeds from tasks where stage = 'stamp'",
  )
  expect(counts).toEqual({ stamps: 300, deeds: 300 })
  const [{ deadlocks }] = await engine.query<{ deadlocks: number }>(
    'select deadlocks::int from pg_stat_database where datname = current_database()',
  )
  expect(deadlocks).toBe(0)
})

test('a worker carries subjects through a requirement', async () => {
  engine = await createTestEngine([owner, deed])
  const owners = await engine.add('owner', 10)
  const deeds = await engine.add('deed', 50)
  for (const [at, id] of deeds.entries()) await link(id, owners[at % owners.length])
  await engine.startWorker()
  await engine.untilIdle('deed')
  const rows = await engine.query<{ n: number }>(
    "select count(*)::int as n from tasks where pipeline = 'deed' and status = 'completed'",
  )
  expect(rows[0].n).toBe(150)
  await engine.assertConsistent()
})

test('a requirement of a pipeline that is not there stops the start', async () => {
  await expect(createTestEngine([deed])).rejects.toThrow(
    'stage stamp requires seal of the pipeline owner, which is not in the list',
  )
  engine = await createTestEngine([owner])
})
