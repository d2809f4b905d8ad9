import { type Address, encodeFunctionData, isAddressEqual, zeroAddress } from 'viem'
import { z } from 'zod'
import { accountsAbi } from '../../../contracts/abi/accounts.ts'
import type { Chain } from '../../chain/contract.ts'
import { ProviderRejected, ProviderUnavailable } from '../../errors.ts'
import { defineProvider } from '../capability.ts'
import { readChain } from '../read-chain.ts'
import { withoutChain } from '../without-chain.ts'
import type { AccountRequest, Accounts } from './contract.ts'
import { handlesTaken } from './handles-taken.ts'

/** Accounts of our own registry on the configured chain. */
export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object({}),
  create: (_settings, { chains }): Accounts => ({
    get unavailableReason() {
      return withoutChain(chains)
    },
    longestHandle: 30,
    async create(request) {
      const chain = chains().clips
      const takenHandles: string[] = []
      for (const handle of request.handles) {
        const txHash = await claim(chain, handle, request)
        if (txHash === null) {
          takenHandles.push(handle)
          continue
        }
        const { account, owner } = await look(chain, handle)
        if (!isAddressEqual(owner, request.owner.address))
          // It was mined: the node lags behind, or has lost its last blocks, which are then mined again.
          throw new ProviderUnavailable('chain', `the account ${handle} is made, and not there at the moment`)
        return {
          handle,
          address: account,
          owner: request.owner.address,
          namespace: `eip155:${await chain.id()}/${chain.contracts.accounts}`,
          provider: 'embedded',
          txHash,
          takenHandles,
        }
      }
      throw handlesTaken('embedded', takenHandles)
    },
  }),
})

/** The transaction that gave the handle to the owner; null when somebody else has it. */
async function claim(
  chain: Chain,
  handle: string,
  { owner, metadataUri, idempotencyKey, signal }: AccountRequest,
): Promise<string | null> {
  signal.throwIfAborted()
  if (await isTaken(chain, handle, owner.address)) return null
  const args = [owner.address, handle, metadataUri] as const
  const order = {
    // Each handle is a transaction of its own.
    idempotencyKey: `${idempotencyKey}:${handle}`,
    description: `give ${owner.address} the handle ${handle}`,
    to: chain.contracts.accounts,
    data: encodeFunctionData({ abi: accountsAbi, functionName: 'createAccount', args }),
  }
  try {
    return (await chain.send(order, { signal })).transactionHash
  } catch (error) {
    // Somebody else was quicker.
    if (error instanceof ProviderRejected && (await isTaken(chain, handle, owner.address))) return null
    throw error
  }
}

async function isTaken(chain: Chain, handle: string, owner: Address): Promise<boolean> {
  const found = await look(chain, handle)
  return !isAddressEqual(found.owner, zeroAddress) && !isAddressEqual(found.owner, owner)
}

async function look(chain: Chain, handle: string): Promise<{ account: Address; owner: Address }> {
  const [account, owner] = await readChain(() =>
    chain.reader.readContract({
      address: chain.contracts.accounts,
      abi: accountsAbi,
      functionName: 'accountOf',
      args: [handle],
    }),
  )
  return { account, owner }
}
