import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './test-api.ts'

const KNOWN = '4uLU6hMCjMI75M1A2tKUQC'
let folder: string
let api: TestApi
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-media-'))
  await mkdir(join(folder, 'songs'))
  await mkdir(join(folder, 'songs-private'))
  await writeFile(join(folder, 'songs', 'a "song" 😀.mp3'), 'sound')
  await writeFile(join(folder, 'songs', 'empty.mp3'), '')
  await writeFile(join(folder, 'songs-private', 'secret.mp3'), 'sound')
  await symlink(join(folder, 'songs-private', 'secret.mp3'), join(folder, 'songs', 'link.mp3'))
  api = await startTestApi(
    { MEDIA_PATHS: join(folder, 'songs') },
    {
      catalogue: {
        unavailableReason: null,
        track: async (id) =>
          id === KNOWN
            ? {
                spotifyTrackId: id,
                title: 'Never',
                artists: [{ id: 'x1', name: 'Rick' }],
                album: null,
                releaseDate: '1987',
                durationMs: 213_000,
                isrc: 'GBARL9300135',
              }
            : null,
      },
    },
  )
})
afterAll(async () => {
  await api.close()
  await rm(folder, { recursive: true })
})

const add = async (input: object) => {
  const { data, errors } = await api.request(
    `mutation ($input: AddTrackInput!) { addTrack(input: $input) { __typename ... on Track { id language sourceType style } ... on Error { message code } ... on InvalidInputError { field } } }`,
    { input: { title: 'T', artists: ['A'], source: { url: 'https://example.org/a' }, ...input } },
  )
  return data?.addTrack ?? { __typename: 'request refused', message: errors?.[0]?.message }
}
const counts = async () => {
  const { rows } = await api.client.pool.query(
    `select (select count(*) from tracks) as tracks, (select count(*) from lyrics) as lyrics, (select count(*) from tasks) as tasks,
       (select count(*) from graphile_worker._private_jobs) as jobs`,
  )
  return rows[0]
}

test.each<[string, object, string]>([
  ['an empty title', { title: '  ' }, 'title'],
  ['a title with control characters', { title: 'a\u0007b' }, 'title'],
  ['a title with half a surrogate pair', { title: 'a\ud800' }, 'title'],
  ['a title beyond its length', { title: 'x'.repeat(301) }, 'title'],
  ['no artists', { artists: [] }, 'artists'],
  ['a nameless artist', { artists: ['A', ''] }, 'artists.1'],
  ['lyrics with a NUL', { lyrics: 'la\u0000la' }, 'lyrics'],
  ['endless lyrics', { lyrics: 'la '.repeat(40_000) }, 'lyrics'],
  ['something that is no language tag', { language: 'not a language' }, 'language'],
  ['an ftp address', { source: { url: 'ftp://example.org/a' } }, 'source.url'],
  ['an address with credentials', { source: { url: 'https://me:pw@example.org/a' } }, 'source.url'],
  ['a path outside the media folders', { source: { path: '/etc/passwd' } }, 'source.path'],
  ['a callback that is not http', { callbackUrl: 'file:///etc/passwd' }, 'callbackUrl'],
  ['a style that is no object', { style: [1] }, 'style'],
  ['metadata with a NUL', { metadata: { a: 'x\u0000' } }, 'metadata'],
  ['metadata without end', { metadata: { a: 'x'.repeat(20_000) } }, 'metadata'],
  ['an upload id that is none', { source: { uploadId: 'x' } }, 'source.uploadId'],
])('%s is refused by name, and leaves no row and no job', async (_what, input, field) => {
  const before = await counts()
  expect(await add(input)).toMatchObject({ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field })
  expect(await counts()).toEqual(before)
})

test('exactly one source is taken', async () => {
  expect((await add({ source: { url: 'https://example.org/a', path: '/a' } })).__typename).toBe('request refused')
  expect((await add({ source: {} })).__typename).toBe('request refused')
})

test('a failure after the insert takes the track, its task and its job back', async () => {
  await api.client.pool.query(`alter table lyrics add constraint no_forbidden check (raw <> 'forbidden')`)
  const before = await counts()
  const { errors } = await api.request(
    `mutation { addTrack(input: { title: "T", artists: ["A"], lyrics: "forbidden", source: { url: "https://example.org/a" } }) { __typename } }`,
  )
  expect(errors?.[0].extensions?.code).toBe('INTERNAL')
  expect(errors?.[0].message).not.toContain('no_forbidden')
  expect(await counts()).toEqual(before)
})

