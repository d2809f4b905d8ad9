import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import {
  Metadata,
  type MetadataSource,
  type NoMatch,
  type TrackQuery,
} from '../../worker/providers/metadata/contract.ts'
import { metadata } from '../../worker/providers/metadata/index.ts'
import { impatientHttp, SONG, startMusicDatabases, track } from '../support/music-databases.ts'
import { testDeps } from '../support/provider.ts'

const { signal } = new AbortController()
let databases: Awaited<ReturnType<typeof startMusicDatabases>>
let sources: ReadonlyMap<string, MetadataSource>
beforeAll(async () => {
  databases = await startMusicDatabases()
})
beforeEach(() => {
  sources = open('spotify, musicbrainz,iswc,wikidata,genius,quansic')
  databases.requests.length = 0
})
afterAll(() => databases?.close())

function open(names: string): ReadonlyMap<string, MetadataSource> {
  const choice = metadata.choose({ ...databases.environment, METADATA_SOURCES: names })
  if (!choice.ok) throw new Error(choice.issues.join('\n'))
  return choice.create({ ...testDeps(), http: impatientHttp })
}
async function ask(source: string, query: Partial<TrackQuery> = {}): Promise<Metadata | NoMatch> {
  const answer = await sources.get(source)?.lookUp({ ...track, ...query }, { signal })
  if (!answer) throw new Error(`there is no source ${source}`)
  return 'noMatch' in answer ? answer : Metadata.parse(answer)
}
const paths = () => databases.requests.map(({ path }) => path)

const BY_ISRC = { isrc: SONG.isrc }
const BY_SPOTIFY = { spotifyTrackId: SONG.spotifyTrackId }
const UNKNOWN = { title: 'Nobody Sings This', artists: ['Nobody'] }

/** What each source says of the song, and the ways it can be found. */
const answers: Record<string, { data: object; ways: Partial<TrackQuery>[] }> = {
  spotify: {
    ways: [{}, BY_ISRC, BY_SPOTIFY],
    data: {
      spotifyTrackId: SONG.spotifyTrackId,
      title: SONG.title,
      artists: [{ id: SONG.spotifyArtistId, name: 'Mika', genres: ['pop'], imageUrl: 'https://i.example/mika.jpg' }],
      album: SONG.album,
      albumId: SONG.spotifyAlbumId,
      releaseDate: '2007-01-09',
      durationMs: SONG.durationMs,
      isrc: SONG.isrc,
      imageUrl: 'https://i.example/640.jpg',
    },
  },
  musicbrainz: {
    ways: [{}, BY_ISRC, { isrc: 'USXXX0000001' }],
    data: {
      recordingId: SONG.recordingId,
      title: SONG.title,
      artists: [{ id: SONG.musicbrainzArtistId, name: 'Mika' }],
      works: [{ id: SONG.workId, title: SONG.title }],
      isrc: SONG.isrc,
      album: SONG.album,
      releaseDate: '2007-01-09',
    },
  },
  iswc: {
    ways: [{}, BY_ISRC],
    data: {
      iswc: SONG.iswc,
      iswcs: [SONG.iswc],
      workId: SONG.workId,
      title: SONG.title,
      writers: [{ id: SONG.musicbrainzArtistId, name: 'Mica Penniman', role: 'composer' }],
    },
  },
  wikidata: {
    ways: [{}, BY_ISRC, BY_SPOTIFY],
    data: {
      work: {
        itemId: SONG.songItem,
        labels: { en: SONG.title },
        alternateNames: null,
        viaf: null,
        bnf: null,
        gnd: null,
        loc: null,
        iswc: SONG.iswc,
        musicbrainzWorkId: SONG.workId,
        geniusSongId: '45123',
      },
      artists: [
        {
          itemId: SONG.artistItem,
          labels: { en: 'Mika', mul: 'MIKA' },
          alternateNames: 'Mica Penniman; Michael Holbrook Penniman Jr.',
          viaf: '47222',
          bnf: '15568412r',
          gnd: '134004123',
          loc: 'no2007033333',
          isni: '0000000114',
          musicbrainzArtistId: SONG.musicbrainzArtistId,
          spotifyArtistId: SONG.spotifyArtistId,
          geniusArtistId: null,
        },
      ],
    },
  },
  genius: {
    ways: [{}],
    data: {
      songId: SONG.geniusSongId,
      url: 'https://genius.example/Mika-grace-kelly-lyrics',
      title: SONG.title,
      artists: [{ id: 12, name: 'Mika', url: 'https://genius.example/artists/Mika' }],
      writers: [{ id: 14, name: 'Jodi Marr', url: null }],
      album: SONG.album,
      releaseDate: '2007-01-09',
    },
  },
  quansic: {
    ways: [BY_ISRC],
    data: {
      isrc: SONG.isrc,
      title: SONG.title,
      iswc: SONG.iswc,
      workTitle: 'GRACE KELLY',
      artists: [{ name: 'Mika', isni: '0000000114', musicbrainzArtistId: null, spotifyArtistId: SONG.spotifyArtistId }],
      writers: [{ name: 'Mica Penniman', isni: null, ipi: '00483012345', role: 'CA' }],
    },
  },
}
const names = Object.keys(answers)

test.each(names)('%s: the song is found by every id it has and by its names, in our units', async (source) => {
  for (const way of answers[source].ways) {
    expect(await ask(source, way), JSON.stringify(way)).toEqual({ source, data: answers[source].data })
  }
})

