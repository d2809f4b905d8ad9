import { eq } from 'drizzle-orm'
import { grc20Edits, grc20Space } from '../../../db/grc20-tables.ts'
import { type Batch, type BatchServices, publishPlanned, runBatch } from './batch.ts'
import type { PublishedEdit } from './edit.ts'
import { planSchema } from './schema-edit.ts'

/** Gives the space the properties, types and relations of ours that it lacks; publishes nothing when it lacks none. */
export async function setUpSpace(services: BatchServices): Promise<readonly PublishedEdit[]> {
  return await runBatch(services, publishSchema)
}

export async function publishSchema(batch: Batch): Promise<readonly PublishedEdit[]> {
  const { database } = batch.client
  return await publishPlanned(batch, async () => {
    const held = await database
      .select({ itemId: grc20Space.itemId })
      .from(grc20Space)
      .where(eq(grc20Space.spaceId, batch.spaceId))
    const plan = planSchema(batch, new Set(held.map((item) => item.itemId)))
    if (plan?.sharedId === undefined) return plan
    const [before] = await database
      .select({ editId: grc20Edits.editId })
      .from(grc20Edits)
      .where(eq(grc20Edits.editId, plan.sharedId))
    // One that was refused is not sent again: this is then another edit.
    const { sharedId, ...own } = plan
    return before ? own : plan
  })
}
