/** Why the key gate gives no key, for programs. What each means stands in docs/encryption.md. */
export type KeyGateCode =
  | 'BAD_REQUEST'
  | 'BAD_MESSAGE'
  | 'WRONG_DOMAIN'
  | 'WRONG_URI'
  | 'WRONG_CHAIN'
  | 'WRONG_KEY'
  | 'NOT_YET_VALID'
  | 'EXPIRED'
  | 'NONCE_UNKNOWN'
  | 'NONCE_USED'
  | 'NONCE_EXPIRED'
  | 'BAD_SIGNATURE'
  | 'UNKNOWN_KEY'
  | 'NO_KEY'
  | 'REFUSED_BY_NETWORK'
  | 'TOO_MANY_REQUESTS'
  | 'CHAIN_UNAVAILABLE'
  | 'KEYS_UNAVAILABLE'

const STATUS: Readonly<Record<KeyGateCode, number>> = {
  BAD_REQUEST: 400,
  BAD_MESSAGE: 400,
  WRONG_DOMAIN: 403,
  WRONG_URI: 403,
  WRONG_CHAIN: 403,
  WRONG_KEY: 403,
  NOT_YET_VALID: 401,
  EXPIRED: 401,
  NONCE_UNKNOWN: 401,
  NONCE_USED: 401,
  NONCE_EXPIRED: 401,
  BAD_SIGNATURE: 401,
  UNKNOWN_KEY: 404,
  NO_KEY: 403,
  REFUSED_BY_NETWORK: 403,
  TOO_MANY_REQUESTS: 429,
  CHAIN_UNAVAILABLE: 503,
  KEYS_UNAVAILABLE: 503,
}

/** A request for a key that is not granted. Its message is safe to show. */
export class KeyGateProblem extends Error {
  readonly code: KeyGateCode
  readonly status: number
  /** Whether the same signed message may be sent again. */
  readonly isRetryable: boolean
  readonly retryAfterSeconds: number | null

  constructor(code: KeyGateCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'KeyGateProblem'
    this.code = code
    this.status = STATUS[code]
    this.isRetryable = this.status === 429 || this.status === 503
    this.retryAfterSeconds = options.retryAfterSeconds ?? (this.isRetryable ? 5 : null)
  }
}
