import { Agent as HttpAgent, get as httpGet, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, get as httpsGet } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { ProviderUnavailable } from '../errors.ts'
import type { Target } from './target.ts'

interface HopOptions {
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal
}

/**
 * One GET to exactly one of the given addresses: the next is tried only when a connection was refused or not to be had.
 * Resolves as soon as the head of the answer is in; the body fails with ECONNRESET when it breaks off or falls silent.
 */
export async function hop(target: Target, addresses: readonly string[], options: HopOptions): Promise<IncomingMessage> {
  let failure: unknown
  for (const address of addresses.slice(0, 4)) {
    try {
      return await getFrom(target, address, options)
    } catch (error) {
      options.signal.throwIfAborted()
      failure = error
    }
  }
  const reason = failure instanceof Error && failure.message ? failure.message : 'no answer'
  throw new ProviderUnavailable(target.host, `could not be fetched from: ${withoutAddress(reason)}`, { cause: failure })
}

function getFrom(target: Target, address: string, options: HopOptions): Promise<IncomingMessage> {
  const { url, hostname } = target
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const isSecure = url.protocol === 'https:'
  const settings: RequestOptions = {
    protocol: url.protocol,
    hostname,
    port: url.port || (isSecure ? 443 : 80),
    path: url.pathname + url.search,
    // An agent of its own: no kept connection of somebody else's is used, and no proxy from the environment.
    agent: isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'refrain' },
    lookup: pinned(address),
    signal: options.signal,
    timeout: options.idleTimeoutMs,
  }
  const request = (isSecure ? httpsGet : httpGet)(settings, resolve)
  request.on('timeout', () => {
    const silence = new Error(`silent for ${options.idleTimeoutMs / 1000} s`)
    request.destroy(Object.assign(silence, { code: 'ECONNRESET' }))
  })
  request.on('error', reject)
  return promise
}

/** Answers every question for the name with the address that was checked. */
function pinned(address: string): LookupFunction {
  const family = isIP(address)
  return (_hostname, { all }, answer) => (all ? answer(null, [{ address, family }]) : answer(null, address, family))
}

/** Which address a name has inside a network is nobody's business. */
function withoutAddress(message: string): string {
  return message.replace(/\s*\[?[0-9a-f:.]*[:.][0-9a-f:.]*\]?:\d+$/i, '')
}
