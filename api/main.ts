import { readConfig } from '../worker/config.ts'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { openArtifactStore } from '../worker/engine/artifacts.ts'
import { createLog } from '../worker/log.ts'
import { pipelines } from '../worker/pipelines/index.ts'
import { artifactsFolder, requireDatabaseUrl, untilStopped } from '../worker/process.ts'
import { openProviders } from '../worker/providers/index.ts'
import { startApi } from './server.ts'

/** The API process: serves until it is told to stop. */
const config = readConfig()
const log = createLog(config.LOG_LEVEL).with({ process: 'api' })
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
process.send?.({ kind: 'ready', url: api.url })
await untilStopped(new Promise<never>(() => {}), log, async () => {
  await api.close()
  await client.close()
})
