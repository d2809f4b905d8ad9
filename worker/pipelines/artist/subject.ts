import { asc, eq, getTableColumns, sql } from 'drizzle-orm'
import { artistMetadata, artists, lensAccounts, pkpAccounts } from '../../db/artist-tables.ts'
import type { Transaction } from '../../db/client.ts'
import { tracks } from '../../db/tables.ts'
import { stagesOf } from '../../engine/define.ts'
import { type Grc20State, loadGrc20OfArtist } from './grc20/state.ts'

/** An artist as its stages see it. What is null is not known, or not there yet. */
export interface Artist {
  readonly id: number
  /** As credited. */
  readonly name: string
  readonly spotifyArtistId: string | null
  readonly geniusArtistId: string | null
  /** `Q…` */
  readonly wikidataId: string | null
  readonly musicbrainzArtistId: string | null
  readonly isni: string | null
  readonly imageUrl: string | null
  readonly genres: readonly string[]
  /** Other names. */
  readonly aliases: readonly string[]
  /** The artist that this one turned out to be; it then gets no identity of its own. */
  readonly mergedInto: number | null
  /** What each source of metadata knows of the artist, by its name. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Tracks by the artist, the first ones. */
  readonly tracks: readonly ArtistTrack[]
  /** Names the wallet to whoever keeps it; no other installation has the same. */
  readonly walletName: string
  readonly walletAddress: string | null
  readonly handle: string | null
  readonly accountAddress: string | null
  readonly lockAddress: string | null
  readonly lockChainId: number | null
  readonly grc20: Grc20State
}

/** What a source of metadata is asked by. */
export interface ArtistTrack {
  readonly id: number
  readonly title: string
  readonly artists: readonly string[]
  readonly spotifyArtistIds: readonly string[]
  readonly spotifyTrackId: string | null
  readonly isrc: string | null
  readonly durationMs: number | null
  /** BCP 47. */
  readonly language: string
  /** What the sources said of the track already, by their names. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** More tracks than these say nothing new of their artist. */
const MOST_TRACKS = 10

/** Declares a stage of the artist pipeline. */
export const artistStage = stagesOf<Artist>('artist')

export async function loadArtist(transaction: Transaction, id: number): Promise<Artist | null> {
  const { stage: _stage, createdAt: _createdAt, updatedAt: _updatedAt, ...columns } = getTableColumns(artists)
  const [row] = await transaction
    .select({
      ...columns,
      metadata: sql<Artist['metadata']>`(
        select coalesce(jsonb_object_agg(m.source, m.data), '{}') from ${artistMetadata} m where m.artist_id = ${artists.id})`,
      installation: sql<string>`(select i.id from installation i)`,
      walletAddress: pkpAccounts.address,
      handle: lensAccounts.handle,
      accountAddress: lensAccounts.accountAddress,
      lockAddress: lensAccounts.lockAddress,
      lockChainId: lensAccounts.lockChainId,
    })
    .from(artists)
    .leftJoin(pkpAccounts, eq(pkpAccounts.artistId, artists.id))
    .leftJoin(lensAccounts, eq(lensAccounts.artistId, artists.id))
    .where(eq(artists.id, id))
  if (!row) return null
  const { installation, ...artist } = row
  return {
    ...artist,
    walletName: `artist:${installation}:${id}`,
    tracks: await loadTracks(transaction, id),
    grc20: await loadGrc20OfArtist(transaction, id),
  }
}

async function loadTracks(transaction: Transaction, artistId: number): Promise<ArtistTrack[]> {
  const rows = await transaction
    .select({
      id: tracks.id,
      title: tracks.title,
      artists: tracks.artists,
      spotifyTrackId: tracks.spotifyTrackId,
      isrc: tracks.isrc,
      durationMs: tracks.durationMs,
      language: tracks.language,
      metadata: sql<ArtistTrack['metadata']>`(
        select coalesce(jsonb_object_agg(m.source, m.data), '{}') from track_metadata m where m.track_id = ${tracks.id})`,
    })
    .from(tracks)
    .where(eq(tracks.artistId, artistId))
    .orderBy(asc(tracks.id))
    .limit(MOST_TRACKS)
  return rows.map((row) => ({
    ...row,
    artists: row.artists.map((artist) => artist.name),
    spotifyArtistIds: row.artists.flatMap((artist) => artist.id ?? []),
  }))
}
