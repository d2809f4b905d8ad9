import type { Address, Hex } from 'viem'
import { z } from 'zod'

const HexText = z.string().regex(/^0x([0-9a-f]{2})+$/i)

/** A wallet as the world may see it. Its private key never leaves the provider. */
export const Wallet = z.object({
  address: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  /** 65 bytes, uncompressed; null where the provider shows none. */
  publicKey: HexText.nullable(),
  /** Of the token that stands for the key, 256 bits in decimal; null where there is none. */
  tokenId: z.string().regex(/^\d+$/).nullable(),
  /** Who registered it; null where that is the provider's affair. */
  owner: z.string().nullable(),
  txHash: HexText.nullable(),
  /** CAIP-2, as in `eip155:31337`. */
  network: z.string(),
  provider: z.string(),
})
export type Wallet = z.output<typeof Wallet>

/** Makes key pairs for artists and signs with them. */
export interface Wallets {
  /** Why this provider can make none at all, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /** What a wallet costs, in millionths of a dollar. */
  readonly priceUsdMicros: number
  /**
   * Makes the wallet of that name, or gives the one that is there: the same name is the same wallet, after any crash.
   *
   * @throws Blocked when it is not known whether an earlier attempt made it
   */
  create(request: {
    readonly name: string
    readonly idempotencyKey: string
    readonly signal: AbortSignal
  }): Promise<Wallet>
  /**
   * Signs a text as wallets do. @see https://eips.ethereum.org/EIPS/eip-191
   *
   * @throws Blocked when this provider does not hold that wallet's key
   */
  sign(request: {
    readonly name: string
    readonly address: Address
    readonly message: string
    readonly signal: AbortSignal
  }): Promise<Hex>
}
