import { join } from 'node:path'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { openArtifactStore } from '../../worker/engine/artifacts.ts'
import { startWorker } from '../../worker/engine/worker.ts'
import { createLog } from '../../worker/log.ts'
import type { Providers } from '../../worker/providers/index.ts'
import { slow } from './engine-slow.ts'

/** A worker process of the slow pipeline, for killing. Says its worker's id when it is ready. */
const config = readConfig()
const worker = await startWorker({
  client: openClient(config.DATABASE_URL ?? '', { settings: { 'engine.notify': 'off' } }),
  pipelines: [slow],
  config,
  // The slow stage asks nothing of anybody.
  providers: {} as Providers,
  artifacts: openArtifactStore(join(config.REFRAIN_DATA_DIR, 'artifacts')),
  log: createLog('silent'),
})
process.send?.(worker.id)
