import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Hub, openHub } from '../../api/hub.ts'
import type { SubjectEvent } from '../../api/hub-event.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { syncPipelines } from '../../worker/engine/tasks.ts'
import { createLog } from '../../worker/log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { testPipelines } from './test-api.ts'

let database: TestDatabase
let client: Client
let hub: Hub
beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url, { maxConnections: 20 })
  await syncPipelines(client.pool, testPipelines)
  hub = openHub({ client, pipelines: testPipelines, log: createLog('silent') })
})
afterAll(async () => {
  await hub.close()
  await client.close()
  await database.drop()
})

async function addTrack(): Promise<number> {
  const { rows } = await client.pool.query(
    `insert into tracks (title, source_type) values ('Song', 'url') returning id`,
  )
  return rows[0].id
}

/** Gives a track extra tasks whose progress can be moved; every move is one event. */
async function addTasks(track: number, count: number): Promise<number[]> {
  const { rows } = await client.pool.query(
    `insert into tasks (pipeline, subject_id, stage, item, status)
     select 'track', $1, 'translate', n::text, 'running' from generate_series(1, $2) n returning id`,
    [track, count],
  )
  return rows.map((row) => row.id)
}

async function move(tasks: readonly number[], steps: number): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    await client.pool.query('update tasks set progress = $2::real / 10000 where id = any ($1)', [tasks, step])
  }
}

async function headOf(track: number): Promise<number> {
  const { rows } = await client.pool.query(`select event_seq from subjects where pipeline = 'track' and id = $1`, [
    track,
  ])
  return rows[0].event_seq
}

async function readUntil(events: AsyncIterator<SubjectEvent>, seq: number): Promise<SubjectEvent[]> {
  const seen: SubjectEvent[] = []
  while ((seen.at(-1)?.seq ?? -1) < seq) {
    const { value, done } = await events.next()
    if (done) break
    seen.push(value)
  }
  return seen
}

const expectContiguous = (events: readonly SubjectEvent[]) => {
  const first = events[0].seq
  expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => first + index))
}

test('twenty who join while four write see every change once and in order', async () => {
  const track = await addTrack()
  const tasks = await addTasks(track, 4)
  const begun = await headOf(track)
  const end = begun + 4 * 100
  const writers = tasks.map((task) => move([task], 100))
  const readers = Array.from({ length: 20 }, async (_none, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 15))
    return readUntil(await hub.events('track', track, null), end)
  })
  const [seen] = await Promise.all([Promise.all(readers), ...writers])
  for (const events of seen) {
    expect(events[0].isPresentState).toBe(true)
    expect(events.slice(1).every((event) => !event.isPresentState)).toBe(true)
    expectContiguous(events)
    expect(events.at(-1)?.seq).toBe(end)
  }
  // Late joiners joined late, or the test would show nothing.
  expect(Math.max(...seen.map((events) => events[0].seq))).toBeGreaterThan(begun)
})

test('a reader that stalls holds nobody up, and still gets everything afterwards', async () => {
  const track = await addTrack()
  const tasks = await addTasks(track, 10)
  const begun = await headOf(track)
  const end = begun + 10 * 300
  const stalled = await hub.events('track', track, null)
  await stalled.next()
  const brisk = readUntil(await hub.events('track', track, null), end)
  await move(tasks, 300)
  expectContiguous(await brisk)
  const late = await readUntil(stalled, end)
  expect(late[0].seq).toBe(begun + 1)
  expect(late).toHaveLength(3_000)
  expectContiguous(late)
  await stalled.return?.()
})

test('who comes back goes on where it broke off', async () => {
  const track = await addTrack()
  const tasks = await addTasks(track, 1)
  const live = await hub.events('track', track, null)
  const present = (await live.next()).value as SubjectEvent
  await move(tasks, 5)
  const [, last] = await readUntil(live, present.seq + 2)
  await live.return?.()
  await move(tasks, 10)
  const resumed = await hub.events('track', track, last.seq)
  const rest = await readUntil(resumed, await headOf(track))
  expect(rest[0].seq).toBe(last.seq + 1)
  expectContiguous(rest)
  await expect(hub.events('track', track, last.seq + 1_000)).rejects.toMatchObject({ kind: 'INVALID_INPUT' })
  await expect(hub.events('track', 999_999, null)).rejects.toMatchObject({ kind: 'NOT_FOUND' })
  await resumed.return?.()
})

test('the connection for notifications comes back by itself, and what fell into the gap is told', async () => {
  const track = await addTrack()
  const tasks = await addTasks(track, 1)
  const live = await hub.events('track', track, null)
  await live.next()
  const head = await headOf(track)
  const { rows } = await client.pool.query(
    `select pg_terminate_backend(pid) as killed from pg_stat_activity
     where application_name = 'refrain listener' and datname = current_database()`,
  )
  expect(rows).toEqual([{ killed: true }])
  await move(tasks, 3)
  const begun = Date.now()
  expectContiguous(await readUntil(live, head + 3))
  // Sooner than the safety interval: the new connection has read again.
  expect(Date.now() - begun).toBeLessThan(1_000)
  await live.return?.()
})

test('a lost notification delays a change, and loses none', async () => {
  const track = await addTrack()
  const tasks = await addTasks(track, 1)
  const live = await hub.events('track', track, null)
  await live.next()
  const head = await headOf(track)
  const silent = new pg.Client({ connectionString: database.url, options: '-c engine.notify=off' })
  await silent.connect()
  await silent.query('update tasks set progress = 0.5 where id = $1', [tasks[0]])
  await silent.end()
  expect(await readUntil(live, head + 1)).toMatchObject([{ seq: head + 1, progress: 0.5 }])
  await live.return?.()
}, 10_000)

test('history that was thrown away is replaced by the present state', async () => {
  const track = await addTrack()
  await move(await addTasks(track, 1), 5)
  const head = await headOf(track)
  await client.pool.query('delete from task_events where subject_id = $1 and seq < $2', [track, head])
  const live = await hub.events('track', track, 0)
  expect((await live.next()).value).toMatchObject({ isPresentState: true, seq: head })
  await live.return?.()
})

test('a subscription ends with its track', async () => {
  const track = await addTrack()
  const live = await hub.events('track', track, null)
  await live.next()
  await client.pool.query('delete from tracks where id = $1', [track])
  let result = await live.next()
  while (!result.done) result = await live.next()
  expect(result.done).toBe(true)
}, 10_000)

test('who leaves while nothing happens is let go at once', async () => {
  const before = hub.subscribers
  const track = await addTrack()
  const live = await hub.events('track', track, null)
  await live.next()
  const waiting = live.next()
  expect(hub.subscribers).toBe(before + 1)
  await live.return?.()
  expect(await waiting).toMatchObject({ done: true })
  expect(hub.subscribers).toBe(before)
})

test('the backlog comes now, then when its counts change, and not for every change', async () => {
  const live = hub.backlog()
  const pendingOf = (rows: readonly { stage: string; pending: number }[]) =>
    rows.find((row) => row.stage === 'download')?.pending ?? -1
  const first = pendingOf((await live.next()).value)
  const begun = Date.now()
  for (let n = 0; n < 20; n++) await addTrack()
  let states = 0
  let pending = first
  while (pending < first + 20) {
    pending = pendingOf((await live.next()).value)
    states++
  }
  expect(pending).toBe(first + 20)
  expect(states).toBeLessThanOrEqual(Math.ceil((Date.now() - begun) / 500) + 1)
  await live.return?.()
  expect((await hub.backlog().next()).value).toHaveLength(testPipelines[0].stages.length)
})
