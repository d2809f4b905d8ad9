import { encodeFunctionData, encodePacked, type Hex, keccak256, type TransactionReceipt } from 'viem'
import { z } from 'zod'
import { catalogAbi } from '../../../contracts/abi/catalog.ts'
import { InvalidInput } from '../../errors.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import { withoutChain } from '../without-chain.ts'
import type { Emitted, Publication } from './contract.ts'

const UINT32_MAX = 0xffff_ffff

/** Emits the events of the catalog contract on the configured chain. */
export function contractPublication(chains: ProviderDeps['chains']): Publication {
  async function emit(
    data: Hex,
    description: string,
    { idempotencyKey, signal }: { readonly idempotencyKey: string; readonly signal: AbortSignal },
  ): Promise<Emitted> {
    const chain = chains().clips
    const order = { idempotencyKey, description, to: chain.contracts.catalog, data }
    return emittedBy(await chain.id(), await chain.send(order, { signal }))
  }
  return {
    get unavailableReason() {
      return withoutChain(chains)
    },
    clipHash: (catalogId, startMs) => keccak256(encodePacked(['string', 'uint32'], [catalogId, uint32(startMs)])),
    registerClip({ catalogId, startMs, endMs, grc20WorkId, metadataUri }, options) {
      const clip = {
        grc20WorkId,
        spotifyTrackId: catalogId,
        clipStartMs: uint32(startMs),
        clipEndMs: uint32(endMs),
        metadataUri,
      }
      const data = encodeFunctionData({ abi: catalogAbi, functionName: 'registerClip', args: [clip] })
      return emit(data, `register the clip of ${catalogId}`, options)
    },
    processClip({ clipHash, instrumentalUri, alignmentUri, translationCount, metadataUri }, options) {
      const args = [clipHash, instrumentalUri, alignmentUri, Math.min(translationCount, 255), metadataUri] as const
      const data = encodeFunctionData({ abi: catalogAbi, functionName: 'processClip', args })
      return emit(data, `announce the files of clip ${clipHash}`, options)
    },
    encryptSegment({ clipHash, catalogId, manifestUri, lockAddress, lockChainId, ...uris }, options) {
      const segment = {
        clipHash,
        spotifyTrackId: catalogId,
        encryptedFullUri: uris.encryptedFullUri,
        encryptedManifestUri: manifestUri,
        unlockLockAddress: lockAddress,
        unlockChainId: uint32(lockChainId),
        metadataUri: uris.metadataUri,
      }
      const args = [segment, options.alsoAsSong] as const
      const data = encodeFunctionData({ abi: catalogAbi, functionName: 'encryptSegment', args })
      return emit(data, `announce the encrypted song of ${catalogId}`, options)
    },
  }
}

function emittedBy(chainId: number, receipt: TransactionReceipt): Emitted {
  return { chainId, transactionHash: receipt.transactionHash, blockNumber: Number(receipt.blockNumber) }
}

function uint32(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= UINT32_MAX) return value
  throw new InvalidInput(`expected a whole number of 0 to ${UINT32_MAX} for the catalog, got ${value}`)
}

export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object({}),
  create: (_environment, { chains }) => contractPublication(chains),
})