test('language tags are stored in their canonical form', async () => {
  expect(await add({ language: 'PT-br', style: { font: 'serif' } })).toMatchObject({
    language: 'pt-BR',
    style: { font: 'serif' },
  })
})

test('a file in a media folder is taken; links and neighbours that lead outside are not', async () => {
  const path = (...parts: string[]) => add({ source: { path: join(folder, ...parts) } })
  expect(await path('songs', 'a "song" 😀.mp3')).toMatchObject({ __typename: 'Track', sourceType: 'PATH' })
  for (const outside of [
    ['songs', 'link.mp3'],
    ['songs-private', 'secret.mp3'],
    ['songs'],
    ['songs', 'none.mp3'],
    ['songs', 'empty.mp3'],
  ]) {
    expect(await path(...outside)).toMatchObject({ __typename: 'InvalidInputError', field: 'source.path' })
  }
  expect(await add({ source: { path: `${folder}/songs/../songs-private/secret.mp3` } })).toMatchObject({
    field: 'source.path',
  })
})

test('a Spotify track is added once, after the catalogue has confirmed it', async () => {
  const submit = async (spotifyId: string) => {
    const { data } = await api.request(
      `mutation ($spotifyId: String!) { addSpotifyTrack(spotifyId: $spotifyId, notes: "asked for") { __typename
         ... on Track { id title sourceType tiktokVideoId metadata tasks { type status } }
         ... on Error { message } ... on ConflictError { existingId } } }`,
      { spotifyId },
    )
    return data.addSpotifyTrack
  }
  const added = await submit(KNOWN)
  expect(added).toMatchObject({
    title: 'Never',
    sourceType: 'MANUAL_SPOTIFY',
    tiktokVideoId: null,
    metadata: { submission: { notes: 'asked for' } },
    tasks: [{ type: 'DOWNLOAD', status: 'PENDING' }],
  })
  expect(await submit(KNOWN)).toMatchObject({ __typename: 'ConflictError', existingId: added.id })
  expect(await submit('0'.repeat(22))).toMatchObject({ __typename: 'NotFoundError' })
  expect(await submit('x')).toMatchObject({ __typename: 'InvalidInputError' })
  const { data } = await api.request(`query ($id: String!) { trackBySpotifyId(spotifyId: $id) { id } }`, { id: KNOWN })
  expect(data.trackBySpotifyId.id).toBe(added.id)
})

test('what may be secret is taken and never shown', async () => {
  const { data } = await api.request(
    `mutation ($input: AddTrackInput!) { addTrack(input: $input) { ... on Track { id hasCallback } } }`,
    {
      input: {
        title: 'T',
        artists: ['A'],
        callbackUrl: 'https://example.org/done?key=secret-1',
        source: { url: 'https://example.org/a.mp3?signature=secret-2' },
      },
    },
  )
  expect(data.addTrack.hasCallback).toBe(true)
  const row = Number(data.addTrack.id.split(':')[1])
  await api.client.pool.query(
    `with file as (insert into artifacts (sha256, size_bytes, content_type) values (repeat('ab', 32), 1, 'audio/mpeg') returning sha256)
     insert into song_audio (track_id, source_url, source_cid, audio_cid, format, codec, duration_ms, sample_rate_hz, channels)
     select id, source ->> 'url', sha256, sha256, 'mp3', 'mp3', 1000, 44100, 2 from tracks, file where id = $1`,
    [row],
  )
  const { data: seen } = await api.request(
    `query ($id: ID!) { track(id: $id) { hasCallback metadata style audio { sourceUrl } tasks { metadata output } } }`,
    { id: data.addTrack.id },
  )
  expect(seen.track.audio.sourceUrl).toBe('https://example.org/a.mp3')
  expect(JSON.stringify(seen)).not.toContain('secret')
})

test('without a catalogue a Spotify id is a typed error', async () => {
  const plain = await startTestApi()
  try {
    const { data } = await plain.request(
      `mutation { addSpotifyTrack(spotifyId: "${KNOWN}") { __typename ... on Error { code } } }`,
    )
    expect(data.addSpotifyTrack).toEqual({ __typename: 'BlockedError', code: 'BLOCKED' })
  } finally {
    await plain.close()
  }
})
