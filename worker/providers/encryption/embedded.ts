import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ALGORITHM } from '../../../client/manifest.ts'
import { InvalidInput } from '../../errors.ts'
import type { Vault } from '../../vault/contract.ts'
import { defineProvider } from '../capability.ts'
import type { Encryption } from './contract.ts'
import { configuredGateUrl, gateVariables } from './gate-url.ts'
import { assertOwnConditions, keepKey } from './kept-key.ts'

/**
 * Keeps content keys in our vault; the key gate gives them out.
 *
 * @param options.gateUrl asked for every key, so that a wrong configuration is an error of the song, not of the start
 */
export function embeddedEncryption(options: { vault(): Vault; gateUrl(): string }): Encryption {
  return {
    network: 'embedded',
    usdMicrosPerKey: 0,
    async protect({ lock, conditions, signal }) {
      signal.throwIfAborted()
      assertOwnConditions(conditions, lock)
      const gateUrl = options.gateUrl()
      const keyId = randomUUID()
      const contentKey = Uint8Array.from(randomBytes(32))
      await keepKey(options.vault(), keyId, {
        network: 'embedded',
        lock: { address: lock.address.toLowerCase(), chainId: lock.chainId },
        contentKey: Buffer.from(contentKey).toString('base64'),
      })
      return { contentKey, access: { algorithm: ALGORITHM, keyId, network: 'embedded', gateUrl } }
    },
    async release(kept) {
      if (kept.network !== 'embedded')
        throw new InvalidInput(`expected a key of our own vault, got one of ${kept.network}`)
      return Uint8Array.from(Buffer.from(kept.contentKey, 'base64'))
    },
  }
}

export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object(gateVariables),
  create: (settings, { vault }): Encryption =>
    embeddedEncryption({ vault, gateUrl: () => configuredGateUrl(settings) }),
})
