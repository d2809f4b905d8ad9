import type pg from 'pg'
import { type Client, inTransaction } from '../db/client.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Subgraph } from './client.ts'
import { type ChainEvent, type Part, type Position, readEvents, readPosition } from './read-events.ts'

/** How far back a re-organisation may reach: as far as the embedded indexer follows one, and farther than a graph-node does. */
const REORG_BLOCKS = 1_000
/** Blocks read in one go while a long history is caught up with. */
const WINDOW_BLOCKS = 5_000

/** A subgraph and what of the catalog is read from it. */
export interface FollowedSubgraph {
  /** Under which the position is kept. */
  readonly name: Part
  readonly parts: readonly Part[]
  readonly subgraph: Subgraph
}

interface PositionRow {
  readonly deployment: string
  readonly block_number: number
  readonly block_hash: string | null
}

/**
 * Writes down what has happened on chain since the last look, and takes back what a re-organisation undid. May be called by
 * any number of workers: one at a time looks, the others go away at once.
 *
 * @returns whether something was written
 */
export async function followOnce(
  client: Pick<Client, 'pool'>,
  followed: FollowedSubgraph,
  signal: AbortSignal,
): Promise<boolean> {
  const session = await client.pool.connect()
  const lock = `catalog:${followed.name}`
  try {
    const { rows } = await session.query<{ held: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as held',
      [lock],
    )
    if (!rows[0].held) return false
    try {
      return await look(client, session, followed, signal)
    } finally {
      await session.query('select pg_advisory_unlock(hashtextextended($1, 0))', [lock])
    }
  } finally {
    session.release()
  }
}

async function look(
  client: Pick<Client, 'pool'>,
  session: pg.PoolClient,
  { name, parts, subgraph }: FollowedSubgraph,
  signal: AbortSignal,
): Promise<boolean> {
  const now = await readPosition(subgraph, signal)
  const { rows } = await session.query<PositionRow>(
    'select deployment, block_number, block_hash from catalog_positions where source = $1',
    [name],
  )
  const before = rows[0] ?? null
  if (before?.block_hash === now.blockHash && before.deployment === now.deployment) {
    await session.query(
      `update catalog_positions set answered_at = now(), error_message = null, failed_at = null, has_indexing_errors = $2
       where source = $1`,
      [name, now.hasIndexingErrors],
    )
    return false
  }
  let changes = 0
  for (let fromBlock = firstBlock(before, now); ; fromBlock += WINDOW_BLOCKS) {
    const toBlock = Math.min(fromBlock + WINDOW_BLOCKS - 1, now.blockNumber)
    const isLast = toBlock === now.blockNumber
    const events = await readEvents(subgraph, parts, { fromBlock, toBlock, at: now.blockHash }, signal)
    // The last window also answers for what stood above the head of a chain that has become shorter.
    changes += await record(client, name, { fromBlock, toBlock: isLast ? null : toBlock }, events, now)
    if (isLast) return changes > 0
  }
}

/** A head that stands directly on the last one seen brings only its own events; otherwise blocks may have been replaced. */
function firstBlock(before: PositionRow | null, now: Position): number {
  if (before === null || before.deployment !== now.deployment) return 0
  if (before.block_hash !== null && before.block_hash === now.parentHash) return now.blockNumber
  return Math.max(0, Math.min(before.block_number, now.blockNumber) - REORG_BLOCKS)
}

/** A transaction that is mined again, be it at the same height, may do something else than before: issue another key, at another time. */
function contentOf(event: ChainEvent): string {
  const { id, kind, blockNumber, timestampSeconds, clipHash, lockAddress, tokenId, from, to } = event
  return [id, kind, blockNumber, timestampSeconds, clipHash, lockAddress, tokenId, from, to].join(' ')
}

