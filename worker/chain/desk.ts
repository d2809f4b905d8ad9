import type { Address, LocalAccount } from 'viem'
import type { Client } from '../db/client.ts'
import type { Log } from '../log.ts'
import type { Node } from './node.ts'
import type { Patience } from './patience.ts'

/** Where orders become transactions: everything that takes, once the chain's id is known. */
export interface Desk {
  readonly node: Node
  readonly client: Client
  readonly chainId: number
  /** Who signs. */
  readonly account: LocalAccount
  readonly patience: Patience
  readonly log: Log
  /**
   * Makes sure that there is a contract: a call of an address without one succeeds and does nothing.
   *
   * @throws Blocked when there is none
   */
  ensureContract(address: Address, signal: AbortSignal): Promise<void>
  /** Brings back the contracts of an embedded chain that came back older; on other chains does nothing. */
  restoreContracts(signal: AbortSignal): Promise<void>
}
