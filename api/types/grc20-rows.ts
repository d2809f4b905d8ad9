import { inArray } from 'drizzle-orm'
import type { Client } from '../../worker/db/client.ts'
import {
  type Grc20ArtistRow,
  type Grc20WorkRow,
  grc20Artists,
  grc20Edits,
  grc20Works,
} from '../../worker/db/grc20-tables.ts'
import { artistValues } from '../../worker/pipelines/artist/grc20/artist-values.ts'
import { type EntityValues, idText } from '../../worker/pipelines/artist/grc20/values.ts'
import { workValues } from '../../worker/pipelines/artist/grc20/work-values.ts'
import { createBatch, indexBy } from '../batch.ts'

/** What the metadata space says of an artist or a work, or will. */
export interface EntityRow {
  readonly entityId: string | null
  readonly spaceId: string | null
  readonly mintedAt: Date | null
  readonly needsUpdate: boolean
  readonly isUnderWay: boolean
  readonly editId: string | null
  readonly cid: string | null
  readonly txHash: string | null
  readonly values: readonly ValueRow[]
}

export interface ValueRow {
  readonly propertyId: string
  readonly value: string
}

/** What an edit's fields read; the bytes are left to the archive. */
export const editColumns = {
  id: grc20Edits.id,
  editId: grc20Edits.editId,
  spaceId: grc20Edits.spaceId,
  kind: grc20Edits.kind,
  name: grc20Edits.name,
  cid: grc20Edits.cid,
  entityIds: grc20Edits.entityIds,
  txHash: grc20Edits.txHash,
  chainId: grc20Edits.chainId,
  blockNumber: grc20Edits.blockNumber,
  createdAt: grc20Edits.createdAt,
  confirmedAt: grc20Edits.confirmedAt,
  failedAt: grc20Edits.failedAt,
  errorMessage: grc20Edits.errorMessage,
}

type EntityLoaders = ReturnType<typeof createEntityLoaders>
const loaders = new WeakMap<Client, EntityLoaders>()

/** Loaders of one client, each one statement for all that ask in one turn. They keep nothing, so all requests may share them. */
export function entityLoaders(client: Client): EntityLoaders {
  const known = loaders.get(client) ?? createEntityLoaders(client)
  loaders.set(client, known)
  return known
}

function createEntityLoaders({ database }: Client) {
  return {
    ofArtist: createBatch(async (ids: readonly number[]) => {
      const rows = await database
        .select()
        .from(grc20Artists)
        .where(inArray(grc20Artists.artistId, [...ids]))
      return indexBy(
        rows.map((row) => ({ id: row.artistId, ...entityOf(row, artistValues(row)) })),
        (row) => row.id,
      )
    }),
    ofTrack: createBatch(async (ids: readonly number[]) => {
      const rows = await database
        .select()
        .from(grc20Works)
        .where(inArray(grc20Works.trackId, [...ids]))
      return indexBy(
        rows.map((row) => ({ id: row.trackId, ...entityOf(row, workValues(row)) })),
        (row) => row.id,
      )
    }),
    edit: createBatch(async (editIds: readonly string[]) =>
      indexBy(
        await database
          .select(editColumns)
          .from(grc20Edits)
          .where(inArray(grc20Edits.editId, [...editIds])),
        (row) => row.editId,
      ),
    ),
  }
}

function entityOf(row: Grc20ArtistRow | Grc20WorkRow, { values }: EntityValues): EntityRow {
  const { grc20EntityId: entityId, spaceId, mintedAt, needsUpdate, editId, cid, txHash } = row
  const said = values.map(({ property, value }) => ({
    propertyId: idText(property),
    value: 'value' in value ? String(value.value) : '',
  }))
  const isUnderWay = row.pendingEditId !== null
  return { entityId, spaceId, mintedAt, needsUpdate, isUnderWay, editId, cid, txHash, values: said }
}

export interface Grc20Counts {
  readonly artists: number
  readonly mintedArtists: number
  readonly changedArtists: number
  readonly works: number
  readonly mintedWorks: number
  readonly changedWorks: number
  readonly openEdits: number
  readonly refusedEdits: number
}

/** How much is published and how much waits. */
export async function countGrc20({ pool }: Client): Promise<Grc20Counts> {
  const { rows } = await pool.query<Grc20Counts>(
    `select a.*, w.*, e.*
     from (select count(*)::int as artists, count(minted_at)::int as "mintedArtists",
         count(*) filter (where needs_update)::int as "changedArtists" from grc20_artists) a,
       (select count(*)::int as works, count(minted_at)::int as "mintedWorks",
         count(*) filter (where needs_update)::int as "changedWorks" from grc20_works) w,
       (select count(*) filter (where confirmed_at is null and failed_at is null)::int as "openEdits",
         count(failed_at)::int as "refusedEdits" from grc20_edits) e`,
  )
  return rows[0]
}
