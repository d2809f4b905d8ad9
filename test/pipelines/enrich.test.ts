import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addSpotifyTrack } from '../../api/add-track.ts'
import { askSource } from '../../api/enrichment.ts'
import { waitingReasons } from '../../worker/engine/tasks.ts'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { track as pipeline } from '../../worker/pipelines/track/index.ts'
import { catalogue } from '../../worker/providers/catalogue/index.ts'
import { openProviders, type Providers } from '../../worker/providers/index.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'
import { impatientHttp, SONG, startMusicDatabases } from '../support/music-databases.ts'
import { chosen } from '../support/provider.ts'

const { signal } = new AbortController()
const ALL = ['genius', 'iswc', 'musicbrainz', 'quansic', 'spotify', 'wikidata']
let databases: Awaited<ReturnType<typeof startMusicDatabases>>
let engine: TestEngine
let metadata: Providers['metadata'] = new Map()
beforeAll(async () => {
  databases = await startMusicDatabases()
  const providers = {
    ...openProviders({}),
    get metadata() {
      return metadata
    },
  }
  // Only light stages run: work on sound is settled by hand.
  engine = await createTestEngine([pipeline, artist], { providers, environment: { WORKER_QUEUES: 'light,lookup' } })
  await engine.startWorker()
})
afterAll(async () => {
  await engine?.close()
  await databases?.close()
})
afterEach(async () => {
  await engine.until("select 1 where not exists (select from tasks where status = 'running')")
  await engine.query('delete from tracks')
})

const environmentOf = (sources: readonly string[]) => ({
  ...databases.environment,
  METADATA_SOURCES: sources.join(','),
})
/** From now on the worker has these sources. */
function configure(sources: readonly string[]): void {
  metadata = openProviders(environmentOf(sources), { http: impatientHttp }).metadata
}
async function addTrack(columns: Record<string, unknown> = {}): Promise<number> {
  const row = { title: SONG.title, artists: JSON.stringify([{ name: SONG.artist }]), source_type: 'upload', ...columns }
  const places = Object.keys(row).map((_name, at) => `$${at + 1}`)
  const [{ id }] = await engine.query<{ id: number }>(
    `insert into tracks (${Object.keys(row).join(', ')}) values (${places.join(', ')}) returning id`,
    Object.values(row),
  )
  return id
}
const addLyrics = (trackId: number) =>
  engine.query("insert into lyrics (track_id, raw, source) values ($1, 'I could be brown', 'submitted')", [trackId])
/** Settles the work on sound up to the words, as a worker of the heavy queue would. */
async function settleAlign(trackId: number): Promise<void> {
  const line = { text: 'I could be brown', startMs: 0, endMs: 900, words: [] }
  const outputs = { download: {}, align: { lyrics: { language: 'en', lines: [line] }, method: 'hand', wordCount: 0 } }
  for (const [stage, output] of Object.entries(outputs)) {
    await engine.query(
      "update tasks set status = 'completed', output = $3, settled_at = now() where subject_id = $1 and stage = $2",
      [trackId, stage, JSON.stringify(output)],
    )
  }
}
const settled = (trackId: number, stage: string) =>
  engine.until(
    `select 1 from tasks where subject_id = $1 and stage = $2
     having count(*) > 0 and count(*) filter (where status in ('pending', 'running')) = 0`,
    [trackId, stage],
  )
interface TaskRow {
  readonly id: number
  readonly item: string
  readonly status: string
  readonly attempts: number
  readonly reason: string | null
  readonly error_message: string | null
}
const tasksOf = (trackId: number, stage: string) =>
  engine.query<TaskRow>('select * from tasks where subject_id = $1 and stage = $2 order by item', [trackId, stage])
const askedOf = async (trackId: number) =>
  Object.fromEntries(
    (
      await engine.query<{ task_type: string; status: string }>(
        'select task_type, status from enrichment_tasks where subject_id = $1 order by 1',
        [trackId],
      )
    ).map((row) => [row.task_type, row.status]),
  )

test('with no source configured asking is skipped with the reason, and the words are translated all the same', async () => {
  configure([])
  const id = await addTrack()
  await addLyrics(id)
  await settleAlign(id)
  await settled(id, 'translate')
  expect(await tasksOf(id, 'sources')).toMatchObject([
    { status: 'skipped', reason: 'no metadata source is configured (METADATA_SOURCES)' },
  ])
  expect(await tasksOf(id, 'enrich')).toMatchObject([{ item: '', status: 'skipped' }])
  expect(await tasksOf(id, 'translate')).toMatchObject(['id', 'vi', 'zh'].map((item) => ({ item, status: 'skipped' })))
  expect(await askedOf(id)).toEqual({})
  expect(await engine.query('select stage from tracks')).toEqual([{ stage: 'translated' }])
})

