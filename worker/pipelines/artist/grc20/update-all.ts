import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import { grc20Artists, grc20Works } from '../../../db/grc20-tables.ts'
import { type Batch, type BatchServices, publishPlanned, runBatch } from './batch.ts'
import { type PublishedEdit, planOf } from './edit.ts'
import { populateAll } from './mint-all.ts'
import { type Part, updateArtist, updateWork } from './parts.ts'
import { publishCovers } from './publish.ts'
import { publishSchema } from './setup-space.ts'

/** Publishes every artist whose row has changed since it was published, all in one edit; nothing when none has. */
export async function updateArtists(services: BatchServices): Promise<readonly PublishedEdit[]> {
  return await update(services, 'artist', async ({ client, installation, spaceId }) => {
    const isChanged = and(eq(grc20Artists.needsUpdate, true), isNull(grc20Artists.pendingEditId))
    const rows = await client.database
      .select()
      .from(grc20Artists)
      .where(and(isChanged, eq(grc20Artists.spaceId, spaceId)))
      .orderBy(asc(grc20Artists.artistId))
    return rows.map((row) => updateArtist(installation, row))
  })
}

/** Publishes every work whose row has changed since it was published, all in one edit; nothing when none has. */
export async function updateWorks(services: BatchServices): Promise<readonly PublishedEdit[]> {
  return await update(services, 'work', async ({ client, installation, spaceId }) => {
    const isChanged = and(eq(grc20Works.needsUpdate, true), isNull(grc20Works.pendingEditId))
    // A relation leads to an entity that is there: a work that got another artist waits until that one is minted.
    const isPerformerMinted = sql`exists (select from ${grc20Artists} a
      where a.artist_id = ${grc20Works.artistId} and a.minted_at is not null and a.space_id = ${spaceId})`
    const rows = await client.database
      .select()
      .from(grc20Works)
      .where(and(isChanged, eq(grc20Works.spaceId, spaceId), isPerformerMinted))
      .orderBy(asc(grc20Works.trackId))
    return rows.map((row) => updateWork(installation, row))
  })
}

async function update(
  services: BatchServices,
  noun: string,
  changed: (batch: Batch) => Promise<readonly Part[]>,
): Promise<readonly PublishedEdit[]> {
  return await runBatch(services, async (batch) => {
    await populateAll(batch)
    const schema = await publishSchema(batch)
    const updated = await publishPlanned(batch, async () => {
      const parts = await changed(batch)
      if (parts.length === 0) return null
      await publishCovers(parts, batch)
      return planOf('update', `Update of ${parts.length} ${noun}${parts.length === 1 ? '' : 's'}`, parts)
    })
    return [...schema, ...updated]
  })
}
