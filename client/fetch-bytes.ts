import { UnlockError } from './errors.ts'
import { MAX_MANIFEST_BYTES } from './manifest.ts'

export interface Fetching {
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal | undefined
}

/** A small text. @throws UnlockError UNREACHABLE; BAD_MANIFEST when it is too large for a manifest */
export async function fetchText(fetching: Fetching, url: string): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of read(await get(fetching, url, {}), fetching)) {
    size += part.length
    if (size > MAX_MANIFEST_BYTES) throw new UnlockError('BAD_MANIFEST', `expected at most ${MAX_MANIFEST_BYTES} bytes`)
    parts.push(part)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return new TextDecoder().decode(bytes)
}

/** A whole file from the first of its addresses that has it. @throws UnlockError UNREACHABLE */
export async function* fetchFile(fetching: Fetching, urls: readonly string[]): AsyncGenerator<Uint8Array> {
  yield* read(await getFirst(fetching, urls, {}), fetching)
}

/**
 * Bytes `from` to `to` (not included) of a file. A server that knows no ranges sends all of it: then what comes before is passed
 * over, and what comes after is not waited for.
 */
export async function* fetchRange(
  fetching: Fetching,
  urls: readonly string[],
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const response = await getFirst(fetching, urls, { range: `bytes=${from}-${to - 1}` })
  // A page sees the header only where the server lets it; other bytes than those asked for do not decrypt.
  const given = response.headers.get('content-range')
  if (response.status === 206 && given !== null && !given.startsWith(`bytes ${from}-`)) {
    await response.body?.cancel()
    throw new UnlockError('UNREACHABLE', `asked for the bytes from ${from} on, and was answered with others`)
  }
  let position = response.status === 206 ? from : 0
  for await (const part of read(response, fetching)) {
    const wanted = part.subarray(Math.max(0, from - position), Math.max(0, to - position))
    position += part.length
    if (wanted.length > 0) yield wanted
    if (position >= to) return
  }
}

async function getFirst(
  fetching: Fetching,
  urls: readonly string[],
  headers: Record<string, string>,
): Promise<Response> {
  const faults: unknown[] = []
  for (const url of urls) {
    try {
      return await get(fetching, url, headers)
    } catch (error) {
      fetching.signal?.throwIfAborted()
      faults.push(error)
    }
  }
  const reasons = faults.map((fault) => (fault instanceof Error ? fault.message : String(fault)))
  throw new UnlockError('UNREACHABLE', `none of ${urls.length} addresses gave the file: ${reasons.join('; ')}`)
}

async function get({ fetch, signal }: Fetching, url: string, headers: Record<string, string>): Promise<Response> {
  const place = displayed(url)
  let response: Response
  try {
    response = await fetch(url, { headers, ...(signal ? { signal } : {}) })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UnlockError('UNREACHABLE', `${place} did not answer`, { cause })
  }
  if (response.ok) return response
  await response.body?.cancel()
  throw new UnlockError('UNREACHABLE', `${place} answered ${response.status}`)
}

/** A body's bytes. Not every browser can iterate over a stream. */
async function* read(response: Response, { signal }: Fetching): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  let isDone = false
  try {
    for (;;) {
      const next = await reader.read()
      isDone = next.done
      if (next.done) return
      yield next.value
    }
  } catch (cause) {
    isDone = true
    signal?.throwIfAborted()
    throw new UnlockError('UNREACHABLE', 'the answer broke off', { cause })
  } finally {
    if (!isDone) await reader.cancel().catch(() => {})
  }
}

/** An address without what may be a credential in it. */
function displayed(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return `${protocol}//${host}${pathname}`
  } catch {
    return 'the address'
  }
}