test('every configured source is asked at once about a new track, and what it knows is kept and fills gaps', async () => {
  configure(ALL)
  const id = await addTrack({ isrc: SONG.isrc })
  await settled(id, 'enrich')
  expect(await askedOf(id)).toEqual(Object.fromEntries(ALL.map((source) => [source, 'completed'])))
  const rows = await engine.query<{ source: string; data: Record<string, unknown> }>(
    'select source, data from track_metadata where track_id = $1 order by source',
    [id],
  )
  expect(rows.map(({ source }) => source)).toEqual(ALL)
  expect(rows.find(({ source }) => source === 'iswc')?.data.iswc).toBe(SONG.iswc)
  expect(rows.find(({ source }) => source === 'wikidata')?.data).toMatchObject({ artists: [{ viaf: '47222' }] })
  expect(await engine.query('select * from tracks')).toMatchObject([
    {
      stage: 'pending',
      isrc: SONG.isrc,
      album: SONG.album,
      release_date: SONG.releaseDate,
      spotify_track_id: SONG.spotifyTrackId,
      primary_artist_id: SONG.spotifyArtistId,
      artists: [{ name: SONG.artist }],
    },
  ])
  // Asking is no work on the audio.
  expect(await engine.query('select task_type, status from audio_tasks')).toEqual([
    { task_type: 'download', status: 'pending' },
  ])
  const beside = ['sources', 'enrich', 'populate_work', 'mint_work']
  const audioStages = pipeline.stages.filter(({ name }) => !beside.includes(name))
  expect(await engine.query('select pending, completed, not_started from audio_progress')).toEqual([
    { pending: 1, completed: 0, not_started: audioStages.length - 1 },
  ])
})

test('what a track says stays, missing artists come from Spotify, and an id that another track has is left to it', async () => {
  configure(['spotify'])
  const first = await addTrack({
    spotify_track_id: SONG.spotifyTrackId,
    artists: '[]',
    title: 'Unresolved',
    album: 'Mine',
  })
  await settled(first, 'enrich')
  const second = await addTrack({ isrc: SONG.isrc, release_date: '1999' })
  await settled(second, 'enrich')
  expect(await askedOf(second)).toEqual({ spotify: 'completed' })
  expect(await engine.query('select * from tracks order by id')).toMatchObject([
    {
      title: 'Unresolved',
      album: 'Mine',
      isrc: SONG.isrc,
      artists: [{ id: SONG.spotifyArtistId, name: SONG.artist }],
      primary_artist_name: SONG.artist,
    },
    { album: SONG.album, release_date: '1999', spotify_track_id: null, primary_artist_id: SONG.spotifyArtistId },
  ])
})

test('a source without a match is skipped with its reason; the track goes on', async () => {
  configure(['musicbrainz', 'quansic'])
  const id = await addTrack({ title: 'Nobody Sings This' })
  await addLyrics(id)
  await settleAlign(id)
  await settled(id, 'translate')
  expect(await tasksOf(id, 'enrich')).toMatchObject([
    { item: 'musicbrainz', status: 'skipped', attempts: 1, reason: 'MusicBrainz knows no such recording' },
    { item: 'quansic', status: 'skipped', attempts: 1, reason: 'Quansic is asked by ISRC, and the track has none' },
  ])
  expect(await engine.query('select * from track_metadata')).toEqual([])
})

test('a source that fails is tried again, holds nothing up, and an operator runs it again through the view', async () => {
  configure(['genius', 'musicbrainz'])
  const broken = { status: 500, json: { meta: { status: 500, message: 'out of order' } } }
  // Three attempts, each with one retry of its own.
  databases.inject('GET /genius/search', ...Array(6).fill(broken))
  const id = await addTrack()
  await addLyrics(id)
  await settleAlign(id)
  await settled(id, 'translate')
  expect(await engine.query("select * from enrichment_tasks where status = 'failed'")).toMatchObject([
    { task_type: 'genius', attempts: 3, error_message: expect.stringContaining('out of order'), subject_id: id },
  ])
  expect(await askedOf(id)).toEqual({ genius: 'failed', musicbrainz: 'completed' })
  expect((await tasksOf(id, 'translate')).map(({ status }) => status)).toEqual(['skipped', 'skipped', 'skipped'])
  expect(await engine.query('select stage from tracks')).toEqual([{ stage: 'translated' }])

  await engine.query("update enrichment_tasks set status = 'pending', error_message = null where task_type = 'genius'")
  await settled(id, 'enrich')
  expect(await askedOf(id)).toEqual({ genius: 'completed', musicbrainz: 'completed' })
  expect(await engine.query("select data ->> 'songId' as id from track_metadata where source = 'genius'")).toEqual([
    { id: `${SONG.geniusSongId}` },
  ])
  expect((await tasksOf(id, 'translate')).map(({ attempts }) => attempts)).toEqual([1, 1, 1])
})

