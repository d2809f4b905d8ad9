import { encodeFunctionData, type Hex, parseEventLogs, zeroAddress } from 'viem'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import type { TestChain } from '../support/chain.ts'

type Account = TestChain['operator']

export const DAY_SECONDS = 86_400n
export const PRICE_WEI = 600_000_000_000_000n

let songs = 0

/** What tests say on chain. */
export function catalogCalls(chain: TestChain) {
  const { catalog, unlock } = chain.contracts
  const fresh = () => `song-${++songs}`
  const clipOf = (spotifyTrackId: string) => ({
    grc20WorkId: '',
    spotifyTrackId,
    clipStartMs: 1000,
    clipEndMs: 31_000,
    metadataUri: 'ipfs://description',
  })
  const hashesIn = (logs: Parameters<typeof parseEventLogs>[0]['logs']) =>
    parseEventLogs({ abi: catalogAbi, logs, eventName: 'ClipRegistered' }).map(({ args }) => args.clipHash)
  return {
    fresh,
    /** Registers a clip in a block of its own. */
    async register(spotifyTrackId = fresh()): Promise<Hex> {
      const args = [clipOf(spotifyTrackId)] as const
      const { logs } = await chain.write({ address: catalog, abi: catalogAbi, functionName: 'registerClip', args })
      return hashesIn(logs)[0]
    },
    /** Registers several clips in one block. */
    async registerTogether(amount: number): Promise<readonly Hex[]> {
      const args = [Array.from({ length: amount }, () => clipOf(fresh()))] as const
      const { logs } = await chain.write({ address: catalog, abi: catalogAbi, functionName: 'registerClips', args })
      return hashesIn(logs)
    },
    async encrypt(clipHash: Hex, lock: Hex, more: { chainId?: number; alsoAsSong?: boolean } = {}) {
      const segment = {
        clipHash,
        spotifyTrackId: 'song',
        encryptedFullUri: 'ipfs://ciphertext',
        encryptedManifestUri: 'ipfs://manifest',
        unlockLockAddress: lock,
        unlockChainId: more.chainId ?? chain.chainId,
        metadataUri: 'ipfs://description',
      }
      const args = [segment, more.alsoAsSong ?? false] as const
      return await chain.write({ address: catalog, abi: catalogAbi, functionName: 'encryptSegment', args })
    },
    /** The address in lower case, as the catalog keeps it. */
    async createLock(artist: Account, more: { name?: string; price?: bigint } = {}): Promise<Hex> {
      const { name = 'Lantern Road', price = PRICE_WEI } = more
      const data = encodeFunctionData({
        abi: publicLockAbi,
        functionName: 'initialize',
        args: [artist.address, 30n * DAY_SECONDS, zeroAddress, price, 1000n, name],
      })
      const call = { address: unlock, abi: unlockAbi, functionName: 'createUpgradeableLockAtVersion' } as const
      const { logs } = await chain.write({ ...call, args: [data, 15], account: artist } as never)
      const [{ args }] = parseEventLogs({ abi: unlockAbi, logs, eventName: 'NewLock' })
      return args.newLockAddress.toLowerCase() as Hex
    },
    /** Any function of a lock. */
    async atLock(lock: Hex, functionName: string, args: readonly unknown[], account: Account, value = 0n) {
      return await chain.write({ address: lock, abi: publicLockAbi, functionName, args, account, value } as never)
    },
    /** Buys a key and answers its token id. */
    async buy(lock: Hex, buyer: Account, price = PRICE_WEI): Promise<bigint> {
      const args = [[price], [buyer.address], [zeroAddress], [zeroAddress], ['0x']]
      const call = { address: lock, abi: publicLockAbi, functionName: 'purchase', args, account: buyer, value: price }
      const { logs } = await chain.write(call as never)
      return parseEventLogs({ abi: publicLockAbi, logs, eventName: 'Transfer' })[0].args.tokenId
    },
  }
}

export const nowSeconds = (): bigint => BigInt(Math.floor(Date.now() / 1000))
