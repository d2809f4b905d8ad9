import { and, asc, isNull, ne, or, sql } from 'drizzle-orm'
import { lensAccounts } from '../../../db/artist-tables.ts'
import { inTransaction } from '../../../db/client.ts'
import { grc20Artists, grc20Works } from '../../../db/grc20-tables.ts'
import { type Batch, type BatchServices, publishPlanned, runBatch } from './batch.ts'
import { type PublishedEdit, planOf } from './edit.ts'
import { heldByTasks, isFreeOfTasks } from './held-by-tasks.ts'
import { mintArtist, mintWork, type Part } from './parts.ts'
import { populate } from './populate.ts'
import { publishCovers } from './publish.ts'
import { publishSchema } from './setup-space.ts'

/**
 * Publishes everything that is not minted yet: one edit for all artists, then one for all works whose artist is minted. What a
 * task is publishing at this moment is left to it.
 */
export async function mintAll(services: BatchServices): Promise<readonly PublishedEdit[]> {
  return await runBatch(services, async (batch) => {
    await populateAll(batch)
    const schema = await publishSchema(batch)
    const artists = await publishPlanned(batch, () => planArtists(batch), isFreeOfTasks)
    const works = await publishPlanned(batch, () => planWorks(batch), isFreeOfTasks)
    return [...schema, ...artists, ...works]
  })
}

/** Fills the rows of all artists and works with what is known by now. */
export async function populateAll({ client, signal }: Batch): Promise<void> {
  const accounts = await client.database
    .select({ artistId: lensAccounts.artistId })
    .from(lensAccounts)
    .orderBy(asc(lensAccounts.artistId))
  for (const { artistId } of accounts) {
    signal.throwIfAborted()
    await inTransaction(client, (_connection, transaction) => populate(transaction, artistId))
  }
}

async function planArtists(batch: Batch) {
  const { client, installation, spaceId } = batch
  const held = await heldByTasks(client.pool)
  const rows = await client.database
    .select()
    .from(grc20Artists)
    .where(
      and(isNull(grc20Artists.pendingEditId), or(isNull(grc20Artists.mintedAt), ne(grc20Artists.spaceId, spaceId))),
    )
    .orderBy(asc(grc20Artists.artistId))
  const parts = rows.filter(({ artistId }) => !held.artists.has(artistId)).map((row) => mintArtist(installation, row))
  return await planMint(batch, 'artist', parts)
}

async function planWorks(batch: Batch) {
  const { client, installation, spaceId } = batch
  const held = await heldByTasks(client.pool)
  const rows = await client.database
    .select()
    .from(grc20Works)
    .where(
      and(
        isNull(grc20Works.pendingEditId),
        or(isNull(grc20Works.mintedAt), ne(grc20Works.spaceId, spaceId)),
        sql`exists (select from ${grc20Artists} a
          where a.artist_id = ${grc20Works.artistId} and a.minted_at is not null and a.space_id = ${spaceId})`,
      ),
    )
    .orderBy(asc(grc20Works.trackId))
  const parts = rows.filter(({ trackId }) => !held.works.has(trackId)).map((row) => mintWork(installation, row))
  return await planMint(batch, 'work', parts)
}

async function planMint(batch: Batch, noun: string, parts: readonly Part[]) {
  if (parts.length === 0) return null
  await publishCovers(parts, batch)
  return planOf('mint', `${parts.length} ${noun}${parts.length === 1 ? '' : 's'}`, parts)
}
