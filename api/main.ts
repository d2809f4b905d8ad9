import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { openArtifactStore } from '../worker/engine/artifacts.ts'
import { pipelines } from '../worker/pipelines/index.ts'
import { artifactsFolder, requireDatabaseUrl, runProcess } from '../worker/process.ts'
import { openProviders } from '../worker/providers/index.ts'
import { startApi } from './server.ts'

/** The API process: serves until it is told to stop. */
await runProcess('api', async (config, log) => {
  const url = requireDatabaseUrl(config)
  await migrate(url)
  const client = openClient(url, { name: 'refrain api' })
  const api = await startApi({
    config,
    client,
    pipelines,
    artifacts: openArtifactStore(artifactsFolder(config)),
    log,
    catalogue: openProviders(config.environment).catalogue,
  })
  return {
    url: api.url,
    async stop() {
      await api.close()
      await client.close()
    },
  }
})
