import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Address, createPublicClient, createWalletClient, formatEther, http, zeroAddress } from 'viem'
import { foundry } from 'viem/chains'
import { unlockSong } from '../client/index.ts'
import { devAccount } from '../contracts/dev-accounts.ts'
import { publicLockAbi } from '../contracts/unlock.ts'
import { EMBEDDED_CHAIN_ID } from '../worker/chain/embedded-chain.ts'
import { AppError, ProviderUnavailable } from '../worker/errors.ts'
import type { ApiClient } from './client.ts'

/** One query over what this server knows and what stands on chain. */
export const EVERYTHING = `query ($id: ID!, $wallet: String!) {
  track(id: $id) {
    title
    stage
    artist { name stage account { handle } lock { address } }
    catalogClip {
      hash isRegistered startMs endMs audioUri timingUri
      encryption {
        manifestUri
        opensFor(wallet: $wallet)
        lock { address name priceEth totalKeys keys(isActive: true) { owner expiresAt } }
      }
    }
  }
  catalogStatus { part block headBlock blocksBehind hasIndexingErrors }
}`

interface OnChain {
  readonly track: {
    readonly audio: { readonly enhanced: { readonly sha256: string } | null } | null
    readonly artist: { readonly name: string; readonly account: { readonly handle: string } | null } | null
    readonly catalogClip: {
      readonly hash: string
      readonly isRegistered: boolean
      readonly encryption: {
        readonly manifestUri: string
        readonly keyGateUrl: string
        readonly lock: { readonly address: string; readonly priceWei: string } | null
      } | null
    } | null
  }
}

const PATIENCE_MS = 60_000
/** An account of the embedded chain that nobody else uses. */
const BUYER = 1

/**
 * Does on the embedded chain what a fan does: finds the song in the catalog, buys a key from the artist's lock, opens the song,
 * and compares it with the original.
 *
 * @param options.chainUrl the embedded chain
 * @throws ProviderUnavailable when the catalog does not show the song in time; AppError when the opened song is another one
 */
export async function unlockOwnSong(
  api: ApiClient,
  trackId: string,
  options: { readonly chainUrl: string; readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const { chainUrl, say, signal } = options
  const { track, clip, encryption, lock } = await untilShown(api, trackId, signal)
  say(`\nOn chain`)
  say(
    `  ${track.artist?.name ?? 'the artist'} is ${track.artist?.account?.handle ?? 'without account'}, clip ${clip.hash.slice(0, 18)}…`,
  )
  const buyer = devAccount(BUYER)
  await buyKey(chainUrl, lock, buyer)
  say(`  bought a key of ${lock.address} for ${formatEther(BigInt(lock.priceWei))} ETH with ${buyer.address}`)
  const gateway = api.url
  const song = await unlockSong({
    manifestUrl: encryption.manifestUri,
    lock: { address: lock.address, chainId: EMBEDDED_CHAIN_ID },
    // This server may have listened elsewhere when the song was encrypted.
    gateUrl: encryption.keyGateUrl,
    wallet: { address: buyer.address, signMessage: (message) => buyer.signMessage({ message }) },
    resolveUri: (uri) => uri.replace(/^ipfs:\/\//, `${gateway}/ipfs/`),
    signal,
  })
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of song.stream()) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  const sha256 = hash.digest('hex')
  const original = track.audio?.enhanced?.sha256
  if (sha256 !== original)
    throw new AppError('CONFLICT', `the opened song is not the enhanced one: expected ${original}, got ${sha256}`)
  say(`  opened the full song with it: ${(sizeBytes / 1e6).toFixed(2)} MB, byte for byte the enhanced accompaniment`)
  await untilKeyShows(api, trackId, buyer.address, signal)
  say(`\nAll of it in one query (${api.url}/graphql, with {"id": "${trackId}", "wallet": "${buyer.address}"}):\n`)
  say(EVERYTHING)
}

async function untilShown(api: ApiClient, trackId: string, signal: AbortSignal) {
  return await poll('the catalog to show the clip with its encrypted song', signal, async () => {
    const { track } = await api.request<OnChain>(
      `query ($id: ID!) {
        track(id: $id) {
          audio { enhanced { sha256 } }
          artist { name account { handle } }
          catalogClip { hash isRegistered encryption { manifestUri keyGateUrl lock { address priceWei } } }
        }
      }`,
      { id: trackId },
    )
    const clip = track.catalogClip
    const encryption = clip?.encryption
    return clip?.isRegistered && encryption?.lock ? { track, clip, encryption, lock: encryption.lock } : null
  })
}

async function untilKeyShows(api: ApiClient, trackId: string, wallet: string, signal: AbortSignal): Promise<void> {
  await poll('the catalog to show the key', signal, async () => {
    const { track } = await api.request<{
      track: { catalogClip: { encryption: { opensFor: boolean } | null } | null }
    }>(
      'query ($id: ID!, $wallet: String!) { track(id: $id) { catalogClip { encryption { opensFor(wallet: $wallet) } } } }',
      { id: trackId, wallet },
    )
    return track.catalogClip?.encryption?.opensFor || null
  })
}

async function buyKey(
  chainUrl: string,
  lock: { readonly address: string; readonly priceWei: string },
  buyer: ReturnType<typeof devAccount>,
): Promise<void> {
  const transport = http(chainUrl)
  const reader = createPublicClient({ chain: foundry, transport, pollingInterval: 50 })
  const address = lock.address as Address
  const read = { address, abi: publicLockAbi } as const
  if ((await reader.readContract({ ...read, functionName: 'balanceOf', args: [buyer.address] })) > 0n) return
  const value = BigInt(lock.priceWei)
  const hash = await createWalletClient({ account: buyer, chain: foundry, transport }).writeContract({
    ...read,
    functionName: 'purchase',
    args: [[value], [buyer.address], [zeroAddress], [zeroAddress], ['0x']],
    value,
  })
  const { status } = await reader.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new AppError('CONFLICT', `the purchase ${hash} was mined and failed`)
}

async function poll<Value>(what: string, signal: AbortSignal, look: () => Promise<Value | null>): Promise<Value> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await look().catch((error: unknown) => {
      // A subgraph that has just been started has nothing to say yet.
      if (error instanceof AppError && error.kind === 'PROVIDER_UNAVAILABLE') return null
      throw error
    })
    if (found !== null) return found
    if (Date.now() > deadline)
      throw new ProviderUnavailable(
        'catalog',
        `expected ${what} within ${PATIENCE_MS / 1000} s: query catalogStatus says more`,
      )
    await delay(200, undefined, { signal })
  }
}
