import type { ChainTransaction } from '../db/chain-tables.ts'
import { Blocked, ProviderRejected } from '../errors.ts'
import type { Desk } from './desk.ts'
import { CHAIN } from './fault.ts'

/** The node has it, the chain has it, or something with its nonce is there: the receipt will tell. */
const HARMLESS =
  /already (known|imported|exists)|known transaction|nonce (is )?too low|old nonce|underpriced|base fee|fee too low/i

/**
 * Sends the stored bytes; as often as you like.
 *
 * @throws ProviderRejected, Blocked without funds, ProviderUnavailable
 */
export async function broadcast({ node, account }: Desk, row: ChainTransaction, signal: AbortSignal): Promise<void> {
  try {
    await node.broadcast(row.raw, signal)
  } catch (error) {
    if (!(error instanceof ProviderRejected)) throw error
    if (HARMLESS.test(error.message)) return
    const which = `“${row.description}” (nonce ${row.nonce})`
    if (/insufficient (funds|balance)/i.test(error.message)) {
      throw new Blocked(`The operator ${account.address} cannot pay for ${which}. Send it some, and it is sent again.`)
    }
    throw new ProviderRejected(CHAIN, `${which} was not accepted: ${error.message}`, { details: error.details })
  }
}
