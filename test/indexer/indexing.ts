import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ContractAddresses } from '../../contracts/addresses.ts'
import { runIndexer } from '../../indexer/indexer.ts'
import { loadSubgraph, type Subgraph } from '../../indexer/manifest.ts'
import { type Deployment, readDeployment } from '../../indexer/store/deployments.ts'
import { qualifiedTable } from '../../indexer/store/layout.ts'
import { createIndexerTables } from '../../indexer/store/open-deployment.ts'
import { parseEntityTypes } from '../../indexer/store/schema.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createLog, type Log } from '../../worker/log.ts'

export const BUILD = fileURLToPath(new URL('../../subgraph/build/', import.meta.url))

/** The project's own subgraph, at the addresses of a test's contracts. */
export const ownSubgraph = (contracts: ContractAddresses, file = 'subgraph.yaml'): Promise<Subgraph> =>
  loadSubgraph(BUILD, file, {
    addresses: { Catalog: contracts.catalog, Accounts: contracts.accounts, Unlock: contracts.unlock },
  })

/** An indexer at work in this process. */
export interface TestIndexer {
  readonly name: string
  /** The row that tells what it does, or null before there is one. */
  deployment(): Promise<Deployment | null>
  /** Waits until the deployment is as wanted. */
  until(isReached: (deployment: Deployment) => boolean, seconds?: number): Promise<Deployment>
  /** Waits until a block is indexed whole. */
  untilBlock(number: number | bigint): Promise<Deployment>
  /** Everything that holds now: by type, then by id. Values as Postgres writes them. */
  entities(atBlock?: number): Promise<Map<string, Map<string, string>>>
  query<Row extends object>(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>
  stop(): Promise<void>
}

export interface TestIndexerOptions {
  readonly databaseUrl: string
  readonly rpcUrl: string
  readonly subgraph: Subgraph
  readonly name?: string
  readonly log?: Log
  readonly reorgBlocks?: number
  readonly batchSize?: number
  readonly cacheCapacity?: number
  readonly rpcTimeoutMs?: number
}

export async function startTestIndexer(options: TestIndexerOptions): Promise<TestIndexer> {
  const { databaseUrl, name = 'test', ...rest } = options
  const client = openClient(databaseUrl, { name: 'refrain indexer' })
  await createIndexerTables(client)
  const stopping = new AbortController()
  const done = runIndexer({
    log: createLog('silent'),
    pollMs: 20,
    ...rest,
    client,
    name,
    signal: stopping.signal,
  })
  const deployment = () => readDeployment(client.pool, name)
  const indexer: TestIndexer = {
    name,
    deployment,
    async until(isReached, seconds = 20) {
      const end = Date.now() + seconds * 1_000
      for (;;) {
        const found = await deployment()
        if (found && isReached(found)) return found
        if (Date.now() > end)
          throw new Error(`not reached after ${seconds} s: ${JSON.stringify({ ...found, schemaText: '' })}`)
        await sleep(10)
      }
    },
    untilBlock: (number) => indexer.until(({ block }) => block !== null && block.number >= Number(number)),
    entities: (atBlock) => readEntities(client, name, atBlock),
    query: <Row extends object>(sql: string, values: unknown[] = []) => client.pool.query<Row>(sql, values),
    async stop() {
      stopping.abort(new Error('the test stops the indexer'))
      await done
      await client.close()
    },
  }
  return indexer
}

/** All entities of a deployment as they hold now, or held at a block; each as one line of text. */
export async function readEntities(
  client: Client,
  name: string,
  atBlock?: number,
): Promise<Map<string, Map<string, string>>> {
  const deployment = await readDeployment(client.pool, name)
  if (!deployment) throw new Error(`no deployment ${name}`)
  const found = new Map<string, Map<string, string>>()
  const held = atBlock === undefined ? 'valid_to = 2147483647' : `valid_from <= ${atBlock} and ${atBlock} < valid_to`
  for (const type of parseEntityTypes(deployment.schemaText).entities.values()) {
    const { rows } = await client.pool.query<{ id: string; row: string }>(
      `select entity.id::text, (to_jsonb(entity) - 'valid_from' - 'valid_to')::text as row
       from ${qualifiedTable(deployment.schema, type)} as entity where ${held}`,
    )
    const entities = new Map(rows.map(({ id, row }) => [id, row]))
    if (entities.size !== rows.length) throw new Error(`${type.name} has two versions of one entity at a time`)
    found.set(type.name, entities)
  }
  return found
}
