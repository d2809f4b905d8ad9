/** Indexes the build in a folder, as `indexer/main.ts` does the committed one: `node embedded-process.ts FOLDER DATABASE_URL RPC_URL PORT`. */

import { runIndexer } from '../../indexer/indexer.ts'
import { loadSubgraph } from '../../indexer/manifest.ts'
import { startQueryServer } from '../../indexer/query/server.ts'
import { createIndexerTables } from '../../indexer/store/open-deployment.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'

const [folder, databaseUrl, rpcUrl, port] = process.argv.slice(2)
const log = createLog('info')
const client = openClient(databaseUrl, { name: 'refrain indexer', maxConnections: 10 })
await createIndexerTables(client)
const stopping = new AbortController()
const server = await startQueryServer({ client, host: '127.0.0.1', port: Number(port), log })
const subgraph = await loadSubgraph(folder, 'subgraph.yaml', {})
const indexing = runIndexer({ client, name: 'refrain', subgraph, rpcUrl, log, signal: stopping.signal })
process.once('SIGTERM', async () => {
  stopping.abort(new Error('the process stops'))
  await indexing
  await server.close()
  await client.close()
})
