import { asc, eq, type SQL, sql } from 'drizzle-orm'
import { artistMetadata, artists, lensAccounts } from '../../../db/artist-tables.ts'
import type { Transaction } from '../../../db/client.ts'
import { grc20Artists, grc20Works } from '../../../db/grc20-tables.ts'
import { trackMetadata, tracks } from '../../../db/tables.ts'
import { artistColumns, type SourceData } from './artist-columns.ts'
import { type WorkFacts, workColumns } from './work-columns.ts'

/**
 * Fills the rows of an artist and of the works of its tracks with what is known by now. Columns that were changed by hand stay;
 * what was filled in and is no longer known is emptied. Nothing happens for an artist without an account, whose handle the
 * entity must hold.
 *
 * @returns whether the artist has a row now
 */
export async function populate(transaction: Transaction, artistId: number): Promise<boolean> {
  const [artist] = await transaction
    .select({
      id: artists.id,
      name: artists.name,
      spotifyArtistId: artists.spotifyArtistId,
      geniusArtistId: artists.geniusArtistId,
      wikidataId: artists.wikidataId,
      musicbrainzArtistId: artists.musicbrainzArtistId,
      isni: artists.isni,
      imageUrl: artists.imageUrl,
      aliases: artists.aliases,
      handle: lensAccounts.handle,
      accountAddress: lensAccounts.accountAddress,
      metadata: sql<SourceData>`(
        select coalesce(jsonb_object_agg(m.source, m.data), '{}') from ${artistMetadata} m where m.artist_id = ${artists.id})`,
    })
    .from(artists)
    .innerJoin(lensAccounts, eq(lensAccounts.artistId, artists.id))
    .where(eq(artists.id, artistId))
  if (!artist) return false
  const performed = await loadWorks(transaction, eq(tracks.artistId, artistId))
  await fillArtist(transaction, artistId, {
    ...artistColumns({ ...artist, trackMetadata: performed.map((track) => track.metadata) }),
  })
  for (const work of performed) await fillWork(transaction, work.id, { ...workColumns(work) })
  return true
}

/** Fills the row of the work that one track performs, as `populate` does; nothing happens for a track without an artist. */
export async function populateWorkOf(transaction: Transaction, trackId: number): Promise<void> {
  for (const work of await loadWorks(transaction, eq(tracks.id, trackId)))
    await fillWork(transaction, work.id, { ...workColumns(work) })
}

async function loadWorks(transaction: Transaction, which: SQL): Promise<WorkFacts[]> {
  const rows = await transaction
    .select({
      id: tracks.id,
      artistId: tracks.artistId,
      title: tracks.title,
      language: tracks.language,
      releaseDate: tracks.releaseDate,
      metadata: sql<SourceData>`(
        select coalesce(jsonb_object_agg(m.source, m.data), '{}') from ${trackMetadata} m where m.track_id = ${tracks.id})`,
    })
    .from(tracks)
    .where(which)
    .orderBy(asc(tracks.id))
  return rows.flatMap(({ artistId, ...row }) => (artistId === null ? [] : [{ ...row, artistId }]))
}

type Columns = Readonly<Record<string, string | number | null>>

async function fillArtist(transaction: Transaction, artistId: number, now: Columns & { name: string }): Promise<void> {
  const fresh = { artistId, ...now, populated: now }
  const inserted = await transaction
    .insert(grc20Artists)
    .values(fresh)
    .onConflictDoNothing()
    .returning({ artistId: grc20Artists.artistId })
  if (inserted.length > 0) return
  const [row] = await transaction.select().from(grc20Artists).where(eq(grc20Artists.artistId, artistId)).for('update')
  const fixed = row.mintedAt || row.pendingEditId ? { lensHandle: row.lensHandle } : {}
  const set = { ...merge(row, row.populated, now), ...fixed, populated: now }
  await transaction.update(grc20Artists).set(set).where(eq(grc20Artists.artistId, artistId))
}

async function fillWork(
  transaction: Transaction,
  trackId: number,
  now: Columns & { title: string; artistId: number },
): Promise<void> {
  const fresh = { trackId, ...now, populated: now }
  const inserted = await transaction
    .insert(grc20Works)
    .values(fresh)
    .onConflictDoNothing()
    .returning({ trackId: grc20Works.trackId })
  if (inserted.length > 0) return
  const [row] = await transaction.select().from(grc20Works).where(eq(grc20Works.trackId, trackId)).for('update')
  const set = { ...merge(row, row.populated, now), populated: now }
  await transaction.update(grc20Works).set(set).where(eq(grc20Works.trackId, trackId))
}

/** A column that is as it was filled in takes what is known now; one that differs was changed by hand. */
function merge(
  row: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>>,
  now: Columns,
): Columns {
  const columns = Object.keys(now).filter((column) => row[column] === (before[column] ?? null))
  return Object.fromEntries(columns.map((column) => [column, now[column]]))
}
