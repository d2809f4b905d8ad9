import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from 'viem'
import { runIndexer } from '../../indexer/indexer.ts'
import { loadSubgraph } from '../../indexer/manifest.ts'
import { startQueryServer } from '../../indexer/query/server.ts'
import { createIndexerTables } from '../../indexer/store/open-deployment.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { copyBuild } from '../conformance/build-copy.ts'
import { ask, type Indexer, reaches } from '../conformance/indexer.ts'
import type { TestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'

/** The committed build, run on a chain of a test's own. */
export interface IndexedChain extends Indexer {
  /** What a query answers once the chain's head is indexed. @throws when the answer has errors */
  query<T>(query: string): Promise<T>
  /** Waits until the chain's head is indexed. */
  catchUp(): Promise<void>
}

export async function indexChain(chain: TestChain, emitters: readonly Address[] = []): Promise<IndexedChain> {
  const folder = await mkdtemp(join(tmpdir(), 'refrain-subgraph-'))
  const { catalog: Catalog, accounts: Accounts, unlock: Unlock } = chain.contracts
  await copyBuild(folder, { Catalog, Accounts, Unlock }, emitters.length > 0 ? emitters : undefined)
  const subgraph = await loadSubgraph(join(folder, 'build'), 'subgraph.yaml', {})
  await rm(folder, { recursive: true })
  const database = await createTestDatabase()
  const client = openClient(database.url, { name: 'indexer test', maxConnections: 5 })
  await createIndexerTables(client)
  const log = createLog('silent')
  const server = await startQueryServer({ client, host: '127.0.0.1', port: 0, log })
  const stopping = new AbortController()
  const { signal } = stopping
  const indexing = runIndexer({ client, name: 'refrain', subgraph, rpcUrl: chain.rpcUrl, log, signal, pollMs: 20 })
  const indexer = { name: 'the embedded indexer', pid: process.pid, url: `${server.url}/subgraphs/name/refrain`, stop }
  async function catchUp(): Promise<void> {
    const { hash } = await chain.client.getBlock()
    await reaches(indexer, hash, 20)
  }
  async function stop(): Promise<void> {
    stopping.abort(new Error('the test is over'))
    await indexing
    await server.close()
    await client.close()
    await database.drop()
  }
  return {
    ...indexer,
    catchUp,
    async query<T>(query: string): Promise<T> {
      await catchUp()
      const { data, errors } = await ask(indexer, query)
      if (errors || !data) throw new Error(JSON.stringify(errors))
      return data as T
    },
  }
}
