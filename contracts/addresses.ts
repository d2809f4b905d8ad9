import type { Address } from 'viem'

/** Where the contracts are that Refrain speaks to. */
export interface ContractAddresses {
  /** Clips and their encrypted songs. */
  readonly catalog: Address
  /** Accounts with handles, for the embedded identity. */
  readonly accounts: Address
  /** Public keys of artists' wallets, for the embedded identity. */
  readonly wallets: Address
  /** Edits of metadata, for the embedded identity. */
  readonly space: Address
  /** Unlock's factory of locks. */
  readonly unlock: Address
}
