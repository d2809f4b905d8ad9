import { z } from 'zod'
import { AppError, InvalidInput, ProviderRejected } from '../../errors.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import type { Catalogue, CatalogueTrack } from './contract.ts'

const TRACK_ID = /^[0-9A-Za-z]{22}$/
/** A token is renewed this long before its end, so that it does not expire on the way. */
const RENEW_EARLY_MS = 60_000

const Token = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })
// Spotify removed fields in 2024 and 2026: only what is needed is required.
const Track = z.object({
  id: z.string(),
  name: z.string(),
  duration_ms: z.number().int().positive(),
  artists: z.array(z.object({ id: z.string().min(1), name: z.string().min(1) })).min(1),
  album: z.object({ name: z.string().optional(), release_date: z.string().nullish() }).optional(),
  external_ids: z.object({ isrc: z.string().optional() }).optional(),
})

const environment = z.object({
  SPOTIFY_CLIENT_ID: z.string().meta({ description: 'id of an app in Spotify’s developer dashboard' }),
  SPOTIFY_CLIENT_SECRET: z.string().meta({ description: 'secret of that app', isSecret: true }),
  SPOTIFY_API_URL: z.url().default('https://api.spotify.com/v1').meta({ description: 'Spotify’s Web API' }),
  SPOTIFY_TOKEN_URL: z
    .url()
    .default('https://accounts.spotify.com/api/token')
    .meta({ description: 'where Spotify gives out access tokens' }),
})

/** Spotify's Web API with the client credentials flow: public data of single tracks, no user's account. */
export const spotify = defineProvider({
  name: 'spotify',
  environment,
  create: (settings, deps) => createSpotify(settings, deps),
})

function createSpotify(settings: z.output<typeof environment>, { http }: ProviderDeps): Catalogue {
  let token: { readonly value: string; readonly renewMs: number } | null = null

  return {
    unavailableReason: null,
    async track(id, { signal }) {
      if (!TRACK_ID.test(id)) throw new InvalidInput('expected a Spotify track id of 22 letters and digits')
      const track = await withToken((access) => readTrack(id, access, signal), signal)
      return track && toCatalogueTrack(id, track)
    },
  }

  async function readTrack(id: string, access: string, signal: AbortSignal): Promise<z.output<typeof Track> | null> {
    try {
      const url = `${settings.SPOTIFY_API_URL.replace(/\/+$/, '')}/tracks/${id}`
      return await http.json(url, Track, { headers: { authorization: `Bearer ${access}` }, signal })
    } catch (error) {
      // Spotify answers 400 "Invalid id" for a well-formed id that it never gave out.
      if (isStatus(error, 404) || (isStatus(error, 400) && /invalid (base62 )?id/i.test(error.message))) return null
      throw error
    }
  }

  /** A token may be revoked before its time: then a new one is tried once. */
  async function withToken<T>(call: (access: string) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await call(await accessToken(signal))
    } catch (error) {
      if (!isStatus(error, 401) || token === null) throw error
      token = null
      return call(await accessToken(signal))
    }
  }

  async function accessToken(signal: AbortSignal): Promise<string> {
    if (token && performance.now() < token.renewMs) return token.value
    const credentials = Buffer.from(`${settings.SPOTIFY_CLIENT_ID}:${settings.SPOTIFY_CLIENT_SECRET}`).toString(
      'base64',
    )
    const given = await http.json(settings.SPOTIFY_TOKEN_URL, Token, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      idempotent: true,
      signal,
    })
    const lifeMs = Math.max(given.expires_in * 1000 - RENEW_EARLY_MS, 0)
    token = { value: given.access_token, renewMs: performance.now() + lifeMs }
    return token.value
  }
}

function toCatalogueTrack(id: string, track: z.output<typeof Track>): CatalogueTrack {
  // A relinked track answers under another id for another market; the caller asked for this one.
  if (track.name.trim() === '')
    throw new ProviderRejected('spotify', 'expected a title, got a track that was taken down')
  return {
    spotifyTrackId: id,
    title: track.name,
    artists: track.artists.map((artist) => ({ id: artist.id, name: artist.name })),
    album: track.album?.name || null,
    releaseDate: releaseDate(track.album?.release_date),
    durationMs: track.duration_ms,
    isrc: track.external_ids?.isrc?.replaceAll('-', '').toUpperCase() || null,
  }
}

/** `0000` stands for an unknown year. */
function releaseDate(date: string | null | undefined): string | null {
  return date && /^\d{4}(-\d{2}){0,2}$/.test(date) && !date.startsWith('0000') ? date : null
}

function isStatus(error: unknown, status: number): error is AppError {
  return error instanceof AppError && error.details.status === status
}
