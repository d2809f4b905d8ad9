import type { Client } from '../db/client.ts'
import type { Claimed } from './perform.ts'

/**
 * Runs an effect unless its result is stored already, and stores it. For the crash between effect and store there is the
 * idempotency key: the same in every attempt, different in every installation.
 */
export async function once<Result>(
  client: Pick<Client, 'pool'>,
  claimed: Claimed,
  key: string,
  effect: (idempotencyKey: string) => Promise<Result>,
): Promise<Result> {
  const identity = [claimed.pipeline, claimed.subject_id, claimed.stage, claimed.item, key]
  const { rows } = await client.pool.query<{ installation: string; is_done: boolean; result: Result }>(
    `select i.id as installation, e.key is not null as is_done, e.result
     from installation i left join effects e
       on e.pipeline = $1 and e.subject_id = $2 and e.stage = $3 and e.item = $4 and e.key = $5`,
    identity,
  )
  const { installation, is_done: isDone, result: before } = rows[0]
  if (isDone) return before
  // Parts are escaped, so that no two effects share a key whatever their items are called.
  const result = await effect([installation, ...identity].map((part) => encodeURIComponent(part)).join(':'))
  const stored = await client.pool.query<{ result: Result }>(
    `insert into effects (pipeline, subject_id, stage, item, key, result) values ($1, $2, $3, $4, $5, $6)
     on conflict (pipeline, subject_id, stage, item, key) do update set key = excluded.key returning result`,
    [...identity, JSON.stringify(result ?? null)],
  )
  return stored.rows[0].result
}
