import { z } from 'zod'
import { createSpotifyClient, type SpotifyClient, spotifyDate, spotifyVariables } from '../../net/spotify.ts'
import { defineProvider } from '../capability.ts'
import { parseIsrc } from './codes.ts'
import type { Metadata, MetadataSource, TrackQuery } from './contract.ts'
import { isSameSong } from './match.ts'

const Images = z.array(z.object({ url: z.string() })).nullish()
// Spotify removed fields in 2024 and 2026: only what is needed is required.
const Track = z.object({
  id: z.string(),
  name: z.string(),
  duration_ms: z.number().int().positive(),
  artists: z.array(z.object({ id: z.string().min(1), name: z.string().min(1) })).min(1),
  album: z
    .object({
      id: z.string().nullish(),
      name: z.string().nullish(),
      release_date: z.string().nullish(),
      images: Images,
    })
    .nullish(),
  external_ids: z.object({ isrc: z.string().nullish() }).nullish(),
})
const Search = z.object({ tracks: z.object({ items: z.array(Track.nullable()) }) })
const Artist = z.object({ id: z.string(), genres: z.array(z.string()).nullish(), images: Images })

/** Spotify's Web API: the track, its album and who is credited. */
export const spotify = defineProvider({
  name: 'spotify',
  environment: z.object(spotifyVariables),
  create: (settings, { http }): MetadataSource => {
    const client = createSpotifyClient(settings, http)
    return {
      async lookUp(track, { signal }) {
        const found = await findTrack(client, track, signal)
        if (!found) return { noMatch: 'Spotify knows no such track' }
        const artists: z.output<typeof Artist>[] = []
        for (const { id } of found.artists) {
          const artist = await client.read(`/artists/${id}`, Artist, signal)
          if (artist) artists.push(artist)
        }
        return { source: 'spotify', data: toMetadata(found, artists) }
      },
    }
  },
})

type SpotifyTrack = z.output<typeof Track>

async function findTrack(client: SpotifyClient, track: TrackQuery, signal: AbortSignal): Promise<SpotifyTrack | null> {
  if (track.spotifyTrackId) {
    const found = await client.read(`/tracks/${track.spotifyTrackId}`, Track, signal)
    // A relinked track answers under another id for another market; the track keeps the one it has.
    return found && found.name !== '' ? { ...found, id: track.spotifyTrackId } : null
  }
  const isrc = parseIsrc(track.isrc)
  if (isrc) {
    const [found] = await search(client, `isrc:${isrc}`, signal)
    if (found) return found
  }
  const quoted = (text: string) => `"${text.replaceAll('"', ' ')}"`
  const named = await search(client, `track:${quoted(track.title)} artist:${quoted(track.artists[0] ?? '')}`, signal)
  return (
    named.find((one) =>
      isSameSong(track, {
        title: one.name,
        artists: one.artists.map((artist) => artist.name),
        durationMs: one.duration_ms,
      }),
    ) ?? null
  )
}

async function search(client: SpotifyClient, q: string, signal: AbortSignal): Promise<SpotifyTrack[]> {
  const found = await client.read(`/search?${new URLSearchParams({ type: 'track', limit: '10', q })}`, Search, signal)
  return found?.tracks.items.filter((item) => item !== null) ?? []
}

function toMetadata(
  track: SpotifyTrack,
  artists: readonly z.output<typeof Artist>[],
): Extract<Metadata, { source: 'spotify' }>['data'] {
  const details = new Map(artists.map((artist) => [artist.id, artist]))
  return {
    spotifyTrackId: track.id,
    title: track.name,
    artists: track.artists.map(({ id, name }) => ({
      id,
      name,
      genres: details.get(id)?.genres?.filter(Boolean) ?? [],
      imageUrl: details.get(id)?.images?.[0]?.url ?? null,
    })),
    album: track.album?.name || null,
    albumId: track.album?.id ?? null,
    releaseDate: spotifyDate(track.album?.release_date),
    durationMs: track.duration_ms,
    isrc: parseIsrc(track.external_ids?.isrc),
    imageUrl: track.album?.images?.[0]?.url ?? null,
  }
}
