import { askKey, type Wallet } from './ask-key.ts'
import { type Bytes, toHex } from './bytes.ts'
import type { Lock } from './conditions.ts'
import { createDecryption, type Decryption } from './decrypt.ts'
import { UnlockError } from './errors.ts'
import { type Fetching, fetchFile, fetchRange, fetchText } from './fetch-bytes.ts'
import type { Manifest } from './manifest.ts'
import { readManifest } from './parse-manifest.ts'
import { Sha256 } from './sha256.ts'

export interface UnlockOptions {
  /** From the chain's event, or from whoever sells the song. */
  readonly manifestUrl: string
  readonly wallet: Wallet
  /** The lock the song must be locked by, as the chain's event names it; unset trusts the manifest. */
  readonly lock?: { readonly address: string; readonly chainId: number }
  /** Where the key gate is, when it has moved since the song was encrypted; unset is where the manifest says. */
  readonly gateUrl?: string
  /** Who asks for the signature; the page's own host in a browser, else the key gate's. */
  readonly domain?: string
  readonly fetch?: typeof globalThis.fetch
  /** Turns an address of another scheme (`ipfs://…`) into one that can be fetched. */
  readonly resolveUri?: (uri: string) => string
  readonly signal?: AbortSignal
}

/** A song whose key was given. The key itself stays inside. */
export interface UnlockedSong {
  readonly manifest: Manifest
  readonly contentType: string
  readonly sizeBytes: number
  /**
   * The whole song. Every piece is genuine when it comes; that the whole is, by both SHA-256 of the manifest, is known when the
   * stream ends without an error.
   */
  stream(): ReadableStream<Bytes>
  /** Bytes `start` to `end` (not included) of the song: only the chunks that hold them are fetched. */
  range(start: number, end: number): ReadableStream<Bytes>
}

/**
 * Opens an encrypted song for a wallet that holds a key of its lock.
 *
 * @throws UnlockError whose `code` says what is wrong; nothing is signed for a manifest that does not agree with itself
 * @example
 * const song = await unlockSong({ manifestUrl, wallet })
 * const audio = await new Response(song.stream(), { headers: { 'content-type': song.contentType } }).blob()
 */
export async function unlockSong(options: UnlockOptions): Promise<UnlockedSong> {
  const fetching: Fetching = { fetch: options.fetch ?? globalThis.fetch.bind(globalThis), signal: options.signal }
  const manifestUrl = addressOf(options.manifestUrl, null, options.resolveUri)
  const read = await readManifest(await fetchText(fetching, manifestUrl))
  const { manifest } = read
  if (options.lock && !isSameLock(manifest.lock, options.lock)) {
    const { address, chainId } = manifest.lock
    throw new UnlockError('OTHER_LOCK', `the manifest names the lock ${address} on chain ${chainId}, expected another`)
  }
  const urls = fetchable(manifest.ciphertext.uris, (uri) => addressOf(uri, manifestUrl, options.resolveUri))
  const gateUrl = (options.gateUrl ?? manifest.encryption.gateUrl).replace(/\/+$/, '')
  const domain = options.domain ?? pageHost() ?? new URL(gateUrl).host
  const contentKey = await askKey(manifest, options.wallet, { ...fetching, domain, gateUrl })
  return openSong(manifest, await createDecryption(read.headerBytes, contentKey), fetching, urls)
}

function openSong(
  manifest: Manifest,
  decryption: Decryption,
  fetching: Fetching,
  urls: readonly string[],
): UnlockedSong {
  async function* whole(): AsyncGenerator<Bytes> {
    const sealed = new Sha256()
    const song = new Sha256()
    for await (const chunk of decryption.decrypt(hashed(fetchFile(fetching, urls), sealed))) {
      song.update(chunk)
      yield chunk
    }
    if (toHex(sealed.digest()) !== manifest.ciphertext.sha256) {
      throw new UnlockError('MANIFEST_CHANGED', "the encrypted file has another SHA-256 than the manifest's")
    }
    if (toHex(song.digest()) !== manifest.content.sha256) {
      throw new UnlockError('MANIFEST_CHANGED', "the song has another SHA-256 than the manifest's")
    }
  }

  return {
    manifest,
    contentType: manifest.content.contentType,
    sizeBytes: decryption.sizeBytes,
    stream: () => toStream(whole()),
    range: (start, end) => toStream(decryption.range(start, end, (from, to) => fetchRange(fetching, urls, from, to))),
  }
}

/** Those addresses that can be fetched. @throws UnlockError BAD_MANIFEST when none can */
function fetchable(uris: readonly string[], addressOf: (uri: string) => string): string[] {
  const faults: unknown[] = []
  const urls = uris.flatMap((uri) => {
    try {
      return [addressOf(uri)]
    } catch (fault) {
      faults.push(fault)
      return []
    }
  })
  if (urls.length === 0) throw faults[0]
  return urls
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: Sha256): AsyncGenerator<Uint8Array> {
  for await (const part of source) {
    hash.update(part)
    yield part
  }
}

/** Not every browser has `ReadableStream.from`. Nothing is read before somebody asks, and never more than one piece ahead. */
function toStream(source: AsyncGenerator<Bytes>): ReadableStream<Bytes> {
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await source.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await source.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

function addressOf(uri: string, base: string | null, resolveUri: UnlockOptions['resolveUri']): string {
  const resolved = resolveUri ? resolveUri(uri) : uri
  const url = URL.canParse(resolved)
    ? new URL(resolved)
    : base && URL.canParse(resolved, base)
      ? new URL(resolved, base)
      : null
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href
  throw new UnlockError(
    'BAD_MANIFEST',
    `expected an HTTP address, got ${JSON.stringify(uri.slice(0, 100))}: give a resolveUri that knows its scheme`,
  )
}

function isSameLock(lock: Lock, expected: { readonly address: string; readonly chainId: number }): boolean {
  return lock.address === expected.address.toLowerCase() && lock.chainId === expected.chainId
}

/** The host of the page, where there is one. */
function pageHost(): string | null {
  const { location } = globalThis as { location?: { host?: unknown } }
  return typeof location?.host === 'string' && location.host !== '' ? location.host : null
}
