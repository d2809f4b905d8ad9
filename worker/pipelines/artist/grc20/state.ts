import { and, arrayOverlaps, asc, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Transaction } from '../../../db/client.ts'
import {
  type Grc20ArtistRow,
  type Grc20WorkRow,
  grc20Artists,
  grc20Edits,
  grc20Space,
  grc20Works,
} from '../../../db/grc20-tables.ts'
import { tracks } from '../../../db/tables.ts'
import { workEntityId } from '../../../providers/space/grc20-space.ts'

/** What a stage that mints sees of the metadata space. */
export interface Grc20State {
  readonly installation: string
  /** Ids of the properties, types and relations that each space holds. */
  readonly held: Readonly<Record<string, readonly string[]>>
  /** Null until populated. */
  readonly artist: Grc20ArtistRow | null
  /** Works by the artist, in the order of their tracks. */
  readonly works: readonly Grc20WorkRow[]
  /** Ids of confirmed edits that hold any of them: the rows say what they did. */
  readonly confirmed: readonly string[]
}

/** The state of an artist. */
export async function loadGrc20OfArtist(transaction: Transaction, artistId: number): Promise<Grc20State> {
  return await load(transaction, artistId, eq(grc20Works.artistId, artistId))
}

/** The state of one track's work and its artist; null while the track has no artist. */
export async function loadGrc20OfTrack(transaction: Transaction, trackId: number): Promise<Grc20State | null> {
  const [track] = await transaction.select({ artistId: tracks.artistId }).from(tracks).where(eq(tracks.id, trackId))
  return track?.artistId ? await load(transaction, track.artistId, eq(grc20Works.trackId, trackId)) : null
}

async function load(transaction: Transaction, artistId: number, ofWorks: SQL): Promise<Grc20State> {
  const [space] = await transaction
    .select({
      installation: sql<string>`(select i.id::text from installation i)`,
      held: sql<Grc20State['held']>`(
        select coalesce(jsonb_object_agg(s.space_id, s.items), '{}')
        from (select space_id, jsonb_agg(item_id) as items from ${grc20Space} group by space_id) s)`,
    })
    .from(sql`(select) one`)
  const [artist] = await transaction.select().from(grc20Artists).where(eq(grc20Artists.artistId, artistId))
  const works = await transaction.select().from(grc20Works).where(ofWorks).orderBy(asc(grc20Works.trackId))
  const entityIds = [artist, ...works].flatMap((row) => row?.grc20EntityId ?? [])
  const edits =
    entityIds.length === 0
      ? []
      : await transaction
          .select({ editId: grc20Edits.editId })
          .from(grc20Edits)
          .where(and(arrayOverlaps(grc20Edits.entityIds, entityIds), isNotNull(grc20Edits.confirmedAt)))
  return { ...space, artist: artist ?? null, works, confirmed: edits.map((edit) => edit.editId) }
}

/**
 * The id of the entity that stands for a track's work in the metadata space. It is known before the work is minted and is never
 * another one, so whoever names the work need not wait.
 */
export async function grc20WorkIdOf(transaction: Transaction, trackId: number): Promise<string> {
  const [row] = await transaction
    .select({
      installation: sql<string>`(select i.id::text from installation i)`,
      minted: sql<string | null>`(select w.grc20_entity_id from ${grc20Works} w where w.track_id = ${trackId})`,
    })
    .from(sql`(select) one`)
  return row.minted ?? workEntityId(row.installation, trackId)
}
