import { z } from 'zod'

/** What a catalogue knows of a recording. Fields are null where it does not say. */
export const CatalogueTrack = z.object({
  spotifyTrackId: z.string().regex(/^[0-9A-Za-z]{22}$/),
  title: z.string().min(1),
  /** As credited, the main artist first. */
  artists: z.array(z.object({ id: z.string().min(1), name: z.string().min(1) })).min(1),
  album: z.string().nullable(),
  /** ISO 8601 date, as exact as known: `2009`, `2009-03` or `2009-03-23`. */
  releaseDate: z.string().nullable(),
  durationMs: z.number().int().positive(),
  /** Twelve characters without dashes: `GBAYE0601498`. */
  isrc: z.string().nullable(),
})
export type CatalogueTrack = z.output<typeof CatalogueTrack>

/** Looks up what is publicly known of a track. */
export interface Catalogue {
  /** Why this provider cannot look anything up, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /**
   * @param id Spotify's track id, 22 letters and digits
   * @returns null when the catalogue has no such track
   * @throws InvalidInput when `id` is not of that form; Blocked when `unavailableReason` says so
   */
  track(id: string, options: { readonly signal: AbortSignal }): Promise<CatalogueTrack | null>
}
