import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startTestChain } from '../support/chain.ts'
import { SONG, startMusicDatabases } from '../support/music-databases.ts'
import { type ArtistEngine, all, createArtistEngine, ENRICHMENT, IDENTITY } from './artist-engine.ts'

let databases: Awaited<ReturnType<typeof startMusicDatabases>>
let engine: ArtistEngine
beforeAll(async () => {
  databases = await startMusicDatabases()
  engine = await createArtistEngine(await startTestChain())
})
afterAll(async () => {
  await engine?.close()
  await databases?.close()
})
afterEach(async () => {
  await engine.untilIdle('artist')
  await engine.assertConsistent()
})

/** From now on the worker asks these sources. */
function ask(...sources: readonly string[]): void {
  engine.provide({ environment: { ...databases.environment, METADATA_SOURCES: sources.join(',') } })
}

test('sources that are asked fill what is known of the artist; one that fails holds nothing up', async () => {
  ask('spotify', 'wikidata', 'genius', 'quansic')
  const broken = { status: 500, json: { meta: { status: 500, message: 'out of order' } } }
  databases.inject('GET /genius/search', ...Array(6).fill(broken))
  const artist = await engine.addTrack(SONG.artist, { title: SONG.title, isrc: SONG.isrc })
  await engine.untilIdle('artist')
  const tasks = await engine.tasksOf(artist)
  expect(await engine.statusesOf(artist)).toEqual({
    ...all(ENRICHMENT, 'completed'),
    genius_enrichment: 'failed',
    ...all(IDENTITY, 'completed'),
  })
  expect(tasks.genius_enrichment).toMatchObject({
    retry_count: 3,
    error_message: expect.stringContaining('out of order'),
  })
  const [known] = await engine.query('select * from artists where id = $1', [artist])
  expect(known).toMatchObject({
    name: SONG.artist,
    wikidata_id: SONG.artistItem,
    musicbrainz_artist_id: SONG.musicbrainzArtistId,
    isni: '0000000114',
    genius_artist_id: null,
    image_url: 'https://i.example/mika.jpg',
    genres: ['pop'],
    aliases: ['MIKA', 'Mica Penniman', 'Michael Holbrook Penniman Jr.'],
  })
  expect(await engine.query('select source from artist_metadata where artist_id = $1 order by 1', [artist])).toEqual(
    ['quansic', 'spotify', 'wikidata'].map((source) => ({ source })),
  )
  expect(await engine.query('select artist_id, name, genres from spotify_artists')).toEqual([
    { artist_id: artist, name: SONG.artist, genres: ['pop'] },
  ])
  // Mended, it is asked again by hand, and nothing else runs again.
  await engine.query("select create_artist_task($1, 'genius_enrichment')", [artist])
  await engine.untilIdle('artist')
  expect((await engine.tasksOf(artist)).genius_enrichment.status).toBe('completed')
  expect(await engine.query('select genius_artist_id from artists where id = $1', [artist])).toEqual([
    { genius_artist_id: '12' },
  ])
  expect(engine.local().orders).toHaveLength(
    new Set(engine.local().orders.map(({ idempotencyKey }) => idempotencyKey)).size,
  )
})

test('what a source has said of a track is not asked again, and a source that knows nobody is skipped', async () => {
  ask('genius')
  const asked = databases.requests.length
  const artist = await engine.addTrack('Nobody Known', { title: 'Unheard' })
  await engine.untilIdle('artist')
  expect((await engine.tasksOf(artist)).genius_enrichment).toMatchObject({
    status: 'skipped',
    reason: 'Genius does not know the artist',
  })
  expect(databases.requests.length).toBe(asked + 1)
  const data = { songId: 5, url: 'https://g.example/5', title: 'Unheard', writers: [], album: null, releaseDate: null }
  await engine.query(
    `insert into track_metadata (track_id, source, data) select id, 'genius', $2 from tracks where artist_id = $1`,
    [artist, JSON.stringify({ ...data, artists: [{ id: 77, name: 'NOBODY KNOWN', url: null }] })],
  )
  await engine.query(
    "update artist_tasks set status = 'pending' where artist_id = $1 and task_type = 'genius_enrichment'",
    [artist],
  )
  await engine.untilIdle('artist')
  expect((await engine.tasksOf(artist)).genius_enrichment.result_data).toMatchObject({ geniusArtistId: '77' })
  expect(databases.requests.length).toBe(asked + 1)
})
