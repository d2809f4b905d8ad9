import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { waitingReasons } from '../../worker/engine/tasks.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Nothing = z.object({})
const encodeStage = stagesOf<object>('film')
let encoding = 0
let mostEncoding = 0
const encode = encodeStage({
  name: 'encode',
  description: 'long',
  queue: 'encode',
  output: Nothing,
  run: async (_inputs, { signal }) => {
    mostEncoding = Math.max(mostEncoding, ++encoding)
    try {
      await delay(30_000, undefined, { signal })
    } finally {
      encoding--
    }
    return {}
  },
})
const film = definePipeline({ name: 'film', description: 'encodes', stages: [encode], loadSubject: async () => ({}) })
const noteStage = stagesOf<object>('note')
const one = noteStage({ name: 'one', description: 'short', output: Nothing, run: async () => ({}) })
const two = noteStage({
  name: 'two',
  description: 'short, in another queue',
  after: [one],
  queue: 'heavy',
  output: Nothing,
  run: async () => ({}),
})
const note = definePipeline({ name: 'note', description: 'light', stages: [one, two], loadSubject: async () => ({}) })

let engine: TestEngine
beforeEach(async () => {
  engine = await createTestEngine([film, note])
})
afterEach(() => engine.close())

test('long encodes run one at a time and never starve light work', async () => {
  await engine.add('film', 6)
  await engine.startWorker()
  await engine.until("select 1 from tasks where stage = 'encode' and status = 'running'")
  const startedAt = Date.now()
  await engine.add('note', 100)
  await engine.untilIdle('note', 15)
  expect(Date.now() - startedAt).toBeLessThan(15_000)
  expect(mostEncoding).toBe(1)
  expect(
    await engine.query("select status, count(*) as n from tasks where pipeline = 'film' group by 1 order by 1"),
  ).toEqual([
    { status: 'pending', n: 5 },
    { status: 'running', n: 1 },
  ])
})

test('a worker that serves some queues leaves the others, and the backlog says that nobody serves them', async () => {
  const [filmId] = await engine.add('film')
  const [noteId] = await engine.add('note')
  const reasons = async (pipeline: string, id: number) =>
    (await waitingReasons(engine.client.pool, pipeline, id)).map(({ reason }) => reason)
  expect(await reasons('film', filmId)).toEqual(['no worker serves the encode queue'])
  expect(await reasons('note', noteId)).toEqual(['no worker serves the light queue', 'waits for one (pending)'])
  await engine.startWorker({ WORKER_QUEUES: 'light' })
  await engine.until("select 1 from tasks where stage = 'two'")
  await delay(300)
  expect(await engine.tasks('note', noteId)).toEqual(['one completed', 'two pending'])
  expect(await reasons('note', noteId)).toEqual(['no worker serves the heavy queue'])
  await engine.startWorker({ WORKER_QUEUES: 'heavy' })
  await engine.untilIdle('note', 5)
  expect(await reasons('note', noteId)).toEqual([])
  expect(await reasons('film', filmId)).toEqual(['no worker serves the encode queue'])
})

test('a killed worker does not count as one that serves a queue', async () => {
  const [id] = await engine.add('film')
  await engine.query("insert into workers (id, queues) values ('worker-dead', '{encode}')")
  const [waiting] = await waitingReasons(engine.client.pool, 'film', id)
  expect(waiting.reason).toBe('no worker serves the encode queue')
})
