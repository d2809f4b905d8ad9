import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const stage = stagesOf<object>('toy')
const work = stage({
  name: 'work',
  description: 'reports far more often than anybody wants to know',
  output: z.object({ secret: z.string() }),
  run: async (_inputs, { progress, signal }) => {
    for (let step = 0; step <= 250; step++) {
      progress(step / 250)
      // A report that falls back, overshoots or is no number changes nothing.
      progress(step / 500)
      progress(step === 0 ? Number.NaN : -1)
      await delay(10, undefined, { signal })
    }
    return { secret: 'melody' }
  },
})
const toy = definePipeline({ name: 'toy', description: 'a toy', stages: [work], loadSubject: async () => ({}) })

let engine: TestEngine
let listener: pg.Client
let heard: { payload: string; at: number }[] = []
beforeEach(async () => {
  engine = await createTestEngine([toy])
  heard = []
  listener = new pg.Client({ connectionString: engine.url })
  await listener.connect()
  listener.on('notification', ({ payload }) => heard.push({ payload: payload ?? '', at: Date.now() }))
  await listener.query('listen task_events')
})
afterEach(async () => {
  await listener.end()
  await engine.close()
})

test('progress is written about twice a second, only rises, and listeners are told with ids alone', async () => {
  const [id] = await engine.add('toy')
  await engine.startWorker()
  await engine.untilIdle('toy', 15)
  await delay(150)
  const events = await engine.query<{ progress: number; at: Date; status: string }>(
    'select progress, at, status from task_events where task_id is not null order by seq',
  )
  expect(events[0].status).toBe('pending')
  expect(events.at(-1)).toMatchObject({ status: 'completed', progress: 1 })
  const running = events.filter((event) => event.status === 'running')
  const seconds = (events.at(-1)!.at.getTime() - running[0].at.getTime()) / 1000
  expect(running.length).toBeGreaterThanOrEqual(3)
  expect(running.length - 1).toBeLessThanOrEqual(seconds * 2 + 1)
  for (const [index, event] of running.entries())
    if (index > 0) expect(event.progress).toBeGreaterThan(running[index - 1].progress)
  expect(new Set(heard.map(({ payload }) => payload))).toEqual(new Set([`toy:${id}`]))
  expect(heard.length).toBeGreaterThanOrEqual(3)
  expect(heard.length).toBeLessThanOrEqual(events.length + 2)
})

test('plain SQL tells listeners by itself, in the transaction that changed something', async () => {
  await listener.query('insert into toys select from generate_series(1, 3)')
  await expect.poll(() => heard.length).toBe(1)
  expect(heard[0].payload.split(',').sort()).toEqual(['toy:1', 'toy:2', 'toy:3'])
  await listener.query("update tasks set status = 'canceled' where subject_id = 2")
  await expect.poll(() => heard.length).toBe(2)
  expect(heard[1].payload).toBe('toy:2')
  await listener.query('begin')
  await listener.query("update tasks set status = 'canceled' where subject_id = 3")
  await listener.query('rollback')
  await delay(100)
  expect(heard).toHaveLength(2)
})

test('too many subjects for one message are told as a star', async () => {
  await listener.query('insert into toys select from generate_series(1, 2000)')
  await expect.poll(() => heard.map(({ payload }) => payload)).toEqual(['*'])
})
