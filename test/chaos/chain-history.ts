import { type Abi, type Address, createPublicClient, type Hex, http, isAddressEqual, parseEventLogs } from 'viem'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { walletsAbi } from '../../contracts/abi/wallets.ts'
import { embeddedAddresses } from '../../contracts/deploy.ts'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'

/** Everything that an embedded chain says of its contracts, read from the chain alone. */
export type ChainHistory = Awaited<ReturnType<typeof readChainHistory>>

/** Reads every event of our contracts, in order, and of every lock who manages it and who holds keys. */
export async function readChainHistory(rpcUrl: string) {
  const client = createPublicClient({ transport: http(rpcUrl) })
  const eventsOf = async <const A extends Abi>(address: Address, abi: A) =>
    parseEventLogs({ abi, logs: await client.getLogs({ address, fromBlock: 0n, toBlock: 'latest' }) })
  const named = <Event extends { readonly eventName: string }, const Name extends Event['eventName']>(
    events: readonly Event[],
    name: Name,
  ) => events.filter((event): event is Extract<Event, { eventName: Name }> => event.eventName === name)

  const catalog = await eventsOf(embeddedAddresses.catalog, catalogAbi)
  const newLocks = named(await eventsOf(embeddedAddresses.unlock, unlockAbi), 'NewLock')
  const { number, hash } = await client.getBlock()
  return {
    head: { number: Number(number), hash },
    wallets: named(await eventsOf(embeddedAddresses.wallets, walletsAbi), 'WalletMinted'),
    accounts: named(await eventsOf(embeddedAddresses.accounts, accountsAbi), 'AccountCreated'),
    edits: named(await eventsOf(embeddedAddresses.space, spaceAbi), 'EditPublished'),
    registered: named(catalog, 'ClipRegistered'),
    processed: named(catalog, 'ClipProcessed'),
    encrypted: named(catalog, 'SegmentEncrypted'),
    locks: await Promise.all(
      newLocks.map(async ({ args: { newLockAddress: address }, transactionHash }) => ({
        address,
        transactionHash,
        isManagedBy: (manager: Address) =>
          client.readContract({ address, abi: publicLockAbi, functionName: 'isLockManager', args: [manager] }),
        keys: await client.readContract({ address, abi: publicLockAbi, functionName: 'totalSupply' }),
      })),
    ),
    /** The block of a transaction that is mined and did what it should; null when it is not, or has reverted. */
    async blockOf(transactionHash: Hex): Promise<{ readonly number: number; readonly hash: Hex } | null> {
      const receipt = await client.getTransactionReceipt({ hash: transactionHash }).catch(() => null)
      if (receipt?.status !== 'success') return null
      return { number: Number(receipt.blockNumber), hash: receipt.blockHash }
    },
  }
}

/** How many transactions of an account are mined. */
export async function countTransactions(rpcUrl: string, address: Address): Promise<number> {
  return await createPublicClient({ transport: http(rpcUrl) }).getTransactionCount({ address })
}

/** Addresses are written in different cases. */
export const isSame = (one: string, other: string): boolean => isAddressEqual(one as Address, other as Address)
