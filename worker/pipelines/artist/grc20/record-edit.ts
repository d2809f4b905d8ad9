import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Transaction } from '../../../db/client.ts'
import { grc20Artists, grc20Edits, grc20Space, grc20Works } from '../../../db/grc20-tables.ts'
import type { EditRow, PublishedEdit } from './edit.ts'

/** Writes down that an edit is confirmed, and what follows for its rows; nothing when it was written down before. */
export async function recordEdit(transaction: Transaction, edit: PublishedEdit): Promise<void> {
  const { rows, txHash, recordedAs, chainId, blockNumber, createdAt, ...described } = edit
  const confirmed = { txHash, recordedAs, chainId, blockNumber, confirmedAt: new Date(), bytes: null, failedAt: null }
  const recorded = await transaction
    .insert(grc20Edits)
    .values({ ...described, ...confirmed, rows, createdAt: new Date(createdAt) })
    .onConflictDoUpdate({
      target: grc20Edits.editId,
      set: { ...confirmed, errorMessage: null },
      setWhere: isNull(grc20Edits.confirmedAt),
    })
    .returning({ editId: grc20Edits.editId })
  if (recorded.length === 0) return
  // In one order everywhere: two edits may share rows.
  for (const row of rows.toSorted(byTableAndId)) await confirm(transaction, edit, row)
}

/** A row that has changed since the edit was made still needs an update. */
async function confirm(transaction: Transaction, edit: PublishedEdit, row: EditRow): Promise<void> {
  const { editId, spaceId, cid, txHash, kind } = edit
  if (row.table === 'space') {
    const { id: itemId, kind, name } = row
    await transaction.insert(grc20Space).values({ spaceId, itemId, kind, name, editId }).onConflictDoNothing()
    return
  }
  const { id, entityId, revision } = row
  const published = { grc20EntityId: entityId, spaceId, editId, cid, txHash }
  const mintedAt = kind === 'mint' ? { mintedAt: new Date() } : {}
  if (row.table === 'artist') {
    const needsUpdate = sql`${grc20Artists.revision} <> ${revision}`
    const pendingEditId = sql`nullif(${grc20Artists.pendingEditId}, ${editId})`
    await transaction
      .update(grc20Artists)
      .set({ ...published, ...mintedAt, needsUpdate, pendingEditId })
      .where(eq(grc20Artists.artistId, id))
  } else {
    const needsUpdate = sql`${grc20Works.revision} <> ${revision}`
    const pendingEditId = sql`nullif(${grc20Works.pendingEditId}, ${editId})`
    const related = { artistRelationId: row.artistRelationId, publishedArtistId: row.artistId }
    await transaction
      .update(grc20Works)
      .set({ ...published, ...mintedAt, ...related, needsUpdate, pendingEditId })
      .where(eq(grc20Works.trackId, id))
  }
}

/** Writes down that an edit was refused for good, and frees its rows for another. */
export async function recordRefusal(transaction: Transaction, editId: string, message: string): Promise<void> {
  await transaction
    .update(grc20Edits)
    .set({ failedAt: new Date(), errorMessage: message, bytes: null })
    .where(and(eq(grc20Edits.editId, editId), isNull(grc20Edits.confirmedAt)))
  await transaction.update(grc20Artists).set({ pendingEditId: null }).where(eq(grc20Artists.pendingEditId, editId))
  await transaction.update(grc20Works).set({ pendingEditId: null }).where(eq(grc20Works.pendingEditId, editId))
}

function byTableAndId(a: EditRow, b: EditRow): number {
  if (a.table !== b.table) return a.table < b.table ? -1 : 1
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
