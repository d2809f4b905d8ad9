import { fileURLToPath } from 'node:url'
import { InvalidInput } from '../worker/errors.ts'
import { loadSubgraph, type ManifestOverrides, type Subgraph } from './manifest.ts'

/** Where the compiled subgraph lies. */
const BUILD = fileURLToPath(new URL('../subgraph/build/', import.meta.url))

/** A subgraph, the chain it is indexed from and the name it is asked for by. */
export interface PlannedDeployment {
  readonly name: string
  readonly subgraph: Subgraph
  /** May carry a credential. */
  readonly rpcUrl: string
}

/** What the configuration says of the chains. */
export interface ChainSettings {
  readonly CHAIN_RPC_URL?: string | undefined
  readonly LOCK_CHAIN_RPC_URL?: string | undefined
  readonly CATALOG_ADDRESS?: string | undefined
  readonly ACCOUNTS_ADDRESS?: string | undefined
  readonly UNLOCK_ADDRESS?: string | undefined
  readonly INDEXER_START_BLOCK?: number | undefined
}

/**
 * One deployment `refrain` where clips and locks live on one chain; `refrain-clips` and `refrain-locks` where they live on two.
 *
 * @throws InvalidInput when no chain is configured, or the compiled subgraph is missing or not supported
 */
export async function planDeployments(settings: ChainSettings): Promise<PlannedDeployment[]> {
  const clipUrl = settings.CHAIN_RPC_URL
  if (!clipUrl || clipUrl === 'off') {
    throw new InvalidInput('the indexer needs a chain: set CHAIN_RPC_URL to its JSON-RPC address')
  }
  const lockUrl = settings.LOCK_CHAIN_RPC_URL ?? clipUrl
  const overrides = overridesOf(settings)
  const load = async (name: string, file: string, rpcUrl: string): Promise<PlannedDeployment> => ({
    name,
    subgraph: await loadSubgraph(BUILD, file, overrides),
    rpcUrl,
  })
  if (lockUrl === clipUrl) return [await load('refrain', 'subgraph.yaml', clipUrl)]
  return [
    await load('refrain-clips', 'subgraph.clips.yaml', clipUrl),
    await load('refrain-locks', 'subgraph.locks.yaml', lockUrl),
  ]
}

function overridesOf(settings: ChainSettings): ManifestOverrides {
  const addresses: Record<string, string> = {}
  const { CATALOG_ADDRESS, ACCOUNTS_ADDRESS, UNLOCK_ADDRESS, INDEXER_START_BLOCK } = settings
  if (CATALOG_ADDRESS) addresses.Catalog = CATALOG_ADDRESS
  if (ACCOUNTS_ADDRESS) addresses.Accounts = ACCOUNTS_ADDRESS
  if (UNLOCK_ADDRESS) addresses.Unlock = UNLOCK_ADDRESS
  return { addresses, ...(INDEXER_START_BLOCK ? { startBlock: INDEXER_START_BLOCK } : {}) }
}
