import { createHttp } from '../../worker/net/http.ts'
import type { TrackQuery } from '../../worker/providers/metadata/contract.ts'
import { startVendor, type Vendor } from './vendor.ts'

/** One song as all databases of these tests know it. */
export const SONG = {
  title: 'Grace Kelly',
  artist: 'Mika',
  album: 'Life in Cartoon Motion',
  isrc: 'GBUM70604733',
  durationMs: 187_733,
  releaseDate: '2007-01-09',
  spotifyTrackId: '6qSFPcHaIJVHMDq3QIcoFO',
  spotifyArtistId: '5MmVJVhhYKQ86izuGHzJYA',
  spotifyAlbumId: '0aPYFtbYKyRpLRCNHmDWoq',
  recordingId: 'aa4d4f0d-8b9e-4d6c-bf8c-3f3ef7b9a3a1',
  musicbrainzArtistId: '5ec6b2a1-8e5d-4f0c-9f83-1d4f0d0c9b11',
  workId: '0cdb9d2b-6f0d-4b87-8f6d-2f5b8a3d7e55',
  iswc: 'T-901.980.105-9',
  songItem: 'Q1198580',
  artistItem: 'Q186329',
  geniusSongId: 45_123,
} as const

/** The song as a track asks for it, without ids. */
export const track: TrackQuery = {
  title: SONG.title,
  artists: [SONG.artist],
  isrc: null,
  spotifyTrackId: null,
  spotifyArtistIds: [],
  durationMs: null,
  language: 'en',
}

const spotifyTrack = {
  id: SONG.spotifyTrackId,
  name: SONG.title,
  duration_ms: SONG.durationMs,
  explicit: false,
  artists: [{ id: SONG.spotifyArtistId, name: SONG.artist, type: 'artist' }],
  album: {
    id: SONG.spotifyAlbumId,
    name: SONG.album,
    release_date: SONG.releaseDate,
    images: [{ url: 'https://i.example/640.jpg', width: 640, height: 640 }],
  },
  external_ids: { isrc: 'gb-um7-06-04733' },
}
const credit = [{ name: SONG.artist, joinphrase: '', artist: { id: SONG.musicbrainzArtistId, name: SONG.artist } }]
const found = { id: SONG.recordingId, title: SONG.title, length: SONG.durationMs, 'artist-credit': credit }
const album = { 'primary-type': 'Album', 'secondary-types': [] }
const recording = {
  ...found,
  isrcs: [SONG.isrc],
  'first-release-date': SONG.releaseDate,
  releases: [
    {
      title: 'Now 66',
      date: '2006-12-01',
      status: 'Official',
      'release-group': { ...album, 'secondary-types': ['Compilation'] },
    },
    { title: 'Reissue', date: '2009', status: 'Official', 'release-group': album },
    { title: SONG.album, date: '2007-02-05', status: 'Official', 'release-group': album },
    { title: 'Grace Kelly', date: '2007-01-09', status: 'Official', 'release-group': { 'primary-type': 'Single' } },
  ],
  relations: [{ type: 'performance', work: { id: SONG.workId, title: SONG.title } }],
}
const work = {
  id: SONG.workId,
  title: SONG.title,
  iswcs: ['T-901.980.105-1', SONG.iswc],
  relations: [
    { type: 'composer', artist: { id: SONG.musicbrainzArtistId, name: 'Mica Penniman' } },
    { type: 'publishing', artist: { id: SONG.musicbrainzArtistId, name: 'A Publisher' } },
  ],
}

const claim = (value: unknown, rank = 'normal', snaktype = 'value') => ({
  rank,
  mainsnak: { snaktype, ...(snaktype === 'value' ? { datavalue: { value } } : {}) },
})
const items: Readonly<Record<string, object>> = {
  [SONG.songItem]: {
    id: SONG.songItem,
    labels: { en: { language: 'en', value: SONG.title } },
    aliases: [],
    claims: {
      P175: [claim({ id: SONG.artistItem, 'entity-type': 'item' })],
      P1827: [claim('T9019801059')],
      P435: [claim(SONG.workId)],
      P6218: [claim('wrong', 'deprecated'), claim(null, 'normal', 'somevalue'), claim(`${SONG.geniusSongId}`)],
    },
  },
  [SONG.artistItem]: {
    id: SONG.artistItem,
    labels: { en: { value: 'Mika' }, mul: { value: 'MIKA' } },
    aliases: { en: [{ value: 'Mica Penniman' }, { value: 'Michael Holbrook Penniman Jr.' }] },
    claims: {
      P214: [claim('47111'), claim('47222', 'preferred')],
      P268: [claim('15568412r')],
      P227: [claim('134004123')],
      P244: [claim('no2007033333')],
      P213: [claim('0000000114')],
      P434: [claim(SONG.musicbrainzArtistId)],
      P1902: [claim(SONG.spotifyArtistId)],
    },
  },
}