test.each(names)('%s: what it does not know is no match with a reason, not an error', async (source) => {
  for (const query of [UNKNOWN, { ...UNKNOWN, isrc: 'USXXX0000001', spotifyTrackId: '0'.repeat(22) }]) {
    expect(await ask(source, query)).toEqual({ noMatch: expect.stringMatching(/\w+ \w+/) })
  }
})

const FIRST_CALL: Record<string, string> = {
  spotify: 'GET /spotify/v1/search',
  musicbrainz: 'GET /musicbrainz/isrc/*',
  iswc: 'GET /musicbrainz/isrc/*',
  wikidata: 'GET /wikidata',
  genius: 'GET /genius/search',
  quansic: 'POST /quansic/enrich-recording',
}
test.each(names)('%s: a limit and a broken server are waited out once, then it is unavailable', async (source) => {
  const route = FIRST_CALL[source]
  databases.inject(route, { status: 429, headers: { 'retry-after': '0' } })
  expect(await ask(source, BY_ISRC)).toMatchObject({ source })
  databases.inject(route, { status: 503, json: { error: 'busy' } }, 'truncate')
  await expect(ask(source, BY_ISRC)).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE', retryable: true })
})

test.each(names)('%s: an answer of another form is a rejection that says where', async (source) => {
  databases.inject(FIRST_CALL[source], { json: { unexpected: [1] } }, { body: '<html>down</html>' })
  // An empty object is a search without results in Wikidata's format.
  if (source === 'wikidata') databases.inject('GET /wikidata', { json: { query: { search: [{ title: 5 }] } } })
  const kinds = []
  for (let i = 0; i < 3; i++)
    kinds.push(
      await ask(source, BY_ISRC).then(
        () => 'answer',
        (error) => error.kind,
      ),
    )
  expect(kinds.filter((kind) => kind === 'PROVIDER_REJECTED')).toHaveLength(2)
  expect(kinds.filter((kind) => kind === 'answer')).toHaveLength(1)
})

test('an abort ends a lookup', async () => {
  const controller = new AbortController()
  databases.inject('GET /genius/search', 'hang')
  const asked = sources.get('genius')?.lookUp(track, { signal: controller.signal })
  await vi.waitUntil(() => databases.requests.length === 1)
  controller.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
})

test('other versions of a song, and the same title by others, are not the song', async () => {
  for (const source of ['spotify', 'musicbrainz', 'wikidata', 'genius']) {
    for (const query of [{ title: 'Grace Kelly (Acoustic)' }, { artists: ['Mika Singh'] }]) {
      expect(await ask(source, query), source).toHaveProperty('noMatch')
    }
  }
  for (const source of ['spotify', 'musicbrainz']) {
    expect(await ask(source, { durationMs: 240_000 }), source).toHaveProperty('noMatch')
    expect(await ask(source, { durationMs: 190_000 }), source).toHaveProperty('data')
  }
})

test('musicbrainz and wikidata are told who asks; spotify and genius get their keys', async () => {
  for (const source of ['musicbrainz', 'wikidata', 'spotify', 'genius']) await ask(source)
  const header = (path: string, name: string) =>
    databases.requests.find((request) => request.path.startsWith(path))?.headers[name]
  for (const path of ['/musicbrainz', '/wikidata']) {
    expect(header(path, 'user-agent')).toMatch(/^Refrain\/\d+\.\d+\S* \( music@example\.org \)$/)
  }
  expect(header('/spotify/v1', 'authorization')).toBe('Bearer token')
  expect(header('/genius', 'authorization')).toBe('Bearer genius-token')
})

test('musicbrainz and iswc wait in one line, one call in each interval', async () => {
  const choice = metadata.choose({
    ...databases.environment,
    METADATA_SOURCES: 'iswc,musicbrainz',
    MUSICBRAINZ_INTERVAL_MS: '60',
  })
  if (!choice.ok) throw new Error(choice.issues.join())
  const both = [...choice.create(testDeps()).values()]
  const startedMs = performance.now()
  await Promise.all(both.map((source) => source.lookUp({ ...track, ...BY_ISRC }, { signal })))
  expect(paths().filter((path) => path.startsWith('/musicbrainz'))).toHaveLength(5)
  expect(performance.now() - startedMs).toBeGreaterThan(4 * 60 - 10)
})

test('wikidata: a lagging server is asked later, another error is final; both come as good answers', async () => {
  const error = (code: string) => ({ json: { error: { code, info: 'Waiting for a database server' } } })
  databases.inject('GET /wikidata', error('maxlag'), error('badvalue'))
  await expect(ask('wikidata')).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
  await expect(ask('wikidata')).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED', message: /badvalue/ })
})

test('wikidata: artists are found by their Spotify ids when the song is not', async () => {
  const found = await ask('wikidata', { ...UNKNOWN, spotifyArtistIds: [SONG.spotifyArtistId, 'not|an=id'] })
  expect(found).toMatchObject({ data: { work: null, artists: [{ itemId: SONG.artistItem }] } })
  expect(databases.requests.some(({ query }) => query.get('srsearch')?.includes('not|an'))).toBe(false)
})

test('quansic: its health is asked once, an ill service is unavailable, and a track without ISRC asks nothing', async () => {
  expect(await ask('quansic')).toEqual({ noMatch: expect.stringContaining('ISRC') })
  expect(paths()).toEqual([])
  databases.inject('GET /quansic/health', { status: 500 })
  await expect(ask('quansic', BY_ISRC)).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
    message: /QUANSIC_SERVICE_URL/,
  })
  for (let i = 0; i < 2; i++) await ask('quansic', BY_ISRC)
  expect(paths().filter((path) => path.endsWith('/health'))).toHaveLength(2)
})
