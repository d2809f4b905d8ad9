import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Http } from './http.ts'

/** The variables of every provider that asks Spotify's Web API. */
export const spotifyVariables = {
  SPOTIFY_CLIENT_ID: z.string().meta({ description: 'id of an app in Spotify’s developer dashboard' }),
  SPOTIFY_CLIENT_SECRET: z.string().meta({ description: 'secret of that app', isSecret: true }),
  SPOTIFY_API_URL: z.url().default('https://api.spotify.com/v1').meta({ description: 'Spotify’s Web API' }),
  SPOTIFY_TOKEN_URL: z
    .url()
    .default('https://accounts.spotify.com/api/token')
    .meta({ description: 'where Spotify gives out access tokens' }),
}

const variables = z.object(spotifyVariables)
type SpotifySettings = z.output<typeof variables>

/** A token is renewed this long before its end, so that it does not expire on the way. */
const RENEW_EARLY_MS = 60_000

const Token = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

/** Reads public data of Spotify: no user's account. */
export interface SpotifyClient {
  /**
   * @param path with its query, such as `/tracks/4uLU6hMCjMI75M1A2tKUQC`
   * @returns null when there is no such thing
   */
  read<Schema extends z.ZodType>(path: string, schema: Schema, signal: AbortSignal): Promise<z.output<Schema> | null>
}

/** Spotify's Web API with the client credentials flow. One access token serves all calls until it is about to expire. */
export function createSpotifyClient(settings: SpotifySettings, http: Http): SpotifyClient {
  const base = settings.SPOTIFY_API_URL.replace(/\/+$/, '')
  let token: { readonly value: string; readonly renewMs: number } | null = null

  return {
    async read(path, schema, signal) {
      const call = (access: string) =>
        http.json(`${base}${path}`, schema, { headers: { authorization: `Bearer ${access}` }, signal })
      try {
        return await withToken(call, signal)
      } catch (error) {
        // Spotify answers 400 "Invalid id" for a well-formed id that it never gave out.
        if (isStatus(error, 404) || (isStatus(error, 400) && /invalid (base62 )?id/i.test(error.message))) return null
        throw error
      }
    },
  }

  /** A token may be revoked before its time: then a new one is tried once. */
  async function withToken<T>(call: (access: string) => Promise<T>, signal: AbortSignal): Promise<T> {
    const access = await accessToken(signal)
    try {
      return await call(access)
    } catch (error) {
      if (!isStatus(error, 401)) throw error
      if (token?.value === access) token = null
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

/** An ISO 8601 date as exact as Spotify knows it, or null: `0000` stands for an unknown year. */
export function spotifyDate(date: string | null | undefined): string | null {
  return date && /^\d{4}(-\d{2}){0,2}$/.test(date) && !date.startsWith('0000') ? date : null
}

function isStatus(error: unknown, status: number): error is AppError {
  return error instanceof AppError && error.details.status === status
}
