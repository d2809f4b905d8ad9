import type { Address } from 'viem'
import { deployContracts } from '../../contracts/deploy.ts'
import { DEPLOYER, NONCES, unlockSettings } from '../../contracts/embedded.ts'
import { Blocked, ProviderUnavailable } from '../errors.ts'
import type { Log } from '../log.ts'
import { wait } from '../net/wait.ts'
import type { Desk } from './desk.ts'
import type { Node } from './node.ts'

const MOST_TRIES = 10
const PAUSE_MS = 300

interface GuardOptions {
  readonly node: Node
  readonly chainId: number
  /** The node's address when this is an embedded chain that Refrain deploys to. */
  readonly embeddedUrl: string | undefined
  readonly operator: Address
  readonly log: Log
  /** Addresses where a contract was found before, shared by all guards of a chain; contracts of public chains stay. */
  readonly known: Set<Address>
}

/**
 * What makes sure that there are contracts. An embedded chain that was killed in its first second has lost them, or half of them:
 * they are deployed again, at the same addresses.
 */
export function contractGuard(options: GuardOptions): Pick<Desk, 'ensureContract' | 'restoreContracts'> {
  const { node, chainId, embeddedUrl, operator, log, known } = options

  async function isComplete(signal: AbortSignal): Promise<boolean> {
    if (embeddedUrl === undefined) return true
    const needed = Object.keys(NONCES).length + Object.keys(unlockSettings(chainId)).length
    return (await node.transactionCount(DEPLOYER, 'latest', signal)) >= needed
  }

  async function restore(signal: AbortSignal): Promise<void> {
    if (embeddedUrl === undefined) return
    for (let tries = 1; ; tries++) {
      try {
        return void (await deployContracts({ rpcUrl: embeddedUrl, operator, signal }))
      } catch (error) {
        // A chain that has just been killed may be away for another moment.
        if (!(error instanceof ProviderUnavailable) || tries === MOST_TRIES) throw error
        await wait(PAUSE_MS, signal)
      }
    }
  }

  return {
    restoreContracts: restore,
    async ensureContract(address, signal) {
      if (!node.isLoopback && known.has(address)) return
      const [hasCode, isWhole] = await Promise.all([node.hasCode(address, signal), isComplete(signal)])
      if (hasCode && isWhole) return void known.add(address)
      if (embeddedUrl !== undefined) {
        log.warn('the embedded chain lacks contracts: they are deployed again', { address })
        await restore(signal)
        if (await node.hasCode(address, signal)) return
      }
      throw new Blocked(
        `There is no contract at ${address} on chain ${chainId}. Check the variables that end in _ADDRESS, and that ` +
          'CHAIN_RPC_URL leads to the chain the contracts were deployed on.',
        { details: { address, chainId } },
      )
    },
  }
}
