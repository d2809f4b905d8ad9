import { readConfig } from './config.ts'
import { openClient } from './db/client.ts'
import { migrate } from './db/migrate.ts'
import { openArtifactStore } from './engine/artifacts.ts'
import { syncPipelines } from './engine/tasks.ts'
import { startWorker } from './engine/worker.ts'
import { createLog } from './log.ts'
import { findFfmpeg } from './media/ffmpeg/find.ts'
import { pipelines } from './pipelines/index.ts'
import { openProviders } from './providers/index.ts'
import { artifactsFolder, requireDatabaseUrl, untilStopped } from './process.ts'

/** The worker process: takes tasks until it is told to stop. Exits 1 when it has to give up, so that a supervisor starts a new one. */
const config = readConfig()
const log = createLog(config.LOG_LEVEL).with({ process: 'worker' })
const url = requireDatabaseUrl(config)
await migrate(url)
const ffmpeg = await findFfmpeg()
if (ffmpeg.isLegacy) {
  log.warn('only the ffmpeg of 2018 that npm ships was found: install a newer one or set FFMPEG_PATH for faster encodes')
}
const light = config.WORKER_QUEUES.includes('light') ? config.LIGHT_CONCURRENCY : 0
const client = openClient(url, {
  // The worker tells listeners outside its transactions: NOTIFY inside them makes commits queue up.
  settings: { 'engine.notify': 'off' },
  maxConnections: Math.min(light, 12) + config.HEAVY_CONCURRENCY + config.ENCODE_CONCURRENCY + 6,
  name: 'refrain worker',
})
await syncPipelines(client.pool, pipelines, { attempts: config.MAX_JOB_RETRIES, timeoutSeconds: Math.ceil(config.JOB_TIMEOUT_MS / 1000) })
const worker = await startWorker({
  client,
  pipelines,
  config,
  providers: openProviders(config.environment),
  artifacts: openArtifactStore(artifactsFolder(config)),
  log,
})
process.send?.({ kind: 'ready' })
await untilStopped(worker.done, log, async () => {
  await worker.stop()
  await client.close()
})
