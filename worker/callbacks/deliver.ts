import type pg from 'pg'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { post } from './post.ts'
import { callbackHeaders } from './signature.ts'

export type DeliveryConfig = Pick<
  Config,
  'WEBHOOK_SECRET' | 'WEBHOOK_ALLOW_PRIVATE' | 'WEBHOOK_TIMEOUT_SECONDS' | 'WEBHOOK_RETRY_DELAYS_SECONDS'
>

/** A row of `claim_deliveries`. */
export interface Delivery {
  readonly id: string
  readonly pipeline: string
  readonly subject_id: number
  readonly url: string
  readonly body: unknown
  /** Attempts that ended before this one. */
  readonly attempts: number
}

/**
 * Sends one claimed delivery and records what came of it: delivered, due again after the next of the configured delays, or
 * failed for good. An attempt that `signal` cuts off does not count: the delivery is due at once, for the next worker.
 */
export async function deliver(
  pool: pg.Pool,
  delivery: Delivery,
  options: { readonly config: DeliveryConfig; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const { id, attempts } = delivery
  const log = options.log.with({
    delivery: id,
    pipeline: delivery.pipeline,
    subject: delivery.subject_id,
    attempt: attempts + 1,
  })
  const fault = await attempt(delivery, options.config, options.signal)
  if (fault === null) {
    await pool.query(
      `update webhook_deliveries set status = 'delivered', attempts = attempts + 1, delivered_at = now(), error_message = null
       where id = $1 and status <> 'delivered'`,
      [id],
    )
    log.debug('callback delivered')
    return
  }
  if (options.signal.aborted) {
    await pool.query(
      "update webhook_deliveries set next_attempt_at = now() where id = $1 and attempts = $2 and status = 'pending'",
      [id, attempts],
    )
    return
  }
  const mayPass = !(fault instanceof AppError) || fault.retryable
  const retryInSeconds = mayPass ? (options.config.WEBHOOK_RETRY_DELAYS_SECONDS[attempts] ?? null) : null
  const message = fault instanceof AppError ? fault.message : 'the attempt broke off for a reason of our own'
  // The count fences: an attempt that outlived its lease does not undo what came after it.
  await pool.query(
    `update webhook_deliveries set attempts = attempts + 1, error_message = $3,
       status = case when $4::float8 is null then 'failed' else 'pending' end,
       next_attempt_at = now() + coalesce($4::float8, 0) * interval '1 second'
     where id = $1 and attempts = $2 and status = 'pending'`,
    [id, attempts, message, retryInSeconds],
  )
  if (retryInSeconds === null) log.warn('callback failed and is given up', { error: fault })
  else log.info('callback failed and is tried again', { reason: message, retryInSeconds })
}

/** What went wrong, or null. */
async function attempt(delivery: Delivery, config: DeliveryConfig, signal: AbortSignal): Promise<unknown> {
  const body = JSON.stringify(delivery.body)
  try {
    await post(delivery.url, body, {
      headers: callbackHeaders(delivery.id, body, config.WEBHOOK_SECRET, new Date()),
      allowPrivate: config.WEBHOOK_ALLOW_PRIVATE,
      timeoutMs: config.WEBHOOK_TIMEOUT_SECONDS * 1000,
      signal,
    })
    return null
  } catch (error) {
    return error
  }
}
