import type pg from 'pg'
import { type Client, inTransaction } from '../db/client.ts'
import type { AnyStage, Queue } from './define.ts'
import type { Claimed, Performed, Result } from './perform.ts'

/** Two lists of what one settle gives: the tasks that really settled, and dependents handed straight on to this worker. */
interface Settled {
  readonly settled: readonly number[]
  readonly taken: readonly Claimed[]
}

/** Settles a batch of results that write no rows of their own. `queue` null takes nothing on. */
export async function settleBatch(
  pool: pg.Pool,
  workerId: string,
  queue: Queue | null,
  results: readonly Result[],
): Promise<Settled> {
  return await settle(pool, workerId, queue, results)
}

/**
 * Settles one result together with the rows it brings: the files it kept and what the stage records.
 * The task's row is held first and checked against the fence, so a result that came too late writes nothing.
 */
export async function settleWithRows(
  client: Client,
  workerId: string,
  queue: Queue | null,
  stage: AnyStage,
  claimed: Claimed,
  performed: Performed,
): Promise<Settled> {
  return await inTransaction(client, async (connection, transaction) => {
    const held = await connection.query(
      "select from tasks where id = $1 and runs = $2 and status = 'running' and worker_id = $3 for update",
      [claimed.id, claimed.runs, workerId],
    )
    if (held.rowCount === 0) return { settled: [], taken: [] }
    await connection.query('delete from task_artifacts where task_id = $1', [claimed.id])
    // In one order everywhere: two tasks that keep the same files must not wait for each other.
    const kept = performed.kept.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    for (const artifact of kept) {
      await connection.query(
        'insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, $3) on conflict do nothing',
        [artifact.sha256, artifact.sizeBytes, artifact.contentType],
      )
      await connection.query('insert into task_artifacts (task_id, name, sha256) values ($1, $2, $3)', [
        claimed.id,
        artifact.name,
        artifact.sha256,
      ])
    }
    if (performed.result.status === 'completed' && stage.record) {
      // Two stages of one subject may write the same rows, which the milestone's trigger writes too: the subject comes first.
      await connection.query('select from subjects where pipeline = $1 and id = $2 for no key update', [
        claimed.pipeline,
        claimed.subject_id,
      ])
      await stage.record(performed.result.output, transaction, performed.subject, claimed.item)
    }
    return await settle(connection, workerId, queue, [performed.result])
  })
}

async function settle(
  db: Pick<pg.Pool, 'query'>,
  workerId: string,
  queue: Queue | null,
  results: readonly Result[],
): Promise<Settled> {
  const { rows } = await db.query<{ settled: number[]; taken: Claimed[] }>(
    'select to_jsonb(settled) as settled, taken from settle_and_take($1, $2, $3)',
    [workerId, queue ?? '', toJsonb(results)],
  )
  return rows[0]
}

/** JSON that jsonb takes: it knows no NUL and no half of a surrogate pair, which outputs of other programs may hold. */
function toJsonb(value: unknown): string {
  const json = JSON.stringify(value)
  if (!/\\u(0000|d[89a-f])/.test(json)) return json
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '\uFFFD').toWellFormed() : part,
  )
}
