import { z } from 'zod'
import {
  createWikidataClient,
  statementsOf,
  type WikidataClient,
  type WikidataItem,
  wikidataVariables,
} from '../../net/wikidata.ts'
import { defineProvider } from '../capability.ts'
import { parseIsrc, parseIswc } from './codes.ts'
import { contactVariable, userAgent } from './contact.ts'
import type { MetadataSource, TrackQuery } from './contract.ts'
import { sameTitle, shareArtist } from './match.ts'

/** Wikidata's properties. @see https://www.wikidata.org/wiki/Wikidata:WikiProject_Music */
const PROPERTIES = {
  performer: 'P175',
  isrc: 'P1243',
  iswc: 'P1827',
  spotifyTrack: 'P2207',
  spotifyArtist: 'P1902',
  musicbrainzWork: 'P435',
  musicbrainzArtist: 'P434',
  geniusSong: 'P6218',
  geniusArtist: 'P2373',
  isni: 'P213',
  viaf: 'P214',
  bnf: 'P268',
  gnd: 'P227',
  loc: 'P244',
} as const

/** How many search results are looked at, and how many performers taken. */
const MOST_CANDIDATES = 10

/** Wikidata: the song and its performers, their other names and their numbers in libraries and other databases. */
export const wikidata = defineProvider({
  name: 'wikidata',
  environment: z.object({ METADATA_CONTACT: contactVariable, ...wikidataVariables }),
  create: (settings, { http }): MetadataSource => {
    const client = createWikidataClient(settings, http, userAgent(settings.METADATA_CONTACT))
    return {
      async lookUp(track, { signal }) {
        const lookup = { client, track, languages: languagesOf(track), signal }
        const song = (await songById(lookup)) ?? (await songByName(lookup))
        const artists = song?.performers.length ? song.performers : await artistsById(lookup)
        if (!song && artists.length === 0) return { noMatch: 'Wikidata knows neither the song nor its artists' }
        return {
          source: 'wikidata',
          data: { work: song && toWork(song.item), artists: artists.map(toArtist) },
        }
      },
    }
  },
})

interface Lookup {
  readonly client: WikidataClient
  readonly track: TrackQuery
  readonly languages: readonly string[]
  readonly signal: AbortSignal
}

interface Song {
  readonly item: WikidataItem
  readonly performers: readonly WikidataItem[]
}

function languagesOf(track: TrackQuery): readonly string[] {
  return [...new Set(['en', 'mul', track.language.split('-')[0].toLowerCase()])]
}

async function songById({ client, track, languages, signal }: Lookup): Promise<Song | null> {
  const isrc = parseIsrc(track.isrc)
  const statements = [
    ...(track.spotifyTrackId ? [`${PROPERTIES.spotifyTrack}=${track.spotifyTrackId}`] : []),
    ...(isrc ? [`${PROPERTIES.isrc}=${isrc}`] : []),
  ]
  if (statements.length === 0) return null
  const ids = await client.search(`haswbstatement:${statements.join('|')}`, 1, signal)
  const [item] = await client.items(ids, languages, signal)
  if (!item) return null
  return { item, performers: await client.items(performersOf(item), languages, signal) }
}

/** Among what is called so and has a performer: the first whose title and performer are the track's. */
async function songByName({ client, track, languages, signal }: Lookup): Promise<Song | null> {
  const [artist] = track.artists
  if (!artist) return null
  const query = `"${track.title.replaceAll('"', ' ')}" ${artist.replaceAll('"', ' ')} haswbstatement:${PROPERTIES.performer}`
  const found = await client.items(await client.search(query, MOST_CANDIDATES, signal), languages, signal)
  const candidates = found.filter((item) => namesOf(item).some((name) => sameTitle(track.title, name)))
  const performers = await client.items([...new Set(candidates.flatMap(performersOf))], languages, signal)
  for (const item of candidates) {
    const own = new Set(performersOf(item))
    const itsPerformers = performers.filter(({ id }) => own.has(id))
    if (shareArtist(track.artists, itsPerformers.flatMap(namesOf))) return { item, performers: itsPerformers }
  }
  return null
}

async function artistsById({ client, track, languages, signal }: Lookup): Promise<readonly WikidataItem[]> {
  const ids = track.spotifyArtistIds.filter((id) => /^[0-9A-Za-z]{22}$/.test(id)).slice(0, MOST_CANDIDATES)
  if (ids.length === 0) return []
  const query = `haswbstatement:${ids.map((id) => `${PROPERTIES.spotifyArtist}=${id}`).join('|')}`
  return client.items(await client.search(query, ids.length, signal), languages, signal)
}

function performersOf(item: WikidataItem): readonly string[] {
  return statementsOf(item, PROPERTIES.performer).slice(0, MOST_CANDIDATES)
}

function namesOf({ labels = {}, aliases = {} }: WikidataItem): string[] {
  return [...Object.values(labels), ...Object.values(aliases).flat()].map(({ value }) => value)
}

function toItem(item: WikidataItem) {
  const names = (item.aliases?.en ?? []).map(({ value }) => value)
  return {
    itemId: item.id,
    labels: Object.fromEntries(Object.entries(item.labels ?? {}).map(([language, { value }]) => [language, value])),
    alternateNames: names.join('; ') || null,
    viaf: first(item, 'viaf'),
    bnf: first(item, 'bnf'),
    gnd: first(item, 'gnd'),
    loc: first(item, 'loc'),
  }
}

function toWork(item: WikidataItem) {
  return {
    ...toItem(item),
    iswc: parseIswc(first(item, 'iswc')),
    musicbrainzWorkId: first(item, 'musicbrainzWork'),
    geniusSongId: first(item, 'geniusSong'),
  }
}

function toArtist(item: WikidataItem) {
  return {
    ...toItem(item),
    isni: first(item, 'isni'),
    musicbrainzArtistId: first(item, 'musicbrainzArtist'),
    spotifyArtistId: first(item, 'spotifyArtist'),
    geniusArtistId: first(item, 'geniusArtist'),
  }
}

function first(item: WikidataItem, property: keyof typeof PROPERTIES): string | null {
  return statementsOf(item, PROPERTIES[property])[0] ?? null
}
