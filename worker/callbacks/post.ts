import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { ProviderUnavailable } from '../errors.ts'
import { type Lookup, parseTarget, type Target } from '../net/target.ts'
import { reachTarget } from './reach.ts'

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Whether loopback and private addresses may be reached too. */
  readonly allowPrivate: boolean
  /** Everything together, from the name to the answer. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly lookup?: Lookup
}

/** Of an answer nothing but its status counts; this much is read so that a receiver can finish its sentence. */
const MAX_ANSWER_BYTES = 16_384
/** Failures before anything was sent: the next address may be tried without telling anybody twice. */
const UNSENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])

/**
 * Posts JSON to a URL that somebody else gave us, and returns when it was answered with 2xx.
 *
 * The name is resolved once and every address found must be within reach; the connection goes to exactly that address.
 * Redirects are not followed. Messages name the host only, since a receiver's path and query may be its secret.
 *
 * @throws InvalidInput when the URL or its address can never be right
 * @throws ProviderUnavailable for any other answer, or none: the same may work later
 * @throws `signal.reason` when it was aborted before an answer came
 */
export async function post(url: string, body: string, options: PostOptions): Promise<void> {
  options.signal.throwIfAborted()
  const target = parseTarget(url)
  const timeout = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([options.signal, timeout])
  let status: number
  try {
    const addresses = await Promise.race([reachTarget(target, options), rejectOnAbort(signal)])
    const answer = await send(target, addresses, body, { headers: options.headers, signal })
    status = answer.statusCode ?? 0
    await drain(answer)
  } catch (error) {
    options.signal.throwIfAborted()
    if (timeout.aborted) throw new ProviderUnavailable(target.host, `no answer within ${options.timeoutMs / 1000} s`)
    throw error
  }
  if (status >= 200 && status < 300) return
  const hint = status >= 300 && status < 400 ? ': redirects are not followed' : ''
  throw new ProviderUnavailable(target.host, `answered ${status}${hint}`, { details: { status } })
}

type SendOptions = Pick<PostOptions, 'headers' | 'signal'>

async function send(
  target: Target,
  addresses: readonly string[],
  body: string,
  options: SendOptions,
): Promise<IncomingMessage> {
  let code = ''
  for (const address of addresses.slice(0, 4)) {
    try {
      return await sendTo(target, address, body, options)
    } catch (error) {
      options.signal.throwIfAborted()
      // The code only: a message carries the address, and which one a name has inside a network is nobody's business.
      code = error instanceof Error && 'code' in error ? String(error.code) : 'no code'
      if (!UNSENT.has(code)) break
    }
  }
  throw new ProviderUnavailable(target.host, `the connection failed (${code})`)
}

function sendTo(target: Target, address: string, body: string, options: SendOptions): Promise<IncomingMessage> {
  const { url, host, hostname } = target
  const isSecure = url.protocol === 'https:'
  const settings: RequestOptions & { servername?: string } = {
    method: 'POST',
    // The address that was checked, never the name: nothing is resolved a second time.
    host: address,
    port: url.port || (isSecure ? 443 : 80),
    path: url.pathname + url.search,
    // The certificate must still be that of the name.
    ...(isSecure ? { servername: isIP(hostname) ? '' : hostname } : {}),
    // An agent of its own: no kept connection of somebody else's is used, and no proxy from the environment.
    agent: isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
    headers: {
      host,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'refrain',
      ...options.headers,
    },
    signal: options.signal,
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = (isSecure ? httpsRequest : httpRequest)(settings, resolve)
  request.on('error', reject)
  request.end(body)
  return promise
}

async function drain(answer: IncomingMessage): Promise<void> {
  let sizeBytes = 0
  try {
    for await (const chunk of answer) if ((sizeBytes += (chunk as Buffer).byteLength) > MAX_ANSWER_BYTES) break
  } catch {
    // The status has been said; a body that breaks off or never ends changes nothing.
  } finally {
    answer.destroy()
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}
