import { setTimeout as sleep } from 'node:timers/promises'
import { type Api, startApi } from '../../api/server.ts'
import type { Subgraph } from '../../indexer/manifest.ts'
import { startQueryServer } from '../../indexer/query/server.ts'
import { type CatalogFollower, startCatalogFollower } from '../../worker/catalog/follow.ts'
import { followedSubgraphs, openSubgraphs } from '../../worker/catalog/subgraphs.ts'
import type { Chain } from '../../worker/chain/contract.ts'
import { readConfig } from '../../worker/config.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { openArtifactStore } from '../../worker/engine/artifacts.ts'
import type { Pipeline } from '../../worker/engine/define.ts'
import { createLog } from '../../worker/log.ts'
import { ownSubgraph, startTestIndexer } from '../indexer/indexing.ts'
import { localChain } from '../providers/local-chain.ts'
import type { TestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { type Answer, testPipelines } from './test-api.ts'

/** A chain that is indexed and followed, and an API that serves the catalog of it. */
export interface CatalogWorld extends Api {
  readonly client: Client
  readonly log: readonly string[]
  readonly subgraphUrl: string
  request(query: string, variables?: Record<string, unknown>): Promise<Answer>
  /** The data of a request once everything that is on chain has been indexed and followed. @throws when the answer has errors */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  query(query: string, variables?: Record<string, unknown>): Promise<any>
  /** Waits until everything that is on chain has been indexed and followed. */
  caughtUp(): Promise<void>
  /** Stops indexing; what is indexed can still be asked for. */
  stopIndexing(): Promise<void>
  /** Stops what answers queries of the subgraph; the indexing goes on. */
  stopQueries(): Promise<void>
}

export interface CatalogWorldOptions {
  /** A database to share with something else; an own one unless given. */
  readonly databaseUrl?: string
  readonly folder?: string
  readonly pipelines?: readonly Pipeline[]
  /** Where the locks are, when it is another chain; each then has a subgraph of its own. */
  readonly lockChain?: TestChain
  /** Instead of the project's own. */
  readonly subgraph?: Subgraph
  /** Instead of one that knows the node directly. */
  readonly reader?: Chain | undefined
}

export async function startCatalogWorld(chain: TestChain, options: CatalogWorldOptions = {}): Promise<CatalogWorld> {
  const database = options.databaseUrl ? null : await createTestDatabase()
  const databaseUrl = options.databaseUrl ?? (database?.url as string)
  const log: string[] = []
  const logger = createLog('debug', (line) => log.push(line))
  const client = openClient(databaseUrl)
  const server = await startQueryServer({ client, host: '127.0.0.1', port: 0, log: logger })
  const sources = await Promise.all(
    sourcesOf(chain, options).map(async (source) => {
      const { rpcUrl, contracts } = source.chain
      const subgraph = options.subgraph ?? (await ownSubgraph(contracts, source.file))
      const name = `refrain-${source.name}`
      const indexer = await startTestIndexer({ databaseUrl, rpcUrl, subgraph, name })
      return { ...source, indexer, url: `${server.url}/subgraphs/name/${name}` }
    }),
  )
  const [{ url: subgraphUrl }, locks] = sources
  const config = { SUBGRAPH_URL: subgraphUrl, LOCK_SUBGRAPH_URL: locks?.url }
  const catalogSources = openSubgraphs(config)
  if (!catalogSources) throw new Error('expected a subgraph')
  const follower: CatalogFollower = startCatalogFollower({
    client,
    followed: followedSubgraphs(config),
    intervalMs: 20,
    log: logger,
  })
  const reader = options.reader ?? localChain(chain)
  const folder = options.folder ?? '/nowhere'
  const api = await startApi({
    config: readConfig({ PORT: '0', REFRAIN_DATA_DIR: folder, SHUTDOWN_GRACE_MS: '500' }),
    client,
    pipelines: options.pipelines ?? testPipelines,
    artifacts: openArtifactStore(`${folder}/artifacts`),
    log: logger,
    catalogSources,
    chains: { clips: reader, locks: options.lockChain ? localChain(options.lockChain) : reader },
  })
  const once = (stop: () => Promise<void>) => {
    let stopped: Promise<void> | undefined
    return () => (stopped ??= stop())
  }
  const [stopIndexing, stopQueries] = [once(stopIndexers), once(() => server.close())]
  async function stopIndexers() {
    await Promise.all(sources.map(({ indexer }) => indexer.stop()))
  }
  const request = async (query: string, variables = {}): Promise<Answer> => {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    return { ...((await response.json()) as Omit<Answer, 'status'>), status: response.status }
  }
  const caughtUp = async () => {
    const end = Date.now() + 20_000
    for (;;) {
      const { rows } = await client.pool.query<{ source: string; block_hash: string | null }>(
        'select source, block_hash from catalog_positions',
      )
      const isBehind = await Promise.all(
        sources.map(async (source) => {
          const { hash } = await source.chain.client.getBlock()
          return rows.find((row) => row.source === source.name)?.block_hash !== hash
        }),
      )
      if (!isBehind.includes(true)) return
      if (Date.now() > end) throw new Error(`the catalog has not caught up: ${JSON.stringify(rows)}`)
      await sleep(15)
    }
  }
  return {
    ...api,
    client,
    log,
    subgraphUrl,
    request,
    caughtUp,
    stopIndexing,
    stopQueries,
    async query(query, variables) {
      await caughtUp()
      const { data, errors } = await request(query, variables)
      if (errors) throw new Error(JSON.stringify(errors))
      return data
    },
    async close() {
      await follower.stop()
      await api.close()
      await stopIndexing()
      await stopQueries()
      await client.close()
      await database?.drop()
    },
  }
}

/** The subgraphs that the chains need: under which name they are followed, their manifests and their chains. */
function sourcesOf(chain: TestChain, { lockChain }: CatalogWorldOptions) {
  if (!lockChain) return [{ name: 'clips', file: 'subgraph.yaml', chain }]
  return [
    { name: 'clips', file: 'subgraph.clips.yaml', chain },
    { name: 'locks', file: 'subgraph.locks.yaml', chain: lockChain },
  ]
}
