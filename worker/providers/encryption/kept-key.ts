import { z } from 'zod'
import {
  type AccessControlConditions,
  buildConditions,
  conditionsFault,
  type Lock,
} from '../../../client/conditions.ts'
import { AppError, InvalidInput } from '../../errors.ts'
import type { Vault } from '../../vault/contract.ts'

const lock = z.strictObject({ address: z.string().regex(/^0x[0-9a-f]{40}$/), chainId: z.number().int().positive() })

/**
 * What the vault keeps under a key's id: the key, and with it the conditions it may be given out on. Both are sealed together, so
 * that whoever can write to the database cannot put another lock before a key.
 */
const KeptKey = z.discriminatedUnion('network', [
  z.strictObject({ network: z.literal('embedded'), lock, contentKey: z.base64() }),
  z.strictObject({
    network: z.literal('lit-chipotle'),
    lock,
    /** The content key as Lit Protocol encrypted it. */
    sealedKey: z.string().min(1),
    /** The action that opens it, word by word: its CID is what Lit permits. */
    action: z.string().min(1),
  }),
])
export type KeptKey = z.output<typeof KeptKey>

const nameOf = (keyId: string) => `content-key:${keyId}`

/** Keeps a key under its new id. */
export async function keepKey(vault: Vault, keyId: string, kept: KeptKey): Promise<void> {
  await vault.keep(nameOf(keyId), () => Uint8Array.from(Buffer.from(JSON.stringify(kept))))
}

/** The key under that id; null when there is none. @throws Blocked when it was sealed with another master key */
export async function findKey(vault: Vault, keyId: string): Promise<KeptKey | null> {
  const bytes = await vault.open(nameOf(keyId))
  if (!bytes) return null
  const parsed = KeptKey.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  // The issues of a failed parse could hold the key.
  if (!parsed.success) throw new AppError('CONFLICT', `what is kept as ${nameOf(keyId)} is no content key`)
  return parsed.data
}

/** On what a kept key may be given out. */
export function conditionsOf(kept: KeptKey): AccessControlConditions {
  return buildConditions(kept.lock)
}

/** @throws InvalidInput when these are not exactly the conditions of this lock */
export function assertOwnConditions(conditions: unknown, own: Lock): void {
  const fault = conditionsFault(conditions, own)
  if (fault) throw new InvalidInput(`the song is not encrypted: ${fault}`)
}
