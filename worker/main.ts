import { startCallbacks } from './callbacks/callbacks.ts'
import { openClient } from './db/client.ts'
import { migrate } from './db/migrate.ts'
import { openArtifactStore } from './engine/artifacts.ts'
import { syncPipelines } from './engine/tasks.ts'
import { startWorker } from './engine/worker.ts'
import { findFfmpeg } from './media/ffmpeg/find.ts'
import { pipelines } from './pipelines/index.ts'
import { artifactsFolder, requireDatabaseUrl, runProcess } from './process.ts'
import { openProviders } from './providers/index.ts'

/** The worker process: takes tasks until it is told to stop. */
await runProcess('worker', async (config, log) => {
  const url = requireDatabaseUrl(config)
  await migrate(url)
  const ffmpeg = await findFfmpeg()
  if (ffmpeg.isLegacy) {
    log.warn(
      'only the ffmpeg of 2018 that npm ships was found: install a newer one or set FFMPEG_PATH for faster encodes',
    )
  }
  const light = config.WORKER_QUEUES.includes('light') ? config.LIGHT_CONCURRENCY : 0
  const client = openClient(url, {
    // The worker tells listeners outside its transactions: NOTIFY inside them makes commits queue up.
    settings: { 'engine.notify': 'off' },
    maxConnections:
      Math.min(light, 12) +
      Math.min(config.LOOKUP_CONCURRENCY, 4) +
      config.HEAVY_CONCURRENCY +
      config.ENCODE_CONCURRENCY +
      6,
    name: 'refrain worker',
  })
  await syncPipelines(client.pool, pipelines, {
    attempts: config.MAX_JOB_RETRIES,
    timeoutSeconds: Math.ceil(config.JOB_TIMEOUT_MS / 1000),
  })
  const worker = await startWorker({
    client,
    pipelines,
    config,
    providers: openProviders(config.environment),
    artifacts: openArtifactStore(artifactsFolder(config)),
    log,
  })
  const callbacks = startCallbacks({ client, config, log })
  return {
    done: worker.done,
    async stop() {
      await Promise.all([worker.stop(), callbacks.stop()])
      await client.close()
    },
  }
})
