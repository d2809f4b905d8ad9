import { openClient } from '../worker/db/client.ts'
import { requireDatabaseUrl, runProcess } from '../worker/process.ts'
import { planDeployments } from './deployments.ts'
import { runIndexer } from './indexer.ts'
import { startQueryServer } from './query/server.ts'
import { createIndexerTables } from './store/open-deployment.ts'

/** The indexer process: follows the chains and answers graph-node's GraphQL until it is told to stop. */
await runProcess('indexer', async (config, log) => {
  const url = requireDatabaseUrl(config)
  const planned = await planDeployments(config)
  // Who asks must not take the connections of who writes.
  const client = openClient(url, { name: 'refrain indexer', maxConnections: 6 })
  const queryClient = openClient(url, { name: 'refrain indexer queries', maxConnections: 6 })
  await createIndexerTables(client)
  const server = await startQueryServer({
    client: queryClient,
    host: '127.0.0.1',
    port: config.INDEXER_PORT,
    log,
    names: planned.map(({ name }) => name),
  })
  const stopping = new AbortController()
  const following = planned.map((deployment) => runIndexer({ ...deployment, client, log, signal: stopping.signal }))
  return {
    url: server.url,
    // A follower goes on by itself whatever happens; when one ends, something is wrong with this process.
    done: Promise.race(following),
    async stop() {
      stopping.abort(new Error('the process stops'))
      await Promise.all(following)
      await server.close()
      await queryClient.close()
      await client.close()
    },
  }
})
