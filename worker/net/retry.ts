import type { Fault } from './fault.ts'
import type { HttpLimits } from './limits.ts'

/**
 * How long to wait before the next attempt, or null when the service asks for longer than we stay for.
 * Without `Retry-After`: doubling from `firstDelayMs` to `maxDelayMs`, of which a random half is taken off, so that many
 * callers do not come back together.
 */
export function retryDelayMs(
  fault: Fault,
  attempt: number,
  limits: Pick<HttpLimits, 'firstDelayMs' | 'maxDelayMs' | 'maxRetryAfterMs'>,
): number | null {
  const { retryAfterMs } = fault
  if (retryAfterMs !== null) return retryAfterMs <= limits.maxRetryAfterMs ? retryAfterMs : null
  const fullMs = Math.min(limits.firstDelayMs * 2 ** (attempt - 1), limits.maxDelayMs)
  return fullMs * (0.5 + 0.5 * Math.random())
}

/** `Retry-After` as milliseconds from now: whole seconds or an HTTP date; null when absent or neither. @see RFC 9110, 10.2.3 */
export function parseRetryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null
  const text = header.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  // Date.parse takes “-5” for a month.
  const dateMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(dateMs) ? null : Math.max(dateMs - nowMs, 0)
}
