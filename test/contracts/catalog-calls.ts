import { type Address, encodePacked, getAddress, type Hex, keccak256, type TransactionReceipt } from 'viem'
import { catalogAbi as abi } from '../../contracts/abi/catalog.ts'
import type { TestChain } from '../support/chain.ts'
import { eventsOf } from './deployed.ts'

/** A clip that is whole. */
export const clip = {
  grc20WorkId: '3f9c5be1-6a3f-4d0c-8a8e-0d2b5f5f9f10',
  spotifyTrackId: '4uLU6hMCjMI75M1A2tKUQC',
  clipStartMs: 45_000,
  clipEndMs: 105_000,
  metadataUri: 'ipfs://clip',
}
/** What names it. */
export const clipHash = keccak256(encodePacked(['string', 'uint32'], [clip.spotifyTrackId, clip.clipStartMs]))
/** Its files, as `processClip` takes them. */
export const files = [clipHash, 'ipfs://instrumental', 'ipfs://alignment', 3, 'ipfs://clip-files'] as const
/** Its encrypted song. */
export const segment = {
  clipHash,
  spotifyTrackId: clip.spotifyTrackId,
  encryptedFullUri: 'ipfs://ciphertext',
  encryptedManifestUri: 'ipfs://manifest',
  unlockLockAddress: getAddress('0x00000000000000000000000000000000000010cc'),
  unlockChainId: 8453,
  metadataUri: 'ipfs://song',
}

/** The catalog's calls with what is whole, apart from the changes; each answers with the events it emitted. */
export function catalogCalls(chain: TestChain, address: Address) {
  const at = <N extends string>(functionName: N) => ({ address, abi, functionName })
  const emitted = async (sent: Promise<TransactionReceipt>) => await eventsOf(chain, abi, await sent)
  const register = (changes: Partial<typeof clip> = {}, account = chain.operator) =>
    emitted(chain.write({ ...at('registerClip'), args: [{ ...clip, ...changes }], account }))
  const registerAll = (clips: readonly (typeof clip)[], account = chain.operator) =>
    emitted(chain.write({ ...at('registerClips'), args: [clips], account }))
  const process = ({ hash = clipHash as Hex, audio = files[1] as string, count = 3 } = {}, account = chain.operator) =>
    emitted(chain.write({ ...at('processClip'), args: [hash, audio, files[2], count, files[4]], account }))
  const encrypt = (changes: Partial<typeof segment> = {}, alsoAsSong = false, account = chain.operator) =>
    emitted(chain.write({ ...at('encryptSegment'), args: [{ ...segment, ...changes }, alsoAsSong], account }))
  const toggle = (hash: Hex, enabled: boolean, account = chain.operator) =>
    emitted(chain.write({ ...at('toggleClip'), args: [hash, enabled], account }))
  const setEmitter = (emitter: Address, isAllowed: boolean, account = chain.deployer) =>
    emitted(chain.write({ ...at('setEmitter'), args: [emitter, isAllowed], account }))
  return { address, register, registerAll, process, encrypt, toggle, setEmitter }
}
