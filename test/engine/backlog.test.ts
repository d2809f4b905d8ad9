import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { syncPipelines } from '../../worker/engine/tasks.ts'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { track } from '../../worker/pipelines/track/index.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const FIFTY = 50
/** What outside sources and the metadata space know of a track is no work on its audio. */
const BESIDE = ['sources', 'enrich', 'populate_work', 'mint_work']
const audioStageCount = track.stages.length - BESIDE.length

let engine: TestEngine
beforeEach(async () => {
  engine = await createTestEngine([artist, track])
})
afterEach(() => engine.close())

async function addTracks(count = FIFTY): Promise<number[]> {
  const rows = await engine.query<{ id: number }>(
    "insert into tracks (title, source_type) select 'song ' || n, 'upload' from generate_series(1, $1::int) n returning id",
    [count],
  )
  return rows.map(({ id }) => id)
}
const settle = (stage: string) =>
  engine.query("update tasks set status = 'completed', output = '{}' where stage = $1 and status = 'pending'", [stage])
const pendingBy = async (view: string) => {
  const sql = {
    tasks: "select stage, count(*)::int as n from tasks where status = 'pending' group by 1 order by 1",
    audio_tasks:
      "select task_type as stage, count(*)::int as n from audio_tasks where status = 'pending' group by 1 order by 1",
    task_summary:
      "select task_type as stage, tasks::int as n from task_summary where status = 'pending' and pipeline = 'track' order by 1",
    stage_backlog:
      "select stage, pending::int as n from stage_backlog where pending > 0 and pipeline = 'track' order by 1",
    tracks_waiting_by_stage: 'select task_type as stage, tracks::int as n from tracks_waiting_by_stage order by 1',
  }[view]
  return await engine.query<{ stage: string; n: number }>(sql ?? '')
}
const VIEWS = ['tasks', 'audio_tasks', 'task_summary', 'stage_backlog', 'tracks_waiting_by_stage']

test('fifty submitted tracks are fifty pending downloads at once, in every view, with no worker running', async () => {
  await addTracks()
  const asked = { stage: 'sources', n: FIFTY }
  for (const view of VIEWS) {
    const expected = view === 'audio_tasks' ? [] : [asked]
    expect(await pendingBy(view), view).toEqual([{ stage: 'download', n: FIFTY }, ...expected])
  }
  const progress = await engine.query('select pending, running, completed, failed, not_started from audio_progress')
  expect(progress).toEqual(
    Array(FIFTY).fill({ pending: 1, running: 0, completed: 0, failed: 0, not_started: audioStageCount - 1 }),
  )
  expect(await engine.query('select * from missing_tasks')).toEqual([])
})

test('fifty tracks at audio_ready are fifty pending alignments', async () => {
  await addTracks()
  for (const stage of ['sources', 'download']) await settle(stage)
  expect(await engine.query('select stage, count(*)::int as n from tracks group by 1')).toEqual([
    { stage: 'audio_ready', n: FIFTY },
  ])
  const expected = await pendingBy('tasks')
  expect(expected).toContainEqual({ stage: 'align', n: FIFTY })
  for (const view of VIEWS) expect(await pendingBy(view), view).toEqual(expected)
  expect(await engine.query('select * from missing_tasks')).toEqual([])
})

test('every step of the stage leaves nothing out: at each, what can run is pending and nothing is missing', async () => {
  const [id] = await addTracks(1)
  await engine.query(`update tracks set artists = '[{"name": "Somebody"}]', primary_artist_name = 'Somebody'`)
  const stages = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const pending = await engine.query<{ stage: string }>(
      "select distinct stage from tasks where status = 'pending' limit 1",
    )
    if (pending.length === 0) break
    const { stage } = pending[0]
    await settle(stage)
    expect(await engine.query('select * from missing_tasks'), `after ${stage}`).toEqual([])
    const [row] = await engine.query<{ stage: string; milestone: string }>(
      `select k.stage, s.milestone from tracks k join subjects s on s.pipeline = 'track' and s.id = k.id where k.id = $1`,
      [id],
    )
    expect(row.stage).toBe(row.milestone)
    stages.add(row.stage)
  }
  expect(stages.has('ready')).toBe(true)
  const events = await engine.query<{ milestone: string }>(
    "select milestone from task_events where pipeline = 'track' and milestone is not null order by seq",
  )
  expect(events.map(({ milestone }) => milestone)).toEqual(track.milestones.slice(1))
  expect(await engine.query('select not_started from audio_progress')).toEqual([{ not_started: 0 }])
})

test('rows that were deleted are listed as missing, and one call restores them with their jobs', async () => {
  await addTracks()
  await settle('download')
  const before = await pendingBy('tasks')
  await engine.query("delete from tasks where stage = 'align' and subject_id <= 20")
  expect(await engine.query('select stage, count(*)::int as n from missing_tasks group by 1')).toEqual([
    { stage: 'align', n: 20 },
  ])
  expect(await pendingBy('tracks_waiting_by_stage')).toContainEqual({ stage: 'align', n: FIFTY - 20 })
  expect(await engine.query('select backfill_tasks() as mended')).toEqual([{ mended: 20 }])
  expect(await engine.query('select backfill_tasks() as mended')).toEqual([{ mended: 0 }])
  expect(await pendingBy('tasks')).toEqual(before)
  expect(await engine.query('select * from missing_tasks')).toEqual([])
  const [{ without }] = await engine.query<{ without: number }>(
    `select count(*)::int as without from tasks t where status = 'pending'
     and not exists (select from graphile_worker._private_jobs j where (j.payload ->> 'task')::bigint = t.id)`,
  )
  expect(without).toBe(0)
})

