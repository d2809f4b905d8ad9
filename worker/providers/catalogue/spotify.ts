import { z } from 'zod'
import { InvalidInput, ProviderRejected } from '../../errors.ts'
import { createSpotifyClient, spotifyDate, spotifyVariables } from '../../net/spotify.ts'
import { defineProvider } from '../capability.ts'
import type { Catalogue, CatalogueTrack } from './contract.ts'

const TRACK_ID = /^[0-9A-Za-z]{22}$/

// Spotify removed fields in 2024 and 2026: only what is needed is required.
const Track = z.object({
  id: z.string(),
  name: z.string(),
  duration_ms: z.number().int().positive(),
  artists: z.array(z.object({ id: z.string().min(1), name: z.string().min(1) })).min(1),
  album: z.object({ name: z.string().optional(), release_date: z.string().nullish() }).optional(),
  external_ids: z.object({ isrc: z.string().optional() }).optional(),
})

/** Spotify's Web API with the client credentials flow: public data of single tracks, no user's account. */
export const spotify = defineProvider({
  name: 'spotify',
  environment: z.object(spotifyVariables),
  create: (settings, { http }): Catalogue => {
    const client = createSpotifyClient(settings, http)
    return {
      unavailableReason: null,
      async track(id, { signal }) {
        if (!TRACK_ID.test(id)) throw new InvalidInput('expected a Spotify track id of 22 letters and digits')
        const track = await client.read(`/tracks/${id}`, Track, signal)
        return track && toCatalogueTrack(id, track)
      },
    }
  },
})

function toCatalogueTrack(id: string, track: z.output<typeof Track>): CatalogueTrack {
  // A relinked track answers under another id for another market; the caller asked for this one.
  if (track.name.trim() === '')
    throw new ProviderRejected('spotify', 'expected a title, got a track that was taken down')
  return {
    spotifyTrackId: id,
    title: track.name,
    artists: track.artists.map((artist) => ({ id: artist.id, name: artist.name })),
    album: track.album?.name || null,
    releaseDate: spotifyDate(track.album?.release_date),
    durationMs: track.duration_ms,
    isrc: track.external_ids?.isrc?.replaceAll('-', '').toUpperCase() || null,
  }
}
