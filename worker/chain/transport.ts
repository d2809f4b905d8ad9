import { type HttpTransport, http } from 'viem'

let opened = 0
const TIMEOUT_MS = 10_000
/** With pauses of 0.15, 0.3, 0.6 and 1.2 s, long enough for an embedded chain to come back. */
const RETRIES = 4
const LONGEST_PAUSE_SECONDS = 10

export interface TransportOptions {
  readonly timeoutMs?: number
  readonly retries?: number
}

/**
 * JSON-RPC over HTTP with a time limit and retries. The node's address, which may hold a key in its path, its query or its user
 * name, does not reach viem, so no error of viem's can show it; what a node says about it is blotted out.
 */
export function nodeTransport(url: string, options: TransportOptions = {}): HttpTransport {
  const { timeoutMs = TIMEOUT_MS, retries = RETRIES } = options
  const secrets = secretsOf(new URL(url))
  const { address, headers } = withoutUser(new URL(url))
  // viem tells nodes apart by their address.
  return http(`http://node-${++opened}.invalid`, {
    // viem's own time limit does nothing to a request that can also be aborted by its caller.
    timeout: 0,
    retryCount: retries,
    async fetchFn(_input, init) {
      const limit = AbortSignal.timeout(timeoutMs)
      const response = await fetch(address, {
        ...init,
        headers: withHeaders(init?.headers, headers),
        signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit,
      })
      const body = secrets.length > 0 ? blotOut(await response.text(), secrets) : response.body
      return new Response(body, { status: response.status, headers: patient(response.headers) })
    },
  })
}

/** fetch refuses addresses with a user name; a node's user name and password go into a header. */
function withoutUser(url: URL): { address: string; headers: Record<string, string> } {
  if (!url.username && !url.password) return { address: url.href, headers: {} }
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { address: url.href, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } }
}

function withHeaders(given: HeadersInit | undefined, more: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(given)
  for (const [name, value] of Object.entries(more)) headers.set(name, value)
  return headers
}

function secretsOf(url: URL): string[] {
  const parts = [url.pathname, url.search, url.password, ...url.pathname.split('/'), ...url.searchParams.values()]
  // The longest first, or a part would be taken out of the middle of the whole.
  return parts.filter((part) => part.length >= 6).sort((one, other) => other.length - one.length)
}

function blotOut(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '…'), text)
}

/** viem waits for as long as `Retry-After` says, be it a day. */
function patient(headers: Headers): Headers {
  const kept = new Headers()
  const type = headers.get('content-type')
  if (type) kept.set('content-type', type)
  const seconds = Number(headers.get('retry-after'))
  if (seconds > 0) kept.set('retry-after', String(Math.min(Math.ceil(seconds), LONGEST_PAUSE_SECONDS)))
  return kept
}
