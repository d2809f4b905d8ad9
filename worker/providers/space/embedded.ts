import { encodeFunctionData } from 'viem'
import { z } from 'zod'
import { spaceAbi } from '../../../contracts/abi/space.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import { withoutChain } from '../without-chain.ts'
import type { Space } from './contract.ts'
import { contractSpaceId, type GraphId } from './grc20-space.ts'
import { graphIdVariable } from './variables.ts'

/** Records edits in the space contract on the chain of the clips. */
export function contractSpace(
  chains: ProviderDeps['chains'],
  options: { readonly spaceId?: GraphId | undefined; readonly authorId?: GraphId | undefined } = {},
): Space {
  const identify = async () => {
    const chain = chains().clips
    const spaceId = options.spaceId ?? contractSpaceId(await chain.id(), chain.contracts.space)
    return { spaceId, authorId: options.authorId ?? spaceId }
  }
  return {
    get unavailableReason() {
      return withoutChain(chains)
    },
    identify,
    async publish({ cid, name }, { idempotencyKey, signal }) {
      const chain = chains().clips
      const { spaceId } = await identify()
      const data = encodeFunctionData({ abi: spaceAbi, functionName: 'publishEdit', args: [`0x${spaceId}`, cid] })
      const order = { idempotencyKey, description: `publish the edit "${name}"`, to: chain.contracts.space, data }
      const receipt = await chain.send(order, { signal })
      return {
        recordedAs: cid,
        transactionHash: receipt.transactionHash,
        blockNumber: Number(receipt.blockNumber),
        chainId: await chain.id(),
      }
    },
  }
}

export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object({
    SPACE_ID: graphIdVariable.optional().meta({
      description: 'id of the metadata space; unset is one that belongs to the contract at SPACE_ADDRESS',
    }),
    SPACE_AUTHOR_ID: graphIdVariable.optional().meta({
      description: 'id of the entity that edits name as their author; unset is the space itself',
    }),
  }),
  create: ({ SPACE_ID, SPACE_AUTHOR_ID }, { chains }): Space =>
    contractSpace(chains, { spaceId: SPACE_ID, authorId: SPACE_AUTHOR_ID }),
})
