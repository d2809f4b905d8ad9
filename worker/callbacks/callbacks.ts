import type { Config } from '../config.ts'
import type { Client } from '../db/client.ts'
import { every } from '../engine/liveness.ts'
import type { Log } from '../log.ts'
import { type Delivery, type DeliveryConfig, deliver } from './deliver.ts'

export interface Callbacks {
  /** Lets what is being sent finish for the configured grace; the rest stays due. */
  stop(): Promise<void>
}

/** How often subjects that came to rest are looked for. */
const RECORD_INTERVAL_MS = 2_000
/** A look passes over every subject with a callback; with very many of them it comes less often, to take 5 % of the time at most. */
const LEAST_PAUSE = 20
/** Deliveries recorded in one transaction. */
const RECORD_AT_MOST = 500
const DELIVER_INTERVAL_MS = 500
/** Callbacks in flight at once in one worker. */
const CONCURRENCY = 16
/** How much longer than an attempt may take it stays with its worker. */
const LEASE_SLACK_SECONDS = 30

/**
 * Calls back whoever asked to be told: records a delivery each time a subject with a callback comes to rest, and sends what
 * is due until it is answered with 2xx or the configured delays are used up. Any number of workers may do this at once;
 * the rows decide who sends what. A receiver may see a delivery twice: when a worker dies between the answer and its record.
 */
export function startCallbacks(options: {
  client: Pick<Client, 'pool'>
  config: DeliveryConfig & Pick<Config, 'SHUTDOWN_GRACE_MS'>
  log: Log
}): Callbacks {
  const { config, log } = options
  const { pool } = options.client
  const leaseSeconds = config.WEBHOOK_TIMEOUT_SECONDS + LEASE_SLACK_SECONDS
  const cut = new AbortController()
  const inFlight = new Set<Promise<void>>()
  let isStopping = false
  let nextLookMs = 0

  async function record(): Promise<void> {
    if (performance.now() < nextLookMs) return
    let recorded = RECORD_AT_MOST
    while (recorded === RECORD_AT_MOST && !isStopping) {
      const startedMs = performance.now()
      const { rows } = await pool.query<{ n: number }>('select record_deliveries($1) as n', [RECORD_AT_MOST])
      recorded = rows[0].n
      nextLookMs = performance.now() + (performance.now() - startedMs) * LEAST_PAUSE
    }
  }

  async function deliverDue(): Promise<void> {
    while (!isStopping) {
      const free = CONCURRENCY - inFlight.size
      const { rows } = await pool.query<Delivery>("select * from claim_deliveries($1, $2 * interval '1 second')", [
        free,
        leaseSeconds,
      ])
      for (const delivery of rows) start(delivery)
      if (rows.length < free) return
      await Promise.race(inFlight)
    }
  }

  function start(delivery: Delivery): void {
    const ended = deliver(pool, delivery, { config, log, signal: cut.signal })
      .catch((error) =>
        log.warn('what came of a callback could not be recorded; it is sent again', { delivery: delivery.id, error }),
      )
      .finally(() => inFlight.delete(ended))
    inFlight.add(ended)
  }

  const loops = [every(RECORD_INTERVAL_MS, record, log), every(DELIVER_INTERVAL_MS, deliverDue, log)]

  return {
    async stop() {
      isStopping = true
      const timer = setTimeout(() => cut.abort(new Error('the worker stops')), config.SHUTDOWN_GRACE_MS)
      await Promise.all(loops.map((stopLoop) => stopLoop()))
      await Promise.all(inFlight)
      clearTimeout(timer)
    },
  }
}
