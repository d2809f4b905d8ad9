import { and, asc, isNull } from 'drizzle-orm'
import { type Client, createSession, inTransaction } from '../../../db/client.ts'
import { grc20Edits } from '../../../db/grc20-tables.ts'
import type { Queryable } from '../../../engine/tasks.ts'
import { Conflict, ProviderRejected } from '../../../errors.ts'
import type { Space, SpaceIdentity } from '../../../providers/space/contract.ts'
import type { Storage } from '../../../providers/storage/contract.ts'
import { type EditPlan, EncodedEdit, editKey, encodePlan, type PublishedEdit } from './edit.ts'
import { publishEdit } from './publish.ts'
import { recordEdit, recordRefusal } from './record-edit.ts'

/** How often an edit is planned, when its rows change under it. */
const MOST_PLANS = 5

/** What publishes many rows at once, outside a task. */
export interface BatchServices {
  readonly client: Client
  readonly archive: Storage
  readonly space: Space
  /** For files on their way into the archive. */
  readonly folder: string
  readonly signal: AbortSignal
}

export interface Batch extends BatchServices, SpaceIdentity {
  readonly installation: string
}

/**
 * Runs a batch, the only one on this database, after finishing what an earlier one has left under way.
 *
 * @returns what was published, the left-over edits first
 * @throws Conflict when another batch runs; ProviderRejected when the space refuses an edit, whose rows are then free again
 */
export async function runBatch(
  services: BatchServices,
  work: (batch: Batch) => Promise<readonly PublishedEdit[]>,
): Promise<readonly PublishedEdit[]> {
  const session = createSession(services.client.url, 'refrain grc20')
  await session.connect()
  try {
    const { rows } = await session.query<{ isFree: boolean; installation: string }>(
      `select pg_try_advisory_lock(hashtextextended('grc20 batch', 0)) as "isFree", i.id as installation from installation i`,
    )
    const [{ isFree, installation }] = rows
    if (!isFree) throw new Conflict('another batch publishes at this moment: wait until it is done')
    const batch = { ...services, ...(await services.space.identify()), installation }
    const leftOver = await finishLeftOver(batch)
    return [...leftOver, ...(await work(batch))]
  } finally {
    await session.end()
  }
}

/** Sends again, under their old keys, the edits that were made and not confirmed. */
async function finishLeftOver(batch: Batch): Promise<PublishedEdit[]> {
  const rows = await batch.client.database
    .select()
    .from(grc20Edits)
    .where(and(isNull(grc20Edits.confirmedAt), isNull(grc20Edits.failedAt)))
    .orderBy(asc(grc20Edits.createdAt))
  const published: PublishedEdit[] = []
  for (const { bytes, createdAt, ...row } of rows) {
    const edit = EncodedEdit.parse({ ...row, createdAt: createdAt.toISOString(), base64: bytes?.toString('base64') })
    if (edit.spaceId !== batch.spaceId) await refuse(batch, edit, `the space is now ${batch.spaceId}`)
    else published.push(await send(batch, edit))
  }
  return published
}

/**
 * Publishes one edit, which is kept and claims its rows before it is sent.
 *
 * @param plan made anew when a row has changed or was taken in between; null publishes nothing
 */
export async function publishPlanned(
  batch: Batch,
  plan: () => Promise<EditPlan | null>,
  isFree: (connection: Queryable, edit: EncodedEdit) => Promise<boolean> = async () => true,
): Promise<readonly PublishedEdit[]> {
  for (let attempt = 0; attempt < MOST_PLANS; attempt++) {
    batch.signal.throwIfAborted()
    const planned = await plan()
    if (planned === null) return []
    const edit = await encodePlan(planned, batch)
    if (await claim(batch, edit, isFree)) return [await send(batch, edit)]
  }
  throw new Conflict(
    `the rows changed ${MOST_PLANS} times while an edit of them was made: try again when it is quieter`,
  )
}

async function send(batch: Batch, edit: EncodedEdit): Promise<PublishedEdit> {
  try {
    const published = await publishEdit(edit, batch, editKey(batch.installation, edit))
    await inTransaction(batch.client, (_connection, transaction) => recordEdit(transaction, published))
    return published
  } catch (error) {
    if (error instanceof ProviderRejected) await refuse(batch, edit, error.message)
    throw error
  }
}

async function refuse({ client }: Batch, edit: EncodedEdit, message: string): Promise<void> {
  await inTransaction(client, (_connection, transaction) => recordRefusal(transaction, edit.editId, message))
}

/** Keeps an edit before it is sent, and its rows from other edits; false when a row has changed or was taken meanwhile. */
async function claim(
  { client }: Batch,
  edit: EncodedEdit,
  isFree: (connection: Queryable, edit: EncodedEdit) => Promise<boolean>,
): Promise<boolean> {
  const { base64, createdAt, ...row } = edit
  const artists = JSON.stringify(edit.rows.filter(({ table }) => table === 'artist'))
  const works = JSON.stringify(edit.rows.filter(({ table }) => table === 'work'))
  return await inTransaction(client, async (connection, transaction) => {
    // Tasks are held before rows, as everywhere.
    const isAsPlanned =
      (await isFree(connection, edit)) &&
      (await hold(connection, 'grc20_artists', 'artist_id', artists)) &&
      (await hold(connection, 'grc20_works', 'track_id', works))
    if (!isAsPlanned) return false
    await transaction
      .insert(grc20Edits)
      .values({ ...row, bytes: Buffer.from(base64, 'base64'), createdAt: new Date(createdAt) })
    await take(connection, 'grc20_artists', 'artist_id', artists, edit.editId)
    await take(connection, 'grc20_works', 'track_id', works, edit.editId)
    return true
  })
}

type Key = 'artist_id' | 'track_id'

/** Whether every planned row is as it was and in no other edit; it stays so until the transaction ends. */
async function hold(connection: Queryable, table: string, key: Key, planned: string): Promise<boolean> {
  const { rows } = await connection.query<{ isAsPlanned: boolean }>(
    `with held as materialized (
       select t.${key} as id, t.revision, t.pending_edit_id from ${table} t
       where t.${key} in (select id from jsonb_to_recordset($1) p(id bigint)) order by t.${key} for update
     )
     select not exists (
       select from jsonb_to_recordset($1) p(id bigint, revision int)
       where not exists (select from held h where h.id = p.id and h.revision = p.revision and h.pending_edit_id is null)
     ) as "isAsPlanned" from (select count(*) from held) one`,
    [planned],
  )
  return rows[0].isAsPlanned
}

async function take(connection: Queryable, table: string, key: Key, planned: string, editId: string): Promise<void> {
  await connection.query(
    `update ${table} t set pending_edit_id = $2 from jsonb_to_recordset($1) p(id bigint) where t.${key} = p.id`,
    [planned, editId],
  )
}
