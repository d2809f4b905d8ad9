import { z } from 'zod'
import { AppError, ProviderUnavailable } from '../../errors.ts'
import { defineProvider } from '../capability.ts'
import { parseIsrc, parseIswc } from './codes.ts'
import type { MetadataSource } from './contract.ts'

const Answer = z.object({
  success: z.boolean(),
  error: z.string().nullish(),
  data: z
    .object({
      title: z.string().nullish(),
      iswc: z.string().nullish(),
      work_title: z.string().nullish(),
      artists: z
        .array(
          z.object({
            name: z.string().min(1),
            isni: z.string().nullish(),
            musicbrainz_mbid: z.string().nullish(),
            spotify_id: z.string().nullish(),
          }),
        )
        .nullish(),
      composers: z
        .array(
          z.object({
            name: z.string().min(1),
            isni: z.string().nullish(),
            ipi: z.string().nullish(),
            role: z.string().nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
})

/** A healthy service is not asked for its health again for this long. */
const HEALTHY_MS = 60_000

/**
 * Quansic's identifiers of a recording and its work. Quansic has no public interface: this speaks to a service of your own
 * in front of your account there, with `GET /health` and `POST /enrich-recording`.
 */
export const quansic = defineProvider({
  name: 'quansic',
  environment: z.object({
    QUANSIC_SERVICE_URL: z.url().meta({ description: 'your own service for Quansic, such as http://localhost:3000' }),
  }),
  create: (settings, { http }): MetadataSource => {
    const base = settings.QUANSIC_SERVICE_URL.replace(/\/+$/, '')
    let healthyUntilMs = Number.NEGATIVE_INFINITY
    return {
      async lookUp(track, { signal }) {
        const isrc = parseIsrc(track.isrc)
        if (!isrc) return { noMatch: 'Quansic is asked by ISRC, and the track has none' }
        await assertHealthy(signal)
        const answer = await ask({ isrc, spotify_track_id: track.spotifyTrackId }, signal)
        if (!answer?.data) return { noMatch: `Quansic knows no recording ${isrc}` }
        const { title, iswc, work_title, artists, composers } = answer.data
        return {
          source: 'quansic',
          data: {
            isrc,
            title: title || null,
            iswc: parseIswc(iswc),
            workTitle: work_title || null,
            artists: (artists ?? []).map((artist) => ({
              name: artist.name,
              isni: artist.isni || null,
              musicbrainzArtistId: artist.musicbrainz_mbid || null,
              spotifyArtistId: artist.spotify_id || null,
            })),
            writers: (composers ?? []).map((writer) => ({
              name: writer.name,
              isni: writer.isni || null,
              ipi: writer.ipi || null,
              role: writer.role || null,
            })),
          },
        }
      },
    }

    async function assertHealthy(signal: AbortSignal): Promise<void> {
      if (performance.now() < healthyUntilMs) return
      try {
        await http.request(`${base}/health`, { timeoutMs: 10_000, retries: 0, signal })
      } catch (cause) {
        signal.throwIfAborted()
        throw new ProviderUnavailable('quansic', 'the service at QUANSIC_SERVICE_URL is not healthy: start it', {
          cause,
        })
      }
      healthyUntilMs = performance.now() + HEALTHY_MS
    }

    async function ask(question: object, signal: AbortSignal): Promise<z.output<typeof Answer> | null> {
      try {
        const answer = await http.json(`${base}/enrich-recording`, Answer, {
          method: 'POST',
          json: question,
          idempotent: true,
          signal,
        })
        if (!answer.success && answer.error)
          throw new ProviderUnavailable('quansic', `could not look it up: ${answer.error}`)
        return answer
      } catch (error) {
        if (error instanceof AppError && error.details.status === 404) return null
        throw error
      }
    }
  },
})
