import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { encodeAbiParameters, encodeFunctionData, keccak256, parseAbi, toHex, zeroHash } from 'viem'
import { z } from 'zod'
import { Blocked, ProviderRejected } from '../../errors.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import { withoutChain } from '../without-chain.ts'
import type { PublishableEdit, Space } from './contract.ts'
import { GEO } from './grc20-space.ts'
import { graphIdVariable } from './variables.ts'

const registryAbi = parseAbi([
  'function enter(bytes16 fromSpaceId, bytes16 toSpaceId, bytes32 action, bytes32 topic, bytes data, bytes signature)',
])
const EDITS_PUBLISHED = keccak256(toHex('GOVERNANCE.EDITS_PUBLISHED'))
/** Multicodec of plain bytes, and of SHA-256. */
const RAW = 0x55
const SHA2_256 = 0x12

const Uploaded = z.object({ cid: z.string() })

/**
 * Geo's knowledge graph: the edit goes to its IPFS service, and a transaction of ours enters its address into the registry of
 * spaces on Geo's chain, which is then the chain of the clips.
 */
export const geo = defineProvider({
  name: 'geo',
  environment: z.object({
    SPACE_ID: graphIdVariable.meta({ description: "id of the operator's personal space on Geo" }),
    SPACE_AUTHOR_ID: graphIdVariable.optional().meta({
      description: 'id of the entity that edits name as their author; unset is the space itself',
    }),
    GEO_API_URL: z.url().default(GEO.apiUrl).meta({ description: 'Geo’s interface, which stores edits' }),
    GEO_CHAIN_ID: z.coerce
      .number()
      .int()
      .positive()
      .default(GEO.chainId)
      .meta({ description: 'chain that Geo’s registry is on; CHAIN_RPC_URL must lead to it' }),
    GEO_SPACE_REGISTRY: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')
      .default(GEO.spaceRegistry)
      .meta({ description: 'Geo’s registry of spaces' }),
  }),
  create: (settings, { http, chains }): Space => {
    const spaceId = settings.SPACE_ID
    const chainOf = async (given: ReturnType<ProviderDeps['chains']>) => {
      const id = await given.clips.id()
      if (id === settings.GEO_CHAIN_ID) return given.clips
      throw new Blocked(
        `Geo’s registry is on chain ${settings.GEO_CHAIN_ID}, and CHAIN_RPC_URL leads to chain ${id}: set CHAIN_RPC_URL, or GEO_CHAIN_ID for another network of Geo’s`,
      )
    }

    async function upload(edit: PublishableEdit, signal: AbortSignal): Promise<string> {
      const body = new FormData()
      body.append('file', new Blob([edit.bytes], { type: 'application/octet-stream' }), 'edit')
      const url = `${settings.GEO_API_URL.replace(/\/+$/, '')}/ipfs/upload-edit`
      // The same bytes have the same address, so sending them again changes nothing.
      const { cid } = await http.json(url, Uploaded, { method: 'POST', body, idempotent: true, signal })
      assertAddressOf(edit, cid)
      return cid
    }

    return {
      get unavailableReason() {
        return withoutChain(chains)
      },
      identify: async () => ({ spaceId, authorId: settings.SPACE_AUTHOR_ID ?? spaceId }),
      async publish(edit, { idempotencyKey, signal }) {
        const chain = await chainOf(chains())
        const uri = await upload(edit, signal)
        const space = `0x${spaceId}` as const
        const content = encodeAbiParameters([{ type: 'string' }], [uri])
        const order = {
          idempotencyKey,
          description: `publish the edit "${edit.name}" on Geo`,
          to: settings.GEO_SPACE_REGISTRY as `0x${string}`,
          data: encodeFunctionData({
            abi: registryAbi,
            functionName: 'enter',
            args: [space, space, EDITS_PUBLISHED, zeroHash, content, '0x'],
          }),
        }
        const receipt = await chain.send(order, { signal })
        return {
          recordedAs: uri,
          transactionHash: receipt.transactionHash,
          blockNumber: Number(receipt.blockNumber),
          chainId: settings.GEO_CHAIN_ID,
        }
      },
    }
  },
})

/**
 * Checks that what the service says it stored is a content id, and that of these bytes where it is one of plain bytes: larger
 * files are cut into blocks, whose tree only the service knows.
 *
 * @throws ProviderRejected
 */
function assertAddressOf({ bytes, cid }: PublishableEdit, uri: string): void {
  const shown = JSON.stringify(uri.slice(0, 100))
  let stored: CID
  try {
    if (!uri.startsWith('ipfs://')) throw new TypeError('no ipfs:// address')
    stored = CID.parse(uri.slice('ipfs://'.length))
  } catch (cause) {
    throw new ProviderRejected('geo', `expected ipfs:// and a content id, got ${shown}`, { cause })
  }
  if (stored.code !== RAW || stored.multihash.code !== SHA2_256) return
  const digest = createHash('sha256').update(bytes).digest()
  if (!digest.equals(Buffer.from(stored.multihash.digest)))
    throw new ProviderRejected('geo', `stored other bytes than were sent: expected ${cid}, got ${shown}`)
}
