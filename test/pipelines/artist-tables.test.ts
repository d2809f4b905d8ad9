import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../worker/db/migrate.ts'
import { artist as pipeline } from '../../worker/pipelines/artist/index.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'
import { checkout, joinTestServer, withClient } from '../support/test-server.ts'

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([pipeline])
})
afterAll(() => engine?.close())
afterEach(async () => {
  await engine.query('truncate tracks, artists, subjects, tasks, task_events cascade')
})

type Credit = { readonly name: string; readonly id?: string }
async function addTrack(artists: readonly Credit[], columns: Record<string, unknown> = {}): Promise<number> {
  const row = { title: 'Song', source_type: 'upload', artists: JSON.stringify(artists), ...columns }
  const places = Object.keys(row).map((_name, at) => `$${at + 1}`)
  const [{ id }] = await engine.query<{ id: number }>(
    `insert into tracks (${Object.keys(row).join(', ')}) values (${places.join(', ')}) returning id`,
    Object.values(row),
  )
  return id
}
interface ArtistRow {
  readonly id: number
  readonly name: string
  readonly spotify_artist_id: string | null
  readonly merged_into: number | null
}
const artists = () =>
  engine.query<ArtistRow>('select id, name, spotify_artist_id, merged_into from artists order by id')
const artistOf = async (trackId: number) =>
  (await engine.query<{ artist_id: number | null }>('select artist_id from tracks where id = $1', [trackId]))[0]
    .artist_id

test('ten tracks of one artist inserted at once make one artist with its tasks once', async () => {
  const names = ['Beyoncé', 'beyonce', 'BEYONCÉ', 'Beyonce', ' Beyoncé ']
  const ids = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      addTrack([index % 3 ? { name: names[index % 5] } : { name: names[index % 5], id: '6vWDO969PvNqNYHIOW5v0m' }]),
    ),
  )
  const [only, ...more] = await artists()
  expect(more).toEqual([])
  expect(only.spotify_artist_id).toBe('6vWDO969PvNqNYHIOW5v0m')
  for (const id of ids) expect(await artistOf(id)).toBe(only.id)
  expect(await engine.tasks('artist', only.id)).toEqual(
    ['spotify', 'quansic', 'wikidata', 'genius'].map((source) => `${source}_enrichment pending`),
  )
})

test('many artists credited at once in statements of many tracks are made once each, without a deadlock', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `Singer ${index}`)
  await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      engine.query(
        `insert into tracks (title, source_type, artists)
         select 'Song', 'upload', jsonb_build_array(jsonb_build_object('name', name)) from unnest($1::text[]) name`,
        [at % 2 ? names : names.toReversed()],
      ),
    ),
  )
  expect((await artists()).map(({ name }) => name).sort()).toEqual(names.toSorted())
})

test('two artists of one name are told apart by their Spotify ids, and a name alone then means neither', async () => {
  const first = await addTrack([{ name: 'Queen', id: 'x1' }])
  const alone = await addTrack([{ name: 'QUEEN' }])
  const second = await addTrack([{ name: 'Queen', id: 'x2' }])
  expect(await artistOf(alone)).toBe(await artistOf(first))
  expect(await artistOf(second)).not.toBe(await artistOf(first))
  const ambiguous = await addTrack([{ name: 'queen' }])
  const rows = await artists()
  expect(rows.map((row) => row.spotify_artist_id)).toEqual(['x1', 'x2', null])
  expect(await artistOf(ambiguous)).toBe(rows[2].id)
  expect(await artistOf(await addTrack([{ name: 'Queen!' }]))).toBe(rows[2].id)
})

test('an artist known by name alone takes the Spotify id that its track learns', async () => {
  const track = await addTrack([{ name: 'Mika' }])
  const artist = await artistOf(track)
  await engine.query("update tracks set primary_artist_id = 's1' where id = $1", [track])
  expect(await artists()).toEqual([{ id: artist, name: 'Mika', spotify_artist_id: 's1', merged_into: null }])
  expect(await artistOf(await addTrack([{ name: 'MIKA (FR)', id: 's1' }]))).toBe(artist)
})

test('an artist known by another name turns out to be one that is there: its track moves, and it gets no identity', async () => {
  const known = await artistOf(await addTrack([{ name: 'Beyoncé', id: 's1' }]))
  const track = await addTrack([{ name: 'Beyonce Knowles' }])
  const alias = await artistOf(track)
  expect(alias).not.toBe(known)
  await engine.query("update tracks set primary_artist_id = 's1' where id = $1", [track])
  expect(await artistOf(track)).toBe(known)
  expect((await artists()).map((row) => row.merged_into)).toEqual([null, known])
  // Whoever is credited so from now on is the one it turned out to be.
  expect(await artistOf(await addTrack([{ name: 'Beyoncé Knowles' }]))).toBe(known)
  expect(await engine.query('select id from find_artists_for_task($1)', ['mint_pkp'])).toEqual([{ id: known }])
})

