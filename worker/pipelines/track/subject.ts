import { eq } from 'drizzle-orm'
import type { Transaction } from '../../db/client.ts'
import { lyrics, type TrackSource, tracks } from '../../db/tables.ts'
import { stagesOf } from '../../engine/define.ts'

/** A track as its stages see it. */
export interface Track {
  readonly id: number
  readonly title: string
  /** Names, the first being the primary artist. */
  readonly artists: readonly string[]
  /** BCP 47. */
  readonly language: string
  /** Null until known. */
  readonly durationMs: number | null
  readonly isrc: string | null
  readonly spotifyTrackId: string | null
  /** Of those artists that came from Spotify. */
  readonly spotifyArtistIds: readonly string[]
  readonly source: TrackSource | null
  /** As submitted: plain text or LRC; null when there are none. */
  readonly lyrics: string | null
  readonly style: Readonly<Record<string, unknown>>
}

/** Declares a stage of the track pipeline. */
export const trackStage = stagesOf<Track>('track')

export async function loadTrack(transaction: Transaction, id: number): Promise<Track | null> {
  const [row] = await transaction
    .select({
      id: tracks.id,
      title: tracks.title,
      artists: tracks.artists,
      language: tracks.language,
      durationMs: tracks.durationMs,
      isrc: tracks.isrc,
      spotifyTrackId: tracks.spotifyTrackId,
      source: tracks.source,
      lyrics: lyrics.raw,
      style: tracks.style,
    })
    .from(tracks)
    .leftJoin(lyrics, eq(lyrics.trackId, tracks.id))
    .where(eq(tracks.id, id))
  if (!row) return null
  return {
    ...row,
    artists: row.artists.map((artist) => artist.name),
    spotifyArtistIds: row.artists.flatMap((artist) => artist.id ?? []),
  }
}
