export interface HttpLimits {
  /** One attempt, from the connection to the last byte of the answer. */
  readonly timeoutMs: number
  /** All attempts and the waits between them. */
  readonly totalMs: number
  /** Largest answer taken. */
  readonly maxBytes: number
  /** Attempts after the first. */
  readonly retries: number
  /** The wait before the first retry; it doubles from there up to `maxDelayMs`, with jitter. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** A service that asks for a longer pause is given up on: the caller comes back later. */
  readonly maxRetryAfterMs: number
}

export const defaultHttpLimits: HttpLimits = {
  timeoutMs: 60_000,
  totalMs: 180_000,
  maxBytes: 16 * 1024 * 1024,
  retries: 3,
  firstDelayMs: 500,
  maxDelayMs: 20_000,
  maxRetryAfterMs: 60_000,
}
