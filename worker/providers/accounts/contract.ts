import type { Address, Hex } from 'viem'
import { z } from 'zod'

/** An account under a handle that the artist's wallet owns. */
export const Account = z.object({
  handle: z.string().min(1),
  address: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  /** The wallet's address. */
  owner: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  /** Where the handle is unique, as in `eip155:31337/0x…`. */
  namespace: z.string(),
  provider: z.string(),
  /** Null when the account was there already. */
  txHash: z.string().nullable(),
  /** Handles tried before that belong to others, in order. */
  takenHandles: z.array(z.string()),
})
export type Account = z.output<typeof Account>

export interface AccountRequest {
  /** What the account may be called, the first choice first; the next is taken when one belongs to somebody else. */
  readonly handles: readonly string[]
  /** Where the account's public description is. */
  readonly metadataUri: string
  readonly owner: {
    readonly address: Address
    /** Signs a text with the owner's wallet. */
    sign(message: string): Promise<Hex>
  }
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** Gives artists accounts under handles. */
export interface Accounts {
  /** Why this provider can make none at all, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /** Most characters a handle may have. */
  readonly longestHandle: number
  /**
   * Makes the account, or gives the owner's own if it has one of these handles already.
   *
   * @throws Conflict when every handle belongs to somebody else
   */
  create(request: AccountRequest): Promise<Account>
}
