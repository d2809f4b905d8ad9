import type { Address } from 'viem'
import { deployContracts } from '../../contracts/deploy.ts'
import { Blocked, ProviderUnavailable } from '../errors.ts'
import type { Log } from '../log.ts'
import { wait } from '../net/wait.ts'
import type { Desk } from './desk.ts'
import type { Node } from './node.ts'

const MOST_TRIES = 10
const PAUSE_MS = 300

/**
 * What makes sure that there is a contract at an address. An embedded chain that was killed in its first second has lost its
 * contracts: they are deployed again, at the same addresses.
 *
 * @param options.embeddedUrl the node's address when this is an embedded chain that Refrain deploys to
 */
export function contractGuard(options: {
  readonly node: Node
  readonly chainId: number
  readonly embeddedUrl: string | undefined
  readonly operator: Address
  readonly log: Log
}): Desk['ensureContract'] {
  const { node, chainId, embeddedUrl, operator, log } = options
  return async (address, signal) => {
    if (await node.hasCode(address, signal)) return
    if (embeddedUrl !== undefined) {
      log.warn('the embedded chain has lost its contracts: they are deployed again', { address })
      await deployPatiently(embeddedUrl, operator, signal)
      if (await node.hasCode(address, signal)) return
    }
    throw new Blocked(
      `There is no contract at ${address} on chain ${chainId}. Check the variables that end in _ADDRESS, and that ` +
        'CHAIN_RPC_URL leads to the chain the contracts were deployed on.',
      { details: { address, chainId } },
    )
  }
}

/** A chain that has just been killed may be away for another moment. */
async function deployPatiently(rpcUrl: string, operator: Address, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await deployContracts({ rpcUrl, operator, signal }))
    } catch (error) {
      if (!(error instanceof ProviderUnavailable) || tries === MOST_TRIES) throw error
      await wait(PAUSE_MS, signal)
    }
  }
}
