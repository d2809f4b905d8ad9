import type { Address } from 'viem'
import { z } from 'zod'
import type { Wallet } from '../../../client/ask-key.ts'

const Amount = z.string().regex(/^\d+$/)

/** A lock whose keys open everything of one artist. */
export const Lock = z.object({
  address: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  /** EIP-155. */
  chainId: z.number().int().positive(),
  /** What a key costs, in the currency's smallest unit. */
  priceWei: Amount,
  /** `ETH`, or whatever the chain's own currency is. */
  currency: z.string().min(1),
  /** How long a key opens. */
  durationSeconds: z.number().int().positive(),
  maxKeys: z.number().int().positive(),
  txHash: z.string(),
  /** ISO 8601, UTC. */
  deployedAt: z.iso.datetime(),
})
export type Lock = z.output<typeof Lock>

export interface LockRequest {
  /** What buyers see the lock is called. */
  readonly name: string
  /** Who manages the lock and takes what is paid. */
  readonly creator: Address
  readonly priceWei: bigint
  readonly durationSeconds: number
  readonly maxKeys: number
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** Deploys locks. */
export interface Locks {
  /** Why this provider can deploy none at all, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /** The same key is the same lock. @throws ProviderRejected when the factory refuses; Conflict for the same key with other terms */
  deploy(request: LockRequest): Promise<Lock>
  /** The operator as somebody who signs; null without a chain. */
  readonly operator: Wallet | null
  /**
   * Makes sure that the operator holds a valid key to a lock: buys one, or extends the one that has expired.
   *
   * @throws Blocked when the lock takes a token or asks more than `mostWei`
   */
  holdKey(
    lock: Address,
    options: { readonly mostWei: bigint; readonly idempotencyKey: string; readonly signal: AbortSignal },
  ): Promise<void>
}
