/** What should happen next decides the kind: tell the user, wait, retry, or stop. */
export type ErrorKind =
  | 'INVALID_INPUT'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'BLOCKED'
  | 'BUDGET_EXCEEDED'
  | 'PROVIDER_REJECTED'
  | 'PROVIDER_UNAVAILABLE'
  | 'MEDIA_FAILED'

/**
 * An error with a machine code that is safe to show to a client.
 * `message` says what was expected, what came and what to do; it never carries a secret or a URL with credentials.
 */
export class AppError extends Error {
  readonly kind: ErrorKind
  /** Whether the same attempt may succeed later without anybody changing anything. */
  readonly retryable: boolean
  /** Structured facts for people and programs: the file, the limit, the vendor's status. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    kind: ErrorKind,
    message: string,
    options: { cause?: unknown; retryable?: boolean; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = this.constructor.name
    this.kind = kind
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }
}

type Options = { cause?: unknown; details?: Record<string, unknown> }

/** The caller sent something that can never work: fix the input. */
export class InvalidInput extends AppError {
  constructor(message: string, options?: Options) {
    super('INVALID_INPUT', message, options)
  }
}

export class NotFound extends AppError {
  constructor(message: string, options?: Options) {
    super('NOT_FOUND', message, options)
  }
}

/** The thing exists already, or has moved on since the caller looked. */
export class Conflict extends AppError {
  constructor(message: string, options?: Options) {
    super('CONFLICT', message, options)
  }
}

/** An unmet condition: the message names it. */
export class Blocked extends AppError {
  constructor(message: string, options?: Options) {
    super('BLOCKED', message, options)
  }
}

export class BudgetExceeded extends AppError {
  constructor(message: string, options?: Options) {
    super('BUDGET_EXCEEDED', message, options)
  }
}

/** A provider understood us and said no: retrying the same request is useless. */
export class ProviderRejected extends AppError {
  constructor(provider: string, message: string, options?: Options) {
    super('PROVIDER_REJECTED', `${provider}: ${message}`, options)
  }
}

/** A provider did not answer, or asked us to come back later. */
export class ProviderUnavailable extends AppError {
  constructor(provider: string, message: string, options?: Options) {
    super('PROVIDER_UNAVAILABLE', `${provider}: ${message}`, { ...options, retryable: true })
  }
}

/** Audio or video could not be read, made or written. */
export class MediaFailed extends AppError {
  constructor(message: string, options: Options & { retryable?: boolean } = {}) {
    super('MEDIA_FAILED', message, options)
  }
}
