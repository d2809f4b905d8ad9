import type { IncomingMessage } from 'node:http'
import { AppError, InvalidInput, ProviderUnavailable } from '../errors.ts'
import type { OnProgress } from '../progress.ts'
import { isLocalFailure } from './fault.ts'
import { hop } from './hop.ts'
import { BodyFault, parseContentLength, type Received, receive } from './receive.ts'
import { displayUrl, redact } from './redact.ts'
import { type Lookup, parseTarget, resolveTarget, type Target } from './target.ts'

export interface DownloadOptions {
  readonly maxBytes: number
  /** Everything together: names, redirects, the whole body. Stops a body that drips for ever. */
  readonly timeoutMs: number
  /** Longest silence, also before the answer begins. */
  readonly idleTimeoutMs: number
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

export interface Downloaded extends Received {
  /** The `content-type` as sent, without parameters; null when absent. A claim, not a fact. */
  readonly contentType: string | null
}

export type Download = (url: string, path: string, options: DownloadOptions) => Promise<Downloaded>

const MAX_REDIRECTS = 5

/**
 * Makes the function that fetches URLs which somebody else gave us: a user, or a vendor's answer.
 *
 * Only http and https, no user name or password. Every hop's name is resolved once, every address found must be public, and
 * the connection goes to exactly that address, so that a name which resolves differently the next moment gains nothing. At
 * most five redirects, each checked the same. The file appears only when whole.
 *
 * @param reach for callers in code only: addresses to allow although they are not public, and another resolver
 * @throws InvalidInput for a URL that may not or cannot be fetched (address, redirects, 4xx, too large)
 * @throws ProviderUnavailable when the server failed (5xx, silence, a body that broke off): the same may work later
 */
export function createDownload(
  reach: { readonly allowAddress?: (address: string) => boolean; readonly lookup?: Lookup } = {},
): Download {
  return async (url, path, options) => {
    const timeout = AbortSignal.timeout(options.timeoutMs)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    let target = parseTarget(url)
    try {
      signal.throwIfAborted()
      for (let redirects = 0; ; redirects++) {
        const addresses = await abortable(resolveTarget(target, reach), signal)
        const response = await hop(target, addresses, { idleTimeoutMs: options.idleTimeoutMs, signal })
        const location = redirectOf(response)
        if (location === null) return await take(response, target, path, { ...options, signal })
        response.destroy()
        if (redirects === MAX_REDIRECTS)
          throw new InvalidInput(`${target.host} redirects more than ${MAX_REDIRECTS} times`)
        target = parseTarget(location, target.url)
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (timeout.aborted) {
        throw new ProviderUnavailable(target.host, `the download took longer than ${options.timeoutMs / 1000} s`)
      }
      throw error
    }
  }
}

/** `createDownload` with nothing but the public internet in reach. */
export const downloadUrl: Download = createDownload()

function redirectOf(response: IncomingMessage): string | null {
  const status = response.statusCode ?? 0
  return [301, 302, 303, 307, 308].includes(status) ? (response.headers.location ?? '') : null
}

async function take(
  response: IncomingMessage,
  target: Target,
  path: string,
  options: DownloadOptions & { readonly signal: AbortSignal },
): Promise<Downloaded> {
  try {
    assertUsable(response, target)
    const expectedBytes = parseContentLength(response.headers['content-length'])
    const { maxBytes, onProgress, signal } = options
    const received = await receive(response, path, { maxBytes, expectedBytes, onProgress, signal })
    return { ...received, contentType: response.headers['content-type']?.split(';')[0]?.trim().toLowerCase() || null }
  } catch (error) {
    if (error instanceof BodyFault && error.fault !== 'truncated') {
      throw new InvalidInput(`${displayUrl(target.url)} is ${error.fault}: ${error.message}`, { cause: error })
    }
    if (error instanceof AppError || !(error instanceof Error) || isLocalFailure(error)) throw error
    throw new ProviderUnavailable(target.host, `the download broke off: ${redact(error.message)}`, { cause: error })
  } finally {
    response.destroy()
  }
}

function assertUsable(response: IncomingMessage, target: Target): void {
  const status = response.statusCode ?? 0
  if (status === 408 || status === 429 || status >= 500)
    throw new ProviderUnavailable(target.host, `answered ${status}`)
  const details = { status }
  if (status !== 200) {
    throw new InvalidInput(`${displayUrl(target.url)} answered ${status}: expected 200 and a file; check the URL`, {
      details,
    })
  }
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    throw new InvalidInput(`${displayUrl(target.url)} sends ${encoding} although asked for the plain file`, { details })
  }
}

/** `dns.lookup` cannot be stopped; what it finds after an abort is dropped. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
}
