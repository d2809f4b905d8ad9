import { and, eq } from 'drizzle-orm'
import { type Address, parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { encryptions } from '../../db/publication-tables.ts'
import { proveAccess as prove } from '../../providers/encryption/prove.ts'
import { encrypt } from './encrypt.ts'
import { trackStage } from './subject.ts'

const Proof = z.object({
  keyId: z.string(),
  lock: z.object({ address: z.string(), chainId: z.number() }),
  conditionsHash: z.string(),
  holder: z.string(),
  stranger: z.string(),
  decrypted: z.object({ sizeBytes: z.number(), sha256: z.string() }),
  refusal: z.literal('NO_KEY'),
  provenAt: z.string(),
})

/** Opens the published song as its buyers will: with a key of the lock, which must work, and without, which must not. */
export const proveAccess = trackStage({
  name: 'prove_access',
  description: 'Proves that a holder of a key can open the encrypted song and a stranger cannot',
  after: [encrypt],
  output: Proof,
  canSkip: true,
  queue: 'lookup',
  weight: 1,
  async run({ encrypt }, context) {
    if (encrypt === null) return context.skip('the song is not encrypted')
    const { providers, config, signal } = context
    const { operator } = providers.locks
    if (operator === null) return context.skip('no chain is configured (CHAIN_RPC_URL is off)')
    const lock = encrypt.lock
    await providers.locks.holdKey(lock.address as Address, {
      mostWei: parseEther(config.LOCK_PRICE_ETH),
      // One key for all songs of a lock.
      idempotencyKey: 'prove access',
      signal,
    })
    const stranger = privateKeyToAccount(generatePrivateKey())
    const gateway = new URL(encrypt.gateUrl).origin
    const resolveUri = (uri: string) => uri.replace(/^ipfs:\/\//, `${gateway}/ipfs/`)
    return await prove({
      manifestUrl: encrypt.manifest.uri,
      lock,
      holder: operator,
      stranger: { address: stranger.address, signMessage: (message) => stranger.signMessage({ message }) },
      resolveUri,
      signal,
    })
  },
  async record(proof, transaction, track) {
    await transaction
      .update(encryptions)
      .set({ proof, provedAt: new Date(proof.provenAt) })
      .where(
        and(eq(encryptions.trackId, track.id), eq(encryptions.segmentIndex, 0), eq(encryptions.keyId, proof.keyId)),
      )
  },
})
