import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const Nothing = z.object({})
const artist = definePipeline({
  name: 'artist',
  description: 'an artist in the words of its operators',
  stages: [
    stagesOf<object>('artist')({ name: 'mint_pkp', description: 'mints', output: Nothing, run: async () => ({}) }),
  ],
  loadSubject: async () => ({}),
})

let isBroken = true
const trackStage = stagesOf<object>('track')
const download = trackStage({
  name: 'download',
  description: 'works when mended',
  output: Nothing,
  run: async () => {
    if (isBroken) throw new InvalidInput('no such file')
    return {}
  },
})
const align = trackStage({
  name: 'align',
  description: 'follows',
  after: [download],
  output: Nothing,
  run: async () => ({}),
})
const track = definePipeline({
  name: 'track',
  description: 'a toy',
  stages: [download, align],
  loadSubject: async () => ({}),
})

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([artist, track])
})
afterAll(() => engine.close())

test('artist_tasks says in_progress where the engine says running, both ways', async () => {
  const [id] = await engine.add('artist')
  await engine.query("update artist_tasks set status = 'in_progress' where artist_id = $1", [id])
  expect(await engine.tasks('artist', id)).toEqual(['mint_pkp running'])
  expect(
    await engine.query('select status, retry_count, max_retries from artist_tasks where artist_id = $1', [id]),
  ).toEqual([{ status: 'in_progress', retry_count: 0, max_retries: 3 }])
  await engine.query(
    "update artist_tasks set status = 'failed', error_message = 'no gas', retry_count = 3 where artist_id = $1",
    [id],
  )
  await engine.query("update artist_tasks set status = 'pending' where artist_id = $1", [id])
  expect(
    await engine.query('select status, retry_count, error_message from artist_tasks where artist_id = $1', [id]),
  ).toEqual([{ status: 'pending', retry_count: 0, error_message: null }])
  await expect(engine.query("update artist_tasks set status = 'minted' where artist_id = $1", [id])).rejects.toThrow(
    /tasks_status_check/,
  )
})

test('a task that a person marks as running by hand is left to that person', async () => {
  const [id] = await engine.add('artist')
  await engine.query(
    "update tasks set status = 'running', started_at = now() - interval '1 day' where subject_id = $1",
    [id],
  )
  await engine.query("select wake_forgotten_tasks(interval '1 minute')")
  expect(await engine.tasks('artist', id)).toEqual(['mint_pkp running'])
})

test("an operator's update of audio_tasks runs exactly that task again, with fresh attempts", async () => {
  const [first, second] = await engine.query<{ id: number }>(
    "insert into tracks (title, source_type) values ('a', 'upload'), ('b', 'upload') returning id",
  )
  await engine.startWorker()
  const failed = await engine.until<{ id: number; error_message: string; attempts: number }>(
    "select * from audio_tasks where subject_id = $1 and status = 'failed'",
    [first.id],
  )
  expect(failed).toMatchObject({ task_type: 'download', error_message: 'no such file', attempts: 1, max_attempts: 3 })
  await engine.until("select 1 from audio_tasks where subject_id = $1 and status = 'failed'", [second.id])
  isBroken = false
  await engine.query("update audio_tasks set status = 'pending', error_message = null where id = $1", [failed.id])
  await engine.until(
    "select 1 from audio_tasks where subject_id = $1 and task_type = 'align' and status = 'completed'",
    [first.id],
  )
  const rows = await engine.query(
    `select a.subject_id, a.task_type, a.status, a.attempts, a.error_message, t.runs
     from audio_tasks a join tasks t on t.id = a.id order by a.id`,
  )
  expect(rows).toEqual([
    { subject_id: first.id, task_type: 'download', status: 'completed', attempts: 1, error_message: null, runs: 2 },
    {
      subject_id: second.id,
      task_type: 'download',
      status: 'failed',
      attempts: 1,
      error_message: 'no such file',
      runs: 1,
    },
    { subject_id: first.id, task_type: 'align', status: 'completed', attempts: 1, error_message: null, runs: 1 },
  ])
})
