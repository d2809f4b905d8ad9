import { and, eq, sql } from 'drizzle-orm'
import type { Address } from 'viem'
import { lensAccounts } from '../../db/artist-tables.ts'
import type { Transaction } from '../../db/client.ts'
import { publishedClips } from '../../db/publication-tables.ts'
import { karaokeSegments, lyrics, type TrackSource, tracks } from '../../db/tables.ts'
import { stagesOf } from '../../engine/define.ts'
import { workEntityId } from '../../providers/space/grc20-space.ts'

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
  /** Its name in the catalog on chain: its Spotify id, or one of ours; the one it was first published under stays. */
  readonly catalogId: string
  /** Id of the work in the metadata space, known before it is minted; empty for a track without an artist. */
  readonly grc20WorkId: string
  /** The lock of its artist; null until deployed. */
  readonly lock: { readonly address: Address; readonly chainId: number } | null
  /** How often it was asked to be encrypted anew. */
  readonly encryptionGeneration: number
}

/** Declares a stage of the track pipeline. */
export const trackStage = stagesOf<Track>('track')

export async function loadTrack(transaction: Transaction, id: number): Promise<Track | null> {
  const [found] = await transaction
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
      artistId: tracks.artistId,
      installation: sql<string>`(select i.id from installation i)`,
      publishedId: publishedClips.catalogId,
      lockAddress: lensAccounts.lockAddress,
      lockChainId: lensAccounts.lockChainId,
      encryptionGeneration: karaokeSegments.encryptionGeneration,
    })
    .from(tracks)
    .leftJoin(lyrics, eq(lyrics.trackId, tracks.id))
    .leftJoin(lensAccounts, eq(lensAccounts.artistId, tracks.artistId))
    .leftJoin(karaokeSegments, and(eq(karaokeSegments.trackId, tracks.id), eq(karaokeSegments.segmentIndex, 0)))
    .leftJoin(publishedClips, and(eq(publishedClips.trackId, tracks.id), eq(publishedClips.segmentIndex, 0)))
    .where(eq(tracks.id, id))
  if (!found) return null
  const { installation, artistId, publishedId, lockAddress, lockChainId, encryptionGeneration, ...row } = found
  return {
    ...row,
    catalogId: publishedId ?? row.spotifyTrackId ?? `refrain:${installation}:${id}`,
    grc20WorkId: artistId === null ? '' : workEntityId(installation, id),
    lock: lockAddress && lockChainId ? { address: lockAddress as Address, chainId: lockChainId } : null,
    encryptionGeneration: encryptionGeneration ?? 0,
    artists: row.artists.map((artist) => artist.name),
    spotifyArtistIds: row.artists.flatMap((artist) => artist.id ?? []),
  }
}