async function record(
  client: Pick<Client, 'pool'>,
  source: Part,
  range: { readonly fromBlock: number; readonly toBlock: number | null },
  events: readonly ChainEvent[],
  now: Position,
): Promise<number> {
  return await inTransaction(client, async (connection) => {
    // Numbers are given in the order of commits, or a reader's cursor would pass over some.
    await connection.query("select pg_advisory_xact_lock(hashtextextended('catalog_events', 0))")
    const { rows: standing } = await connection.query<ChainEvent & { readonly seq: number }>(
      `select seq, event_id as id, kind, block_number as "blockNumber", log_index as "logIndex",
         extract(epoch from block_at)::bigint as "timestampSeconds", transaction_hash as "transactionHash", clip_hash as "clipHash",
         lock_address as "lockAddress", token_id as "tokenId", from_address as "from", to_address as "to"
       from catalog_events
       where source = $1 and retracts is null and retracted_by is null and block_number >= $2 and ($3::bigint is null or block_number <= $3)
       order by seq desc`,
      [source, range.fromBlock, range.toBlock],
    )
    const there = new Set(events.map(contentOf))
    const known = new Set(standing.map(contentOf))
    const undone = standing.filter((row) => !there.has(contentOf(row)))
    const added = events.filter((event) => !known.has(contentOf(event)))
    if (undone.length > 0)
      await connection.query(
        `with next as (select coalesce(max(seq), 0) as seq from catalog_events), undone as (
           select e.*, next.seq + row_number() over (order by e.seq desc) as new_seq
           from catalog_events e, next where e.seq = any ($1)
         ), told as (
           insert into catalog_events (seq, source, event_id, kind, block_number, log_index, block_at, transaction_hash,
             clip_hash, lock_address, token_id, from_address, to_address, retracts)
           select new_seq, source, event_id, kind, block_number, log_index, block_at, transaction_hash,
             clip_hash, lock_address, token_id, from_address, to_address, seq from undone
         )
         update catalog_events e set retracted_by = undone.new_seq from undone where e.seq = undone.seq`,
        [undone.map((row) => row.seq)],
      )
    if (added.length > 0)
      await connection.query(
        `insert into catalog_events (seq, source, event_id, kind, block_number, log_index, block_at, transaction_hash,
           clip_hash, lock_address, token_id, from_address, to_address)
         select (select coalesce(max(seq), 0) from catalog_events) + row_number() over (order by a.place), $1, a.v ->> 'id', a.v ->> 'kind',
           (a.v ->> 'blockNumber')::bigint, (a.v ->> 'logIndex')::int, to_timestamp((a.v ->> 'timestampSeconds')::float8),
           a.v ->> 'transactionHash', a.v ->> 'clipHash', a.v ->> 'lockAddress', (a.v ->> 'tokenId')::numeric, a.v ->> 'from', a.v ->> 'to'
         from jsonb_array_elements($2::jsonb) with ordinality a(v, place)`,
        [source, JSON.stringify(added)],
      )
    await connection.query(
      `insert into catalog_positions (source, deployment, block_number, block_hash, block_at, has_indexing_errors)
       values ($1, $2, $3, $4, to_timestamp($5::float8), $6)
       on conflict (source) do update set deployment = excluded.deployment, block_number = excluded.block_number,
         block_hash = excluded.block_hash, block_at = excluded.block_at, has_indexing_errors = excluded.has_indexing_errors,
         answered_at = now(), error_message = null, failed_at = null`,
      [
        source,
        now.deployment,
        range.toBlock ?? now.blockNumber,
        range.toBlock === null ? now.blockHash : null,
        range.toBlock === null ? now.blockTimestampSeconds : null,
        now.hasIndexingErrors,
      ],
    )
    await connection.query("select pg_notify('catalog_events', $1)", [source])
    return undone.length + added.length
  })
}

export interface CatalogFollower {
  stop(): Promise<void>
}

/** Follows subgraphs until told to stop; one that does not answer is asked again, and what was wrong is written down. */
export function startCatalogFollower(options: {
  readonly client: Pick<Client, 'pool'>
  readonly followed: readonly FollowedSubgraph[]
  readonly intervalMs: number
  readonly log: Log
}): CatalogFollower {
  const { client, followed, intervalMs, log } = options
  const stopping = new AbortController()
  const loops = followed.map(async (one) => {
    let wasFailing = false
    while (!stopping.signal.aborted) {
      try {
        await followOnce(client, one, stopping.signal)
        wasFailing = false
      } catch (error) {
        if (stopping.signal.aborted) return
        if (!wasFailing && !(error instanceof AppError && error.retryable))
          log.warn('the catalog could not be followed', { source: one.name, error })
        wasFailing = true
        await tell(one.name, error).catch((fault) =>
          log.warn('the state of the catalog could not be written', { error: fault }),
        )
      }
      await pause(intervalMs, stopping.signal)
    }
  })
  async function tell(source: Part, error: unknown): Promise<void> {
    await client.pool.query(
      `insert into catalog_positions (source, deployment, block_number, error_message, failed_at) values ($1, '', -1, $2, now())
       on conflict (source) do update set error_message = excluded.error_message, failed_at = coalesce(catalog_positions.failed_at, now())`,
      [source, error instanceof Error ? error.message : String(error)],
    )
  }
  return {
    async stop() {
      stopping.abort(new Error('the worker stops'))
      await Promise.all(loops)
    },
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
