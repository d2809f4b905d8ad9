import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { cancelSubject, rerunStage, reviewTask } from '../../worker/engine/tasks.ts'
import { MediaFailed } from '../../worker/errors.ts'
import {
  addDelivery,
  addWithCallback,
  deliveries,
  engine,
  receiver,
  record,
  review,
  SECRET,
  start,
  startEngine,
  toys,
  untilStatus,
  useCallbacks,
} from './toys.ts'

useCallbacks()

test('a finished subject is told once, signed, with what became of each task', async () => {
  const id = await addWithCallback('tune')
  await startEngine()
  await engine.untilIdle('tune')
  start()
  const { id: deliveryId } = await untilStatus('delivered')
  await record()
  expect(await deliveries()).toHaveLength(1)
  expect(receiver.requests).toHaveLength(1)
  const [request] = receiver.requests
  const [event] = await engine.query<{ at: Date }>('select at from task_events order by seq desc limit 1')
  expect(request.json()).toEqual({
    kind: 'finished',
    pipeline: 'tune',
    subjectId: `Tune:${id}`,
    milestone: 'hummed',
    tasks: [{ type: 'hum', item: '', status: 'completed', errorMessage: null, reason: null }],
    at: event.at.toISOString(),
    deliveryId,
  })
  expect(Object.keys(request.json() as object)[0]).toBe('kind')
  expect(request.query.get('key')).toBe('hidden-1')
  const timestamp = String(request.headers['x-refrain-timestamp'])
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(30)
  const signature = createHmac('sha256', SECRET).update(`${timestamp}.`).update(request.body).digest('hex')
  expect(request.headers).toMatchObject({
    'content-type': 'application/json',
    'x-refrain-delivery': deliveryId,
    'x-refrain-signature': `sha256=${signature}`,
  })
})

test("a track's own address is used, and without a secret nothing is signed", async () => {
  const track = await engine.query<{ id: number }>(
    "insert into tracks (title, source_type, callback_url) values ('Song', 'url', $1), ('Other', 'url', null) returning id",
    [`${receiver.url}/hook`],
  )
  await engine.query(
    `insert into tasks (pipeline, subject_id, stage, item, status, reason)
     select 'track', id, 'translate', 'vi', 'skipped', 'no lyrics' from tracks`,
  )
  start({ WEBHOOK_SECRET: '' })
  await untilStatus('delivered')
  expect(receiver.requests.map((request) => request.json())).toMatchObject([
    {
      kind: 'finished',
      subjectId: `Track:${track[0].id}`,
      tasks: [{ type: 'translate', item: 'vi', status: 'skipped', reason: 'no lyrics' }],
    },
  ])
  expect(receiver.requests[0].headers).not.toHaveProperty('x-refrain-signature')
})

test('nothing is told while a task is pending or running, nor of a subject without tasks or callback', async () => {
  const id = await addWithCallback('tune')
  await engine.add('tune')
  const [empty] = await engine.query<{ id: number }>('insert into tunes default values returning id')
  await engine.query("delete from tasks where pipeline = 'tune' and subject_id = $1", [empty.id])
  await engine.query("insert into toy_callbacks values ('tune', $1, 'http://127.0.0.1/')", [empty.id])
  expect(await record()).toEqual([{ n: 0 }])
  await engine.query("update tasks set status = 'running'")
  expect(await record()).toEqual([{ n: 0 }])
  await engine.query("update tasks set status = 'completed'")
  expect(await record()).toEqual([{ n: 1 }])
  expect(await engine.query('select subject_id from webhook_deliveries')).toEqual([{ subject_id: id }])
})

test('a gate tells that a person is needed, and its approval tells the end', async () => {
  const id = await addWithCallback('folk_song')
  await startEngine()
  await engine.untilIdle('folk_song')
  start()
  await untilStatus('delivered')
  const [task] = await engine.query<{ id: number }>("select id from tasks where status = 'awaiting_review'")
  await reviewTask(engine.client.pool, review, task.id, undefined)
  await engine.until("select 1 from webhook_deliveries where status = 'delivered' having count(*) = 2")
  const told = receiver.requests.map((request) => request.json())
  expect(told).toMatchObject([
    { kind: 'review_needed', subjectId: `FolkSong:${id}`, milestone: 'written' },
    { kind: 'finished', subjectId: `FolkSong:${id}` },
  ])
  expect(told[0]).toMatchObject({ tasks: [{ status: 'completed' }, { type: 'review', status: 'awaiting_review' }] })
})

test('a failure is told with its message, and a re-run that succeeds is told again', async () => {
  toys.sing = () => {
    throw new MediaFailed('the singer is hoarse')
  }
  const id = await addWithCallback('tune')
  await startEngine()
  await engine.untilIdle('tune')
  start()
  await untilStatus('delivered')
  toys.sing = () => ({ text: 'la' })
  await rerunStage(engine.client.pool, 'tune', id, 'hum')
  await engine.until("select 1 from webhook_deliveries where status = 'delivered' having count(*) = 2")
  expect(receiver.requests.map((request) => request.json())).toMatchObject([
    { kind: 'failed', milestone: 'pending', tasks: [{ status: 'failed', errorMessage: 'the singer is hoarse' }] },
    { kind: 'finished', milestone: 'hummed', tasks: [{ status: 'completed', errorMessage: null }] },
  ])
})

test('canceled work counts as failed, with the reason', async () => {
  const id = await addWithCallback('tune')
  await cancelSubject(engine.client.pool, 'tune', id, 'changed my mind')
  await record()
  const [{ body }] = await engine.query<{ body: unknown }>('select body from webhook_deliveries')
  expect(body).toMatchObject({ kind: 'failed', tasks: [{ status: 'canceled', reason: 'changed my mind' }] })
})

test('a deleted subject takes its deliveries with it', async () => {
  await addDelivery()
  await engine.query('delete from tunes')
  expect(await deliveries()).toEqual([])
  expect(await record()).toEqual([{ n: 0 }])
})
