import type { Wallet } from '../../../client/ask-key.ts'
import { UnlockError } from '../../../client/errors.ts'
import { unlockSong } from '../../../client/unlock-song.ts'
import { AppError, ProviderUnavailable } from '../../errors.ts'
import { wait } from '../../net/wait.ts'

const LEAST_PAUSE_MS = 1_000

/** That a song opens for who holds a key of its lock, and for nobody else. */
export interface AccessProof {
  readonly keyId: string
  readonly lock: { readonly address: string; readonly chainId: number }
  readonly conditionsHash: string
  readonly holder: string
  readonly stranger: string
  /** What the holder decrypted: of the same size and SHA-256 as the song. */
  readonly decrypted: { readonly sizeBytes: number; readonly sha256: string }
  /** The key gate's answer to the stranger. */
  readonly refusal: 'NO_KEY'
  /** ISO 8601. */
  readonly provenAt: string
}

/**
 * Opens a published song twice, over the same ways as any player: once for a wallet that holds a valid key, once for one that
 * does not. While the gate is asked too often it is waited for, until the signal aborts.
 *
 * @param options.lock the lock the song must be locked by
 * @throws AppError CONFLICT when the holder is refused, what is decrypted is not the song, or the stranger is let in;
 * ProviderUnavailable while the gate, the chain or the storage does not answer
 */
export async function proveAccess(options: {
  readonly manifestUrl: string
  readonly lock: { readonly address: string; readonly chainId: number }
  readonly holder: Wallet
  readonly stranger: Wallet
  readonly fetch?: typeof globalThis.fetch
  readonly resolveUri?: (uri: string) => string
  readonly signal: AbortSignal
}): Promise<AccessProof> {
  const { holder, stranger, ...source } = options
  const { manifest, sizeBytes } = await attempt('the holder of a key', async () => {
    const song = await open({ ...source, wallet: holder })
    let sizeBytes = 0
    // The stream compares both hashes of the manifest at its end.
    for await (const chunk of song.stream()) sizeBytes += chunk.length
    return { manifest: song.manifest, sizeBytes }
  })
  await assertRefused(source, stranger)
  return {
    keyId: manifest.encryption.keyId,
    lock: manifest.lock,
    conditionsHash: manifest.conditionsHash,
    holder: holder.address,
    stranger: stranger.address,
    decrypted: { sizeBytes, sha256: manifest.content.sha256 },
    refusal: 'NO_KEY',
    provenAt: new Date().toISOString(),
  }
}

/** All songs are proven by one holder, who may have more of them than the gate answers in a minute. */
async function open(options: Parameters<typeof unlockSong>[0]): ReturnType<typeof unlockSong> {
  for (;;) {
    try {
      return await unlockSong(options)
    } catch (error) {
      if (!(error instanceof UnlockError) || error.reason !== 'TOO_MANY_REQUESTS') throw error
      await wait(LEAST_PAUSE_MS * (1 + 2 * Math.random()), options.signal)
    }
  }
}

async function assertRefused(
  source: Omit<Parameters<typeof unlockSong>[0], 'wallet'>,
  stranger: Wallet,
): Promise<void> {
  try {
    await open({ ...source, wallet: stranger })
  } catch (error) {
    if (error instanceof UnlockError && error.reason === 'NO_KEY') return
    throw translated('a stranger', error)
  }
  throw new AppError('CONFLICT', 'the key gate gave the key to a wallet that holds none of the lock: stop publishing')
}

async function attempt<Result>(who: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    // A chain that has just lost its last blocks lacks the key until its purchase is mined again: another attempt sees to it.
    const mayPass = error instanceof UnlockError && error.reason === 'NO_KEY'
    throw translated(who, error, mayPass)
  }
}

function translated(who: string, error: unknown, retryable = false): unknown {
  if (!(error instanceof UnlockError)) return error
  const { code, reason, message } = error
  if (code === 'UNREACHABLE') return new ProviderUnavailable('key gate', message, { cause: error, details: { reason } })
  return new AppError('CONFLICT', `the song did not open as it must for ${who}: ${message}`, {
    cause: error,
    details: { code, reason },
    retryable,
  })
}
