import type { Chains } from '../worker/chain/contract.ts'
import type { Config } from '../worker/config.ts'
import type { Client } from '../worker/db/client.ts'
import type { Pipeline } from '../worker/engine/define.ts'
import type { Log } from '../worker/log.ts'
import type { Catalogue } from '../worker/providers/catalogue/contract.ts'
import type { CatalogReader, CatalogSources } from './catalog.ts'
import type { CatalogFeed } from './catalog-feed.ts'
import type { Hub } from './hub.ts'
import type { Loaders } from './loaders.ts'

/** What the process has once. */
export interface Services {
  readonly config: Config
  readonly client: Client
  readonly pipelines: readonly Pipeline[]
  readonly log: Log
  readonly hub: Hub
  /** Looks songs up in an outside catalogue; null when none is configured. */
  readonly catalogue: Catalogue | null
  /** The subgraphs of the catalog on chain; null when no chain is configured. */
  readonly catalogSources: CatalogSources | null
  readonly catalogFeed: CatalogFeed
  /** Where the heads of the chains are; null when no chain is configured. */
  readonly chains: Chains | null
  /** How clients reach the server, without a trailing slash. */
  readonly publicUrl: string
}

/** What every resolver receives. */
export interface ApiContext extends Services {
  readonly loaders: Loaders
  /** The catalog as it is during this request. */
  readonly catalog: CatalogReader
  /** Whether the caller may change anything: always, unless a token is configured. */
  readonly isAuthorized: boolean
}
