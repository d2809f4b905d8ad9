import type { Address } from 'viem'
import type { Client } from '../db/client.ts'
import { InvalidInput } from '../errors.ts'
import type { Log } from '../log.ts'
import { type AddressConfig, contractAddresses, usesEmbeddedAddresses } from './addresses.ts'
import type { Chain, Chains } from './contract.ts'
import { contractGuard } from './contracts.ts'
import type { Desk } from './desk.ts'
import { EMBEDDED_CHAIN_ID } from './embedded-chain.ts'
import { createIdentity } from './identity.ts'
import { openNode } from './node.ts'
import { openOperator } from './operator.ts'
import { developmentPatience, type Patience, publicPatience } from './patience.ts'
import { createOrderSender } from './sender.ts'
import type { TransportOptions } from './transport.ts'

/** The variables that say which chain, as whom and where. */
export interface ChainConfig extends AddressConfig {
  readonly CHAIN_RPC_URL?: string | undefined
  readonly LOCK_CHAIN_RPC_URL?: string | undefined
  readonly PRIVATE_KEY?: string | undefined
}

export interface OpenChains extends Chains {
  /**
   * Sends again what a chain has lost, records what was mined while nobody looked, raises the fee of what is stuck. To be called at
   * start and every few seconds; when there is nothing to do it asks the node three small questions.
   *
   * @throws Blocked when a chain was begun anew or lacks our contracts; ProviderUnavailable; ProviderRejected
   */
  reconcile(options: { readonly signal: AbortSignal }): Promise<void>
}

export interface OpenChainsOptions {
  readonly config: ChainConfig
  readonly client: Client
  readonly log: Log
  /** Other waits than the usual ones. */
  readonly patience?: Partial<Patience>
  readonly transport?: TransportOptions
}

/**
 * The chains of the configuration. Nothing is asked of a node yet: it may be away.
 *
 * @returns null when the configuration turns chains off
 * @throws InvalidInput that names the variable at fault
 */
export function openChains(options: OpenChainsOptions): OpenChains | null {
  const { CHAIN_RPC_URL: url, LOCK_CHAIN_RPC_URL: lockUrl } = options.config
  if (url === 'off') return null
  if (url === undefined) {
    throw new InvalidInput(
      'CHAIN_RPC_URL is not set: set it (`off` works without a chain), or run `npm start`, which starts the embedded chain',
    )
  }
  const clips = openChain(parseUrl('CHAIN_RPC_URL', url), options)
  const locks =
    lockUrl === undefined || parseUrl('LOCK_CHAIN_RPC_URL', lockUrl) === parseUrl('CHAIN_RPC_URL', url)
      ? clips
      : openChain(parseUrl('LOCK_CHAIN_RPC_URL', lockUrl), options)
  return {
    clips: clips.chain,
    locks: locks.chain,
    async reconcile({ signal }) {
      for (const one of new Set([clips, locks])) await one.reconcile(signal)
    },
  }
}

function openChain(url: string, { config, client, log, patience, transport }: OpenChainsOptions) {
  const node = openNode(url, transport)
  const operator = openOperator(config.PRIVATE_KEY, node.isLoopback)
  const identity = createIdentity(node, client, operator.checkChain)
  const sender = createOrderSender()
  const known = new Set<Address>()
  const isEmbedded = () => node.isLoopback && (identity.knownId() ?? EMBEDDED_CHAIN_ID) === EMBEDDED_CHAIN_ID

  async function openDesk(signal: AbortSignal): Promise<Desk> {
    const chainId = await identity.confirm(signal)
    const embeddedUrl = isEmbedded() && usesEmbeddedAddresses(config) ? url : undefined
    return {
      node,
      client,
      chainId,
      account: operator.account,
      patience: { ...(isEmbedded() ? developmentPatience : publicPatience), ...patience },
      log,
      ...contractGuard({ node, chainId, embeddedUrl, operator: operator.account.address, log, known }),
    }
  }

  const chain: Chain = {
    id: () => identity.id(),
    reader: node.reader,
    contracts: contractAddresses(config, isEmbedded),
    operator: operator.account.address,
    signMessage: (message) => operator.account.signMessage({ message }),
    send: async (order, { signal }) => sender.send(await openDesk(signal), order, signal),
  }
  return { chain, reconcile: async (signal: AbortSignal) => sender.reconcile(await openDesk(signal), signal) }
}

function parseUrl(variable: string, text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol)) return url.href
  throw new InvalidInput(`${variable}: expected the http or https address of a node; the value is not shown`)
}