test('while a source is asked, translation alone waits, and says for what', async () => {
  configure(['wikidata'])
  databases.inject('GET /wikidata', 'hang')
  const id = await addTrack()
  await addLyrics(id)
  await settleAlign(id)
  for (const stage of ['normalize', 'karaoke_lines', 'package']) await settled(id, stage)
  expect(await tasksOf(id, 'translate')).toEqual([])
  const reasons = await waitingReasons(engine.client.pool, 'track', id)
  expect(reasons.find(({ stage }) => stage === 'translate')?.reason).toBe('waits for enrich (running)')
  // The answer does not come in time; the next attempt gets one.
  await settled(id, 'translate')
  expect(await askedOf(id)).toEqual({ wikidata: 'completed' })
})

test('a track submitted by its Spotify id starts both ways at once, and both show before any worker ran', async () => {
  configure(ALL)
  const asked = chosen(catalogue, { ...databases.environment, CATALOGUE_PROVIDER: 'spotify' })
  const { id } = await addSpotifyTrack(
    engine.client,
    asked,
    { spotifyId: SONG.spotifyTrackId, notes: 'by hand' },
    signal,
  )
  const first = await engine.query(
    "select stage, created_at = (select created_at from tracks) as at_once from tasks where pipeline = 'track' order by id limit 2",
  )
  expect(first).toEqual([
    { stage: 'sources', at_once: true },
    { stage: 'download', at_once: true },
  ])
  await settled(id, 'enrich')
  expect(await askedOf(id)).toEqual(Object.fromEntries(ALL.map((source) => [source, 'completed'])))
  expect(await engine.query('select source_type, metadata from tracks')).toMatchObject([
    { source_type: 'manual_spotify', metadata: { submission: { notes: 'by hand' } } },
  ])
})

test('answers that come while the stage of the track moves write beside it without a deadlock', async () => {
  configure(ALL)
  const ids = await Promise.all(Array.from({ length: 12 }, () => addTrack()))
  await Promise.all(
    ids.map((id) =>
      engine.query(
        "update tasks set status = 'completed', output = '{}' where subject_id = $1 and stage = 'download'",
        [id],
      ),
    ),
  )
  for (const id of ids) await settled(id, 'enrich')
  expect(await engine.query("select stage, item, error_message from tasks where status = 'failed'")).toEqual([])
  expect(await engine.query('select distinct stage, album from tracks')).toEqual([
    { stage: 'audio_ready', album: SONG.album },
  ])
  expect(await engine.query('select from tracks where spotify_track_id is not null')).toHaveLength(1)
})

test('resolving asks Spotify about the longest unasked tracks with an id, also those older than the source', async () => {
  configure([])
  const old = await addTrack({ spotify_track_id: SONG.spotifyTrackId })
  await settled(old, 'enrich')
  const unknown = await addTrack({ spotify_track_id: '0'.repeat(22) })
  const without = await addTrack()
  for (const id of [unknown, without]) await settled(id, 'enrich')
  const resolve = (limit: number, sources: readonly string[]) => {
    const config = { ...engine.config, environment: environmentOf(sources) }
    return askSource(engine.client, config, 'spotify', { limit, hasSpotifyId: true })
  }
  await expect(resolve(5, ['genius'])).rejects.toMatchObject({
    kind: 'BLOCKED',
    message: expect.stringContaining('METADATA_SOURCES'),
  })
  for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) {
    await expect(resolve(limit, ['spotify']), `${limit}`).rejects.toMatchObject({ kind: 'INVALID_INPUT' })
  }

  configure(['spotify'])
  const answered = (id: number, runs: number) =>
    engine.until(
      `select 1 from tasks where subject_id = $1 and item = 'spotify' and runs = $2 and status in ('completed', 'skipped')`,
      [id, runs],
    )
  expect(await resolve(1, ['spotify'])).toBe(1)
  await answered(old, 1)
  expect(await resolve(5, ['spotify'])).toBe(1)
  await answered(unknown, 1)
  // One that had no match is asked about again; one that is known, or has no id, never.
  expect(await resolve(5, ['spotify'])).toBe(1)
  await answered(unknown, 2)
  expect(await engine.query('select track_id, source from track_metadata')).toEqual([
    { track_id: old, source: 'spotify' },
  ])
  expect(await tasksOf(without, 'sources')).toMatchObject([{ status: 'skipped', attempts: 1, runs: 1 }])
})
