import type { Config } from '../worker/config.ts'
import type { Client } from '../worker/db/client.ts'
import type { Pipeline } from '../worker/engine/define.ts'
import type { Log } from '../worker/log.ts'
import type { Catalogue } from '../worker/providers/catalogue/contract.ts'
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
  /** How clients reach the server, without a trailing slash. */
  readonly publicUrl: string
}

/** What every resolver receives. */
export interface ApiContext extends Services {
  readonly loaders: Loaders
  /** Whether the caller may change anything: always, unless a token is configured. */
  readonly isAuthorized: boolean
}
