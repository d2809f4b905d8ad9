import {
  type Address,
  encodeFunctionData,
  isAddressEqual,
  type PublicClient,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import { z } from 'zod'
import { publicLockAbi, unlockAbi } from '../../../contracts/unlock.ts'
import type { Chain } from '../../chain/contract.ts'
import { nodeFault } from '../../chain/fault.ts'
import { ProviderRejected, ProviderUnavailable } from '../../errors.ts'
import { defineProvider } from '../capability.ts'
import { withoutChain } from '../without-chain.ts'
import type { LockRequest, Locks } from './contract.ts'
import { holdKey } from './hold-key.ts'

/** Unlock Protocol's own contracts, on the chain that is configured for locks. */
export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object({
    LOCK_CURRENCY: z
      .string()
      .min(1)
      .default('ETH')
      .meta({ description: 'what the own currency of the chain of the locks is called' }),
  }),
  create: ({ LOCK_CURRENCY: currency }, { chains }): Locks => ({
    get unavailableReason() {
      return withoutChain(chains)
    },
    get operator() {
      if (withoutChain(chains) !== null) return null
      const { operator: address, signMessage } = chains().locks
      return { address, signMessage }
    },
    holdKey: (lock, options) => holdKey(chains().locks, lock, options),
    async deploy(request) {
      const chain = chains().locks
      const receipt = await order(chain, request)
      const address = lockOf(receipt, chain.contracts.unlock)
      const { timestamp, ...terms } = await readTerms(chain.reader, address, receipt).catch((cause) => {
        // The lock is deployed: the node may lag behind, or have lost its last blocks, which are then mined again.
        throw new ProviderUnavailable('unlock', `the lock ${address} does not say its terms`, {
          cause: nodeFault(cause),
        })
      })
      return {
        address,
        chainId: await chain.id(),
        ...terms,
        currency,
        txHash: receipt.transactionHash,
        deployedAt: new Date(Number(timestamp) * 1000).toISOString(),
      }
    },
  }),
})

async function order(chain: Chain, request: LockRequest): Promise<TransactionReceipt> {
  const { name, creator, priceWei, durationSeconds, maxKeys, idempotencyKey, signal } = request
  const setUp = encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'initialize',
    args: [creator, BigInt(durationSeconds), zeroAddress, priceWei, BigInt(maxKeys), name],
  })
  // The factory takes the newest version of locks it has.
  const data = encodeFunctionData({ abi: unlockAbi, functionName: 'createUpgradeableLock', args: [setUp] })
  const to = chain.contracts.unlock
  return await chain.send({ idempotencyKey, description: `deploy the lock ${name}`, to, data }, { signal })
}

/** Anybody's contract may emit an event of this name; the factory's own is meant. */
function lockOf({ logs, transactionHash }: TransactionReceipt, factory: Address): Address {
  const [event] = parseEventLogs({ abi: unlockAbi, eventName: 'NewLock', logs }).filter(({ address }) =>
    isAddressEqual(address, factory),
  )
  if (!event) throw new ProviderRejected('unlock', `expected a new lock in ${transactionHash}, found none`)
  return event.args.newLockAddress
}

/** What the lock itself says. */
async function readTerms(reader: PublicClient, address: Address, { blockHash, blockNumber }: TransactionReceipt) {
  const read = (functionName: 'keyPrice' | 'expirationDuration' | 'maxNumberOfKeys') => {
    const call = { address, abi: publicLockAbi, functionName } as const
    // By its block, for a node may lag behind; but an embedded chain that was killed has lost the states of past blocks.
    return reader.readContract({ ...call, blockNumber }).catch(() => reader.readContract(call))
  }
  const [{ timestamp }, price, duration, maxKeys] = await Promise.all([
    reader.getBlock({ blockHash }),
    read('keyPrice'),
    read('expirationDuration'),
    read('maxNumberOfKeys'),
  ])
  return { timestamp, priceWei: price.toString(), durationSeconds: Number(duration), maxKeys: Number(maxKeys) }
}
