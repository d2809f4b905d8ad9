import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Http } from './http.ts'
import { createPace, type Pace } from './pace.ts'

/** The variables of every provider that asks MusicBrainz, besides the contact. */
export const musicbrainzVariables = {
  MUSICBRAINZ_URL: z
    .url()
    .default('https://musicbrainz.org/ws/2')
    .meta({ description: 'MusicBrainz’s web service, or a mirror of your own' }),
  MUSICBRAINZ_INTERVAL_MS: z.coerce
    .number()
    .min(0)
    .default(1_000)
    .meta({ description: 'least time between two calls; the public service allows one in a second' }),
}

const variables = z.object(musicbrainzVariables)

/** MusicBrainz counts calls by address, so all providers of this process wait in one line for each service. */
const paces = new Map<string, Pace>()

/** Reads MusicBrainz's open database. */
export interface MusicbrainzClient {
  /**
   * @param path such as `/recording/<id>`
   * @param query without `fmt`
   * @returns null when there is no such thing
   */
  read<Schema extends z.ZodType>(
    path: string,
    query: Readonly<Record<string, string>>,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<z.output<Schema> | null>
}

/**
 * @param headers must hold a `user-agent` that says how to reach the caller: others are refused
 * @see https://musicbrainz.org/doc/MusicBrainz_API
 */
export function createMusicbrainzClient(
  settings: z.output<typeof variables>,
  http: Http,
  headers: Readonly<Record<string, string>>,
): MusicbrainzClient {
  const base = settings.MUSICBRAINZ_URL.replace(/\/+$/, '')
  const intervalMs = settings.MUSICBRAINZ_INTERVAL_MS
  const key = `${base} ${intervalMs}`
  const pace = paces.get(key) ?? createPace(intervalMs)
  paces.set(key, pace)
  return {
    async read(path, query, schema, signal) {
      await pace(signal)
      try {
        const url = `${base}${path}?${new URLSearchParams({ ...query, fmt: 'json' })}`
        // A retry does not wait in the line, so it waits at least as long; half of the delay may be taken off.
        return await http.json(url, schema, { headers, firstDelayMs: intervalMs * 2, signal })
      } catch (error) {
        if (error instanceof AppError && error.details.status === 404) return null
        throw error
      }
    },
  }
}
