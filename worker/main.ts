import { startCallbacks } from './callbacks/callbacks.ts'
import { startCatalogFollower } from './catalog/follow.ts'
import { followedSubgraphs } from './catalog/subgraphs.ts'
import { type OpenChains, openChains } from './chain/open.ts'
import { openClient } from './db/client.ts'
import { migrate } from './db/migrate.ts'
import { openArtifactStore } from './engine/artifacts.ts'
import { every } from './engine/liveness.ts'
import { syncPipelines } from './engine/tasks.ts'
import { startWorker } from './engine/worker.ts'
import type { Log } from './log.ts'
import { findFfmpeg } from './media/ffmpeg/find.ts'
import { pipelines } from './pipelines/index.ts'
import { artifactsFolder, requireDatabaseUrl, runProcess } from './process.ts'
import { openProviders } from './providers/index.ts'
import { openVault } from './vault/open.ts'
import { loadSecretKey } from './vault/secret-key.ts'

const RECONCILE_INTERVAL_MS = 2_000
/** How soon after a block people hear of it. */
const CATALOG_INTERVAL_MS = 300

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
  const chains = openChains({ config, client, log })
  const vault = openVault({
    client,
    secretKey: await loadSecretKey(config.REFRAIN_SECRET_KEY, config.REFRAIN_DATA_DIR),
  })
  const worker = await startWorker({
    client,
    pipelines,
    config,
    providers: openProviders(config.environment, { ...(chains ? { chains: () => chains } : {}), vault: () => vault }),
    artifacts: openArtifactStore(artifactsFolder(config)),
    log,
  })
  const others = [startCallbacks({ client, config, log })]
  if (chains) others.push(startReconciling(chains, log))
  const followed = followedSubgraphs(config)
  if (followed.length > 0) others.push(startCatalogFollower({ client, followed, intervalMs: CATALOG_INTERVAL_MS, log }))
  return {
    done: worker.done,
    async stop() {
      await Promise.all([worker.stop(), ...others.map((one) => one.stop())])
      await client.close()
    },
  }
})

/** Sends again what a chain has lost, and says once when it cannot. */
function startReconciling(chains: OpenChains, log: Log) {
  const stopping = new AbortController()
  let wasFailing = false
  const stop = every(
    RECONCILE_INTERVAL_MS,
    async () => {
      try {
        await chains.reconcile({ signal: stopping.signal })
        wasFailing = false
      } catch (error) {
        if (!wasFailing && !stopping.signal.aborted) log.warn('the chain could not be looked after', { error })
        wasFailing = true
      }
    },
    log,
  )
  return {
    async stop() {
      stopping.abort(new Error('the worker stops'))
      await stop()
    },
  }
}
