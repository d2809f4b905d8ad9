import { type Bytes, fromBase64 } from './bytes.ts'
import { CONTENT_KEY_BYTES } from './chunk-key.ts'
import { UnlockError } from './errors.ts'
import type { Manifest } from './manifest.ts'
import { signInMessage } from './sign-in.ts'

/** Whoever signs: any wallet, or an account of viem or ethers behind these two names. */
export interface Wallet {
  readonly address: string
  /** An EIP-191 signature of the text, as `0x…`; contract wallets give what their EIP-1271 check takes. */
  signMessage(message: string): Promise<string>
}

export interface Asking {
  readonly fetch: typeof globalThis.fetch
  readonly domain: string
  /** No slash at the end. */
  readonly gateUrl: string
  readonly signal: AbortSignal | undefined
}

/**
 * Asks a key gate for the content key of a manifest: takes a nonce, has the wallet sign, sends the signature.
 *
 * @throws UnlockError REFUSED with the gate's reason, or UNREACHABLE
 */
export async function askKey(
  manifest: Pick<Manifest, 'encryption' | 'lock'>,
  wallet: Wallet,
  asking: Asking,
): Promise<Bytes> {
  const { keyId } = manifest.encryption
  const { gateUrl } = asking
  const nonce = await post(asking, `${gateUrl}/nonce`, {}, ['nonce', 'issuedAt', 'expiresAt'])
  const message = signInMessage({
    domain: asking.domain,
    address: wallet.address,
    uri: gateUrl,
    chainId: manifest.lock.chainId,
    nonce: nonce.nonce,
    // The gate's clock decides, so it is the gate's clock that is signed.
    issuedAt: nonce.issuedAt,
    expirationTime: nonce.expiresAt,
    keyId,
  })
  const signature = await wallet.signMessage(message)
  const { contentKey } = await post(asking, `${gateUrl}/release`, { message, signature, keyId }, ['contentKey'])
  const key = fromBase64(contentKey)
  if (key?.length !== CONTENT_KEY_BYTES)
    throw new UnlockError('UNREACHABLE', 'the key gate answered something that is no key')
  return key
}

async function post<Name extends string>(
  { fetch, signal }: Asking,
  url: string,
  body: unknown,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const [status, answer] = await send(fetch, url, body, signal)
  const text = (name: string) =>
    typeof answer === 'object' && answer !== null && typeof (answer as Record<string, unknown>)[name] === 'string'
      ? (answer as Record<string, string>)[name]
      : null
  if (status >= 200 && status < 300 && names.every((name) => text(name) !== null)) return answer as Record<Name, string>
  const reason = text('code') ?? `HTTP_${status}`
  const isLater = status === 429 || status >= 500 || status < 400
  throw new UnlockError(
    isLater ? 'UNREACHABLE' : 'REFUSED',
    `the key gate answered ${reason}: ${text('error') ?? status}`,
    {
      reason,
    },
  )
}

async function send(
  fetch: typeof globalThis.fetch,
  url: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<[number, unknown]> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      // A signature goes to the gate it was made for, and nowhere else.
      redirect: 'error',
      ...(signal ? { signal } : {}),
    })
    return [response.status, await response.json().catch(() => null)]
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UnlockError('UNREACHABLE', 'the key gate did not answer', { cause })
  }
}