test('a moved stage restores what is missing; an update that moves nothing makes nothing', async () => {
  const [id] = await addTracks(1)
  await settle('download')
  await engine.query("delete from tasks where stage = 'align'")
  await engine.query("update tracks set stage = 'pending', title = 'again' where id = $1", [id])
  expect(await engine.query("select status from tasks where stage = 'align'")).toEqual([{ status: 'pending' }])
  await engine.query("delete from tasks where stage = 'align'")
  const [{ stage }] = await engine.query<{ stage: string }>('select stage from tracks')
  const jobs = await engine.query('select id from graphile_worker._private_jobs order by id')
  await engine.query('update tracks set stage = $1, album = null where id = $2', [stage, id])
  expect(await engine.query("select from tasks where stage = 'align'")).toEqual([])
  expect(await engine.query('select id from graphile_worker._private_jobs order by id')).toEqual(jobs)
  await expect(engine.query('update tracks set stage = null')).rejects.toThrow(/null value/)
})

test('asking twice for a task makes one, also from two sessions at once', async () => {
  await addTracks(1)
  await settle('download')
  await engine.query("delete from tasks where stage = 'align'")
  const made = await Promise.all(
    Array.from({ length: 8 }, () =>
      engine.query<{ id: number | null }>("select ensure_task('track', 1, 'align') as id"),
    ),
  )
  expect(made.filter(([row]) => row.id !== null)).toHaveLength(1)
  expect(await engine.query("select max_attempts from tasks where stage = 'align'")).toEqual([{ max_attempts: 3 }])
})

test('a stage added to the pipeline is backfilled for every subject that is ready for it', async () => {
  const toyStage = stagesOf<object>('toy')
  const output = z.object({ items: z.array(z.string()) })
  const one = toyStage({ name: 'one', description: 'one', output, run: async () => ({ items: ['a', 'b'] }) })
  const define = (stages: Parameters<typeof definePipeline>[0]['stages']) =>
    definePipeline({ name: 'toy', description: 'toy', stages, loadSubject: async () => ({}) })
  const toy = await createTestEngine([define([one])])
  try {
    await toy.add('toy', 10)
    await toy.query(`update tasks set status = 'completed', output = '{"items": ["a", "b"]}' where subject_id <= 4`)
    const two = toyStage({ name: 'two', description: 'two', after: [one], output: z.object({}), run: async () => ({}) })
    const each = toyStage({
      name: 'each',
      description: 'each',
      after: [one],
      each: { of: one, path: 'items' },
      output: z.object({}),
      run: async () => ({}),
    })
    await Promise.all([
      syncPipelines(toy.client.pool, [define([one, two, each])]),
      syncPipelines(toy.client.pool, [define([one, two, each])]),
    ])
    expect(
      await toy.query('select stage, item, status, count(*)::int as n from tasks group by 1, 2, 3 order by 1, 2, 3'),
    ).toEqual([
      { stage: 'each', item: 'a', status: 'pending', n: 4 },
      { stage: 'each', item: 'b', status: 'pending', n: 4 },
      { stage: 'one', item: '', status: 'completed', n: 4 },
      { stage: 'one', item: '', status: 'pending', n: 6 },
      { stage: 'two', item: '', status: 'pending', n: 4 },
    ])
    await syncPipelines(toy.client.pool, [define([one])])
    expect(await toy.query('select name from stages')).toEqual([{ name: 'one' }])
  } finally {
    await toy.close()
  }
})

test('the backlog tells how long it will take once stages have been timed', async () => {
  await addTracks(4)
  const [unknown] = await engine.query("select eta_seconds from stage_backlog where stage = 'download'")
  expect(unknown).toEqual({ eta_seconds: null })
  await engine.query(
    "update tasks set status = 'completed', output = '{}', started_at = now() - interval '10 seconds', settled_at = now() where subject_id = 1",
  )
  const [known] = await engine.query<{ eta_seconds: number; median_seconds: number; pending: number }>(
    "select eta_seconds::float, median_seconds::float, pending from stage_backlog where stage = 'download'",
  )
  expect(known).toMatchObject({ eta_seconds: 30, median_seconds: 10, pending: 3 })
})

/** How often each trigger ran, and how many pages the statement read, of a statement that is then undone. */
async function costOf(statement: string): Promise<{ calls: Record<string, number>; pages: number }> {
  const connection = await engine.client.pool.connect()
  try {
    await connection.query('begin')
    const { rows } = await connection.query(`explain (analyze, buffers, timing off, format json) ${statement}`)
    const [{ Triggers: triggers, Plan: plan }] = rows[0]['QUERY PLAN']
    const ran = triggers as { 'Trigger Name': string; Calls: number }[]
    return {
      calls: Object.fromEntries(ran.map((trigger) => [trigger['Trigger Name'], trigger.Calls])),
      pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    }
  } finally {
    await connection.query('rollback')
    connection.release()
  }
}

test('what keeps the backlog complete runs for tracks whose stage moves only, and costs each the same however many there are', async () => {
  const trigger = '_600_populate_audio_tasks'
  await addTracks()
  await settle('download')
  expect((await costOf("update tracks set title = 'Another'")).calls[trigger] ?? 0).toBe(0)
  expect((await costOf('update tracks set stage = stage')).calls[trigger] ?? 0).toBe(0)
  expect((await costOf("update tracks set stage = 'aligned' where id <= 7")).calls[trigger]).toBe(7)

  // What the trigger asks for.
  const question = "select * from missing_tasks where pipeline = 'track' and subject_id = 1"
  const pagesNow = async () => {
    await engine.query('analyze')
    return (await costOf(question)).pages
  }
  const few = await pagesNow()
  await addTracks(20 * FIFTY)
  await settle('download')
  expect(await pagesNow()).toBeLessThan(2 * few)
})