test('an artist whose name other tracks bear stays when one of them turns out to be by somebody else', async () => {
  const known = await artistOf(await addTrack([{ name: 'Somebody', id: 's1' }]))
  const [one, other] = [await addTrack([{ name: 'The Duo' }]), await addTrack([{ name: 'The Duo' }])]
  const duo = await artistOf(one)
  await engine.query("update tracks set primary_artist_id = 's1' where id = $1", [one])
  expect([await artistOf(one), await artistOf(other)]).toEqual([known, duo])
  expect((await artists()).map((row) => row.merged_into)).toEqual([null, null])
})

test('a track that names nobody has no artist, and one that is renamed moves', async () => {
  const nameless = await addTrack([])
  const blank = await addTrack([{ name: '  ' }])
  expect([await artistOf(nameless), await artistOf(blank)]).toEqual([null, null])
  await engine.query(`update tracks set artists = '[{"name": "Found"}]' where id = $1`, [nameless])
  const found = await artistOf(nameless)
  await engine.query("update tracks set primary_artist_name = 'Corrected' where id = $1", [nameless])
  expect(await artistOf(nameless)).not.toBe(found)
  expect(await artists()).toMatchObject([{ name: 'Found' }, { name: 'Corrected' }])
  await engine.query("update tracks set artists = '[]', primary_artist_name = null where id = $1", [nameless])
  expect(await artistOf(nameless)).toBeNull()
  expect(await engine.query('select * from subject_links')).toEqual([])
})

test('the primary artist comes before the credits, and names of every kind are taken', async () => {
  const track = await addTrack([{ name: 'A feat. B' }], { primary_artist_name: 'A' })
  expect((await artists())[0].name).toBe('A')
  expect(await engine.query('select * from subject_links')).toEqual([
    { pipeline: 'track', subject_id: track, to_pipeline: 'artist', to_subject_id: await artistOf(track) },
  ])
  const hostile = [
    '!!!',
    '王菲',
    '\u{FDFA}'.repeat(300),
    `'; drop table artists; --`,
    '👩‍🎤',
    'कि',
    'का',
    `${'n'.repeat(400)}`,
  ]
  for (const name of hostile) expect(await artistOf(await addTrack([{ name }]))).not.toBeNull()
  expect(await artists()).toHaveLength(1 + hostile.length)
  await engine.query(`insert into tracks (title, source_type, artists) values ('odd', 'upload', '["text", 5]')`)
  expect(await artists()).toHaveLength(1 + hostile.length)
})

test('a track that is rolled back, or deleted in its own transaction, leaves no artist', async () => {
  const connection = await engine.client.pool.connect()
  try {
    await connection.query('begin')
    await connection.query(
      `insert into tracks (title, source_type, artists) values ('a', 'upload', '[{"name": "Ghost"}]')`,
    )
    await connection.query('rollback')
    await connection.query('begin')
    await connection.query(
      `insert into tracks (title, source_type, artists) values ('a', 'upload', '[{"name": "Ghost"}]')`,
    )
    await connection.query('delete from tracks')
    await connection.query('commit')
  } finally {
    connection.release()
  }
  expect(await artists()).toEqual([])
})

test('tracks that were there before artists were get theirs when the database is brought up to date', async () => {
  const server = await joinTestServer()
  const name = `test_${Math.floor(Date.now() / 1000).toString(16)}_backfill_${process.pid}`
  const url = server.url(name)
  await withClient(server.url('postgres'), (client) => client.query(`create database ${name}`))
  try {
    await migrate(url)
    await withClient(url, async (client) => {
      // As it was before: the tracks came in while nothing gave them artists.
      await client.query('alter table tracks disable trigger _700_artist_inserted')
      await client.query(`insert into tracks (title, source_type, artists) values
        ('one', 'upload', '[{"name": "Mika"}]'), ('two', 'upload', '[{"name": "MIKA", "id": "s1"}]'), ('three', 'upload', '[]')`)
      await client.query('alter table tracks enable trigger _700_artist_inserted')
      const migration = await readFile(join(checkout, 'migrations', '0004_artists.sql'), 'utf8')
      const [backfill] = /-- Tracks that are here already\.\n(do [\s\S]*?end \$\$;)/.exec(migration)?.slice(1) ?? []
      await client.query(backfill)
      const { rows } = await client.query(
        `select t.title, a.name, a.spotify_artist_id, l.to_subject_id = a.id as is_linked from tracks t
         left join artists a on a.id = t.artist_id left join subject_links l on l.subject_id = t.id order by t.id`,
      )
      const mika = { name: 'Mika', spotify_artist_id: 's1', is_linked: true }
      expect(rows).toEqual([
        { title: 'one', ...mika },
        { title: 'two', ...mika },
        { title: 'three', name: null, spotify_artist_id: null, is_linked: null },
      ])
    })
  } finally {
    await withClient(server.url('postgres'), (client) => client.query(`drop database if exists ${name} with (force)`))
    await server.leave()
  }
})
