import type { Client } from '../worker/db/client.ts'
import { InvalidInput } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'
import { listen } from './listener.ts'
import { stoppable } from './stoppable.ts'

/** One thing that happened on chain, or was taken back. */
export interface CatalogEvent {
  readonly seq: number
  readonly kind: string
  readonly blockNumber: number
  readonly logIndex: number
  readonly blockAt: Date
  readonly transactionHash: string
  readonly clipHash: string | null
  readonly lockAddress: string | null
  readonly tokenId: string | null
  readonly from: string | null
  readonly to: string | null
  /** The event that this one takes back. */
  readonly retracts: number | null
}

export interface CatalogFilter {
  /** Null for all. */
  readonly kinds: readonly string[] | null
  /** Lower case; null for all. */
  readonly lockAddress?: string | null
}

export interface CatalogFeed {
  /**
   * Events after a position, from now on without one: none left out, none twice, and what a re-organisation takes back told.
   *
   * @throws InvalidInput when `after` lies in the future
   */
  events(filter: CatalogFilter, after: number | null): Promise<AsyncIterableIterator<CatalogEvent>>
  close(): Promise<void>
}

const PAGE_EVENTS = 200
/** How long a lost notification can delay an event. */
const SAFETY_INTERVAL_MS = 1_500

/** Hands on what the follower of the catalog writes. A reader that falls behind reads the table. */
export function openCatalogFeed(options: { client: Client; log: Log }): CatalogFeed {
  const { pool } = options.client
  let wake = Promise.withResolvers<void>()
  let isClosed = false
  let readers = 0
  const wakeAll = () => {
    const { resolve } = wake
    wake = Promise.withResolvers()
    resolve()
  }
  const listener = listen(options.client.url, 'catalog_events', {
    log: options.log,
    onListening: wakeAll,
    onNotification: wakeAll,
  })
  const timer = setInterval(() => readers > 0 && wakeAll(), SAFETY_INTERVAL_MS)

  async function* follow(filter: CatalogFilter, after: number, isStopped: () => boolean): AsyncGenerator<CatalogEvent> {
    let cursor = after
    while (!isStopped()) {
      const { promise } = wake
      const { rows } = await pool.query<CatalogEvent>(
        `select seq, kind, block_number as "blockNumber", log_index as "logIndex", block_at as "blockAt",
           transaction_hash as "transactionHash", clip_hash as "clipHash", lock_address as "lockAddress",
           token_id as "tokenId", from_address as "from", to_address as "to", retracts
         from catalog_events
         where seq > $1 and ($2::text[] is null or kind = any ($2)) and ($3::text is null or lock_address = $3)
         order by seq limit ${PAGE_EVENTS}`,
        [cursor, filter.kinds, filter.lockAddress ?? null],
      )
      for (const row of rows) {
        if (isStopped()) return
        cursor = row.seq
        yield row
      }
      if (rows.length < PAGE_EVENTS) await promise
    }
  }

  return {
    async events(filter, after) {
      const { rows } = await pool.query<{ newest: number }>(
        'select coalesce(max(seq), 0) as newest from catalog_events',
      )
      const { newest } = rows[0]
      if (after !== null && (after < 0 || after > newest))
        throw new InvalidInput(`after: expected a position of 0 to ${newest}, got ${after}`, {
          details: { field: 'after' },
        })
      let isStopped = false
      readers++
      return stoppable(
        follow(filter, after ?? newest, () => isStopped || isClosed),
        () => {
          if (isStopped) return
          isStopped = true
          readers--
          wakeAll()
        },
      )
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      wakeAll()
      await listener.close()
    },
  }
}
