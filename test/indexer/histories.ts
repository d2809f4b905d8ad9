import {
  encodeFunctionData,
  getAddress,
  type Hex,
  keccak256,
  parseAbi,
  parseEther,
  parseEventLogs,
  toHex,
  zeroAddress,
} from 'viem'
import type { Account } from 'viem/accounts'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { LOCK_VERSION, publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import type { TestChain } from '../support/chain.ts'
import type { Random } from './random.ts'

const MAX_PRICE = parseEther('0.0006')
const initializeAbi = parseAbi([
  'function initialize(address lockCreator, uint256 expirationDuration, address tokenAddress, uint256 keyPrice, uint256 maxNumberOfKeys, string lockName)',
])

/** Things that happen to clips, accounts, locks and keys, in any order. */
export interface History {
  readonly locks: readonly Hex[]
  /** Does one thing at random. What the contracts refuse does not happen; nothing is thrown. */
  act(): Promise<void>
  createLock(owner: Account): Promise<Hex>
}

export function startHistory(chain: TestChain, random: Random): History {
  const { contracts } = chain
  const locks: Hex[] = []
  const write = (address: Hex, data: Hex, account: Account, value = 0n) =>
    chain.send({ to: address, data, account, value })

  const track = () => `track-${random.whole(0, 15)}`
  const clipOf = (spotifyTrackId: string) => ({
    grc20WorkId: `work of ${spotifyTrackId}`,
    spotifyTrackId,
    clipStartMs: 1_000,
    clipEndMs: random.pick([61_000, 62_000]),
    metadataUri: random.pick(['ipfs://a', 'naïve 🎤', '']),
  })
  const clipHash = (spotifyTrackId: string): Hex =>
    keccak256(`${toHex(spotifyTrackId)}${toHex(1_000, { size: 4 }).slice(2)}` as Hex)
  const toCatalog = (data: Hex) => write(contracts.catalog, data, chain.operator)

  const createLock = async (owner: Account): Promise<Hex> => {
    const data = encodeFunctionData({
      abi: initializeAbi,
      args: [owner.address, 2_592_000n, zeroAddress, MAX_PRICE, 1_000n, `Lock ${locks.length}`],
    })
    const args = [data, LOCK_VERSION] as const
    const call = encodeFunctionData({ abi: unlockAbi, functionName: 'createUpgradeableLockAtVersion', args })
    const receipt = await write(contracts.unlock, call, owner)
    const [created] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
    locks.push(created.args.newLockAddress)
    return created.args.newLockAddress
  }

  const onLock = async (): Promise<void> => {
    const lock = random.pick(locks)
    const [from, to] = [chain.buyer(random.whole(1, 3)), chain.buyer(random.whole(1, 3))]
    const owner = chain.buyer(0)
    const tokenId = BigInt(random.whole(1, 6))
    const encode = (functionName: string, args: readonly unknown[]): Hex =>
      encodeFunctionData({ abi: publicLockAbi, functionName, args } as never)
    const doing: (() => Promise<unknown>)[] = [
      () =>
        write(
          lock,
          encode('purchase', [[MAX_PRICE], [from.address], [zeroAddress], [zeroAddress], ['0x']]),
          from,
          MAX_PRICE,
        ),
      () => write(lock, encode('extend', [0n, tokenId, zeroAddress, '0x']), from, MAX_PRICE),
      () => write(lock, encode('transferFrom', [from.address, to.address, tokenId]), from),
      () => write(lock, encode('cancelAndRefund', [tokenId]), from),
      () => write(lock, encode('expireAndRefundFor', [tokenId, 0n]), owner),
      () => write(lock, encode('burn', [tokenId]), from),
      () => write(lock, encode('grantKeys', [[to.address], [BigInt(random.whole(1, 2 ** 40))], [zeroAddress]]), owner),
      () => write(lock, encode('setKeyExpiration', [tokenId, BigInt(random.whole(1, 2 ** 40))]), owner),
      () => write(lock, encode('grantKeyExtension', [tokenId, 1_000n]), owner),
      () => write(lock, encode('updateKeyPricing', [BigInt(random.whole(0, 500_000)), zeroAddress]), owner),
      () => write(lock, encode('updateLockConfig', [BigInt(random.whole(1_000, 9_000_000)), 1_000n, 3n]), owner),
      () => write(lock, encode('setLockMetadata', [`Renamed ${random.whole(0, 99)}`, 'KEY', 'ipfs://b']), owner),
    ]
    await random.pick(doing)()
  }

  const onCatalog = async (): Promise<void> => {
    const spotifyTrackId = track()
    const hash = clipHash(spotifyTrackId)
    const call = (functionName: string, args: readonly unknown[]) =>
      toCatalog(encodeFunctionData({ abi: catalogAbi, functionName, args } as never))
    const segment = {
      clipHash: hash,
      spotifyTrackId,
      encryptedFullUri: random.pick(['ipfs://c', 'ipfs://d']),
      encryptedManifestUri: 'ipfs://m',
      unlockLockAddress:
        locks.length > 0 && random.chance(0.7) ? random.pick(locks) : getAddress(toHex(9, { size: 20 })),
      unlockChainId: random.pick([31_337, 8_453]),
      metadataUri: 'ipfs://e',
    }
    const doing: (() => Promise<unknown>)[] = [
      () => call('registerClip', [clipOf(spotifyTrackId)]),
      () => call('registerClips', [Array.from({ length: random.whole(2, 12) }, () => clipOf(track()))]),
      () =>
        call('processClip', [hash, random.pick(['ipfs://i', 'ipfs://j']), 'ipfs://w', random.whole(0, 5), 'ipfs://n']),
      () => call('encryptSegment', [segment, random.chance(0.5)]),
      () => call('toggleClip', [hash, random.chance(0.5)]),
      () =>
        chain.write({
          address: contracts.catalog,
          abi: catalogAbi,
          functionName: 'setEmitter',
          args: [chain.buyer(random.whole(4, 7)).address, random.chance(0.5)],
          account: chain.deployer,
        }),
    ]
    await random.pick(doing)()
  }

  const onAccounts = () => {
    const args = [chain.buyer(0).address, `artist-${random.whole(0, 9)}-ks1`, 'ipfs://account'] as const
    return write(
      contracts.accounts,
      encodeFunctionData({ abi: accountsAbi, functionName: 'createAccount', args }),
      chain.operator,
    )
  }

  return {
    locks,
    createLock,
    async act() {
      const kind = random.next()
      try {
        if (locks.length === 0 || kind < 0.05) await createLock(chain.buyer(0))
        else if (kind < 0.5) await onLock()
        else if (kind < 0.95) await onCatalog()
        else await onAccounts()
      } catch (error) {
        // What a contract refuses has not happened; a nonce that a re-org took back is asked for anew.
        if (!/revert|nonce|replacement/i.test(String(error))) throw error
      }
    },
  }
}
