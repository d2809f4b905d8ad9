import { AppError, ProviderRejected, ProviderUnavailable } from '../errors.ts'
import { BodyFault } from './receive.ts'
import { redact } from './redact.ts'

/** Why an attempt did not give an answer. */
export interface Fault {
  readonly error: AppError
  /** Certain that the service did nothing: it was never reached or refused to begin. Then anything may be repeated. */
  readonly isUntouched: boolean
  /** The pause the service asks for. */
  readonly retryAfterMs: number | null
}

/** Failures before the first byte of a request is sent. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Failures of our own disk while an answer is written: nobody else's fault. */
const LOCAL = new Set(['ENOSPC', 'EDQUOT', 'ENOENT', 'EACCES', 'EROFS', 'EMFILE', 'ENFILE', 'EISDIR', 'ENOTDIR'])

/** Turns what a broken exchange threw into an error for people. @throws failures of our own disk, as they are */
export function attemptFault(
  provider: string,
  error: unknown,
  context: { timeout: AbortSignal; secrets: readonly string[]; isAnswered: boolean },
): Fault {
  if (error instanceof AppError) return { error, isUntouched: false, retryAfterMs: null }
  if (error instanceof BodyFault && error.fault === 'too large') {
    const rejected = new ProviderRejected(provider, `the answer is too large: ${error.message}`)
    return { error: rejected, isUntouched: false, retryAfterMs: null }
  }
  const code = codeOf(error)
  if (isLocalFailure(error)) throw error
  const isUnsent = code !== null && UNSENT.has(code)
  const stage = context.isAnswered ? 'the answer broke off' : isUnsent ? 'could not be reached' : 'gave no answer'
  const reason = context.timeout.aborted ? 'the time allowed ran out' : redact(reasonOf(error), context.secrets)
  const unavailable = new ProviderUnavailable(provider, `${stage}: ${reason}`, {
    details: { code, isUncertain: !isUnsent },
  })
  return { error: unavailable, isUntouched: isUnsent, retryAfterMs: null }
}

/** Whether our own disk failed, not the other side. */
export function isLocalFailure(error: unknown): boolean {
  const code = codeOf(error)
  return code !== null && LOCAL.has(code)
}

/** The system's or undici's code for a failed fetch, found along the chain of causes. */
function codeOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return codeOf(at.errors[0])
  }
  return null
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message
}

/**
 * What a vendor said in an error's body, in one line of at most 300 characters without secrets. Knows the usual forms:
 * `error.message`, `error`, `message`, `error_description`, and `detail` as text, object or list of `msg`.
 */
export function vendorMessage(body: string, secrets: readonly string[]): string {
  const said = messageIn(parse(body)) ?? body
  return redact(said, secrets).replace(/\s+/g, ' ').trim().slice(0, 300)
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

function messageIn(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(messageIn).filter(Boolean).join('; ') || null
  if (typeof value !== 'object' || value === null) return null
  const fields = new Map(Object.entries(value))
  for (const name of ['error', 'detail', 'error_description', 'message', 'msg']) {
    const found = messageIn(fields.get(name))
    if (found)
      return name === 'error' && fields.has('error_description')
        ? `${found}: ${fields.get('error_description')}`
        : found
  }
  return null
}
