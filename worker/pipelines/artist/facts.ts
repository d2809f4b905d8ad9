import { z } from 'zod'
import type { Metadata } from '../../providers/metadata/contract.ts'
import { shareArtist } from '../../providers/metadata/match.ts'
import type { Artist } from './subject.ts'

/** The sources that know something of artists. */
export const ARTIST_SOURCES = ['spotify', 'quansic', 'wikidata', 'genius'] as const
export type ArtistSource = (typeof ARTIST_SOURCES)[number]

/** What a source knows of an artist: its own words as `data`, and what we keep of them. Null and empty where it does not say. */
export const ArtistFacts = z.object({
  source: z.enum(ARTIST_SOURCES),
  data: z.record(z.string(), z.unknown()),
  geniusArtistId: z.string().nullable(),
  wikidataId: z.string().nullable(),
  musicbrainzArtistId: z.string().nullable(),
  isni: z.string().nullable(),
  imageUrl: z.string().nullable(),
  genres: z.array(z.string()),
  aliases: z.array(z.string()),
})
export type ArtistFacts = z.output<typeof ArtistFacts>

/** The artist among those that a source names for a track, or null. */
export function factsIn(metadata: Metadata, artist: Artist): ArtistFacts | null {
  switch (metadata.source) {
    case 'spotify': {
      const data = metadata.data.artists.find(({ id, name }) => isSame(artist, id, [name]))
      return data ? { ...nothing, ...about('spotify', data), imageUrl: data.imageUrl, genres: data.genres } : null
    }
    case 'quansic': {
      const data = metadata.data.artists.find(({ spotifyArtistId, name }) => isSame(artist, spotifyArtistId, [name]))
      if (!data) return null
      const { isni, musicbrainzArtistId } = data
      return { ...nothing, ...about('quansic', data), isni, musicbrainzArtistId }
    }
    case 'wikidata': {
      const data = metadata.data.artists.find((one) => isSame(artist, one.spotifyArtistId, namesOf(one)))
      if (!data) return null
      const { itemId: wikidataId, isni, musicbrainzArtistId, geniusArtistId } = data
      const ids = { wikidataId, isni, musicbrainzArtistId, geniusArtistId }
      return { ...nothing, ...about('wikidata', data), ...ids, aliases: namesOf(data) }
    }
    case 'genius': {
      const data = metadata.data.artists.find(({ name }) => isSame(artist, null, [name]))
      return data ? { ...nothing, ...about('genius', data), geniusArtistId: `${data.id}` } : null
    }
    default:
      return null
  }
}

const nothing = {
  geniusArtistId: null,
  wikidataId: null,
  musicbrainzArtistId: null,
  isni: null,
  imageUrl: null,
  genres: [],
  aliases: [],
}

function about(source: ArtistSource, data: Readonly<Record<string, unknown>>) {
  return { source, data: { ...data } }
}

function namesOf({ labels, alternateNames }: { labels: Record<string, string>; alternateNames: string | null }) {
  return [...new Set([...Object.values(labels), ...(alternateNames?.split('; ') ?? [])])]
}

/** Ids decide where both have one. */
function isSame(artist: Artist, spotifyArtistId: string | null, names: readonly string[]): boolean {
  if (artist.spotifyArtistId && spotifyArtistId) return artist.spotifyArtistId === spotifyArtistId
  return shareArtist([artist.name], names)
}