const person = { id: 12, name: SONG.artist, url: 'https://genius.example/artists/Mika' }
const geniusHit = { id: SONG.geniusSongId, title: SONG.title, artist_names: SONG.artist, primary_artist: person }
const geniusSong = {
  ...geniusHit,
  url: 'https://genius.example/Mika-grace-kelly-lyrics',
  release_date: SONG.releaseDate,
  album: { id: 3, name: SONG.album },
  featured_artists: [],
  writer_artists: [{ id: 14, name: 'Jodi Marr', url: '' }],
}
const quansicRecording = {
  isrc: SONG.isrc,
  title: SONG.title,
  iswc: 'T9019801059',
  work_title: 'GRACE KELLY',
  artists: [{ name: SONG.artist, isni: '0000000114', spotify_id: SONG.spotifyArtistId }],
  composers: [{ name: 'Mica Penniman', ipi: '00483012345', role: 'CA' }],
}

/** All databases in one server on loopback, each in its wire format. They know `SONG` and nothing else. */
export async function startMusicDatabases(): Promise<Vendor & { readonly environment: Record<string, string> }> {
  const names = (text: string | null) => text?.includes(SONG.title) && text.includes(SONG.artist)
  const absent = { status: 404, json: { error: 'Not Found', help: 'https://musicbrainz.org/doc' } }
  const vendor = await startVendor({
    'POST /spotify/token': () => ({ json: { access_token: 'token', token_type: 'Bearer', expires_in: 3600 } }),
    'GET /spotify/v1/tracks/*': (_request, [id]) =>
      id === SONG.spotifyTrackId
        ? { json: spotifyTrack }
        : { status: 404, json: { error: { status: 404, message: 'Non existing id' } } },
    'GET /spotify/v1/artists/*': (_request, [id]) => ({
      json: { id, name: SONG.artist, genres: ['pop'], images: [{ url: 'https://i.example/mika.jpg' }] },
    }),
    'GET /spotify/v1/search': ({ query }) => {
      const q = query.get('q')
      return { json: { tracks: { items: names(q) || q === `isrc:${SONG.isrc}` ? [spotifyTrack] : [] } } }
    },
    'GET /musicbrainz/isrc/*': (_request, [isrc]) =>
      isrc === SONG.isrc ? { json: { isrc, recordings: [found] } } : absent,
    'GET /musicbrainz/recording': ({ query }) => {
      const recordings = names(query.get('query')) ? [{ ...found, id: 'x', title: `${SONG.title} (live)` }, found] : []
      return { json: { count: recordings.length, offset: 0, recordings } }
    },
    'GET /musicbrainz/recording/*': (_request, [id]) => (id === SONG.recordingId ? { json: recording } : absent),
    'GET /musicbrainz/work/*': (_request, [id]) => (id === SONG.workId ? { json: work } : absent),
    'GET /wikidata': ({ query }) => {
      if (query.get('action') === 'wbgetentities') {
        const ids = query.get('ids')?.split('|') ?? []
        return { json: { entities: Object.fromEntries(ids.map((id) => [id, items[id] ?? { id, missing: '' }])) } }
      }
      const q = query.get('srsearch') ?? ''
      const isSong = names(q) || q.includes(SONG.spotifyTrackId) || q.includes(SONG.isrc)
      const item = isSong ? SONG.songItem : q.includes(SONG.spotifyArtistId) ? SONG.artistItem : null
      return { json: { query: { search: item ? [{ ns: 0, title: item }] : [] } } }
    },
    'GET /genius/search': ({ query }) => ({
      json: {
        meta: { status: 200 },
        response: { hits: names(query.get('q')) ? [{ type: 'song', result: geniusHit }] : [] },
      },
    }),
    'GET /genius/songs/*': () => ({ json: { meta: { status: 200 }, response: { song: geniusSong } } }),
    'GET /quansic/health': () => ({ json: { status: 'ok' } }),
    'POST /quansic/enrich-recording': (request) => {
      const isKnown = (request.json() as { isrc: string }).isrc === SONG.isrc
      return { json: isKnown ? { success: true, data: quansicRecording } : { success: false, data: null } }
    },
  })
  return {
    ...vendor,
    environment: {
      METADATA_CONTACT: 'music@example.org',
      SPOTIFY_CLIENT_ID: 'client',
      SPOTIFY_CLIENT_SECRET: 'topsecret',
      SPOTIFY_API_URL: `${vendor.url}/spotify/v1`,
      SPOTIFY_TOKEN_URL: `${vendor.url}/spotify/token`,
      MUSICBRAINZ_URL: `${vendor.url}/musicbrainz`,
      MUSICBRAINZ_INTERVAL_MS: '0',
      WIKIDATA_URL: `${vendor.url}/wikidata`,
      WIKIDATA_INTERVAL_MS: '0',
      GENIUS_API_URL: `${vendor.url}/genius`,
      GENIUS_API_TOKEN: 'genius-token',
      QUANSIC_SERVICE_URL: `${vendor.url}/quansic`,
    },
  }
}

/** Gives up after one retry, without waiting. */
export const impatientHttp = createHttp({ limits: { retries: 1, firstDelayMs: 1, maxDelayMs: 2, timeoutMs: 1_500 } })
