import type { Address, Hex, PublicClient, TransactionReceipt } from 'viem'
import type { ContractAddresses } from '../../contracts/addresses.ts'

/** A transaction to be sent once. */
export interface Order {
  /** Two orders with the same key are one transaction, whoever gives them and however often. */
  readonly idempotencyKey: string
  /** What it does, for people: `deploy the lock of artist 12`. */
  readonly description: string
  readonly to: Address
  readonly data: Hex
  /** In wei. */
  readonly value?: bigint
}

/** One EVM chain, as Refrain reads it and writes to it. */
export interface Chain {
  /** EIP-155 id, asked from the node once. @throws ProviderUnavailable while the node does not answer */
  id(): Promise<number>
  /** For reads of any kind. Throws viem's errors; none of them shows the node's address. */
  readonly reader: PublicClient
  readonly contracts: ContractAddresses
  /** Whose transactions these are: the account of `PRIVATE_KEY`. */
  readonly operator: Address
  /** Signs a text as the operator, as EIP-191 says. */
  signMessage(message: string): Promise<Hex>
  /**
   * Sends an order exactly once and returns the receipt once it is mined, through crashes, lost answers, dropped mempools and
   * re-orgs: the signed transaction is stored before it is sent, and an order that comes again sends the same bytes.
   *
   * @throws ProviderRejected when it was mined and reverted, or would revert, which takes no nonce; ProviderUnavailable while the
   * node does not answer; Conflict when the key was used for another order; Blocked without funds, without a contract at `to`, or
   * when the chain was begun anew; InvalidInput; the signal's reason. An order once stored is sent on whatever was thrown.
   */
  send(order: Order, options: { readonly signal: AbortSignal }): Promise<TransactionReceipt>
}

/** Clip events and locks may live on two chains; otherwise both are the same object. */
export interface Chains {
  readonly clips: Chain
  readonly locks: Chain
}
