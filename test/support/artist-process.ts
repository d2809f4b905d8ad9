import { join } from 'node:path'
import { openChains } from '../../worker/chain/open.ts'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { openArtifactStore } from '../../worker/engine/artifacts.ts'
import { startWorker } from '../../worker/engine/worker.ts'
import { createLog } from '../../worker/log.ts'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { openProviders } from '../../worker/providers/index.ts'
import { openVault } from '../../worker/vault/open.ts'
import { loadSecretKey } from '../../worker/vault/secret-key.ts'
import { cutOff } from './artist-faults.ts'

/**
 * A worker process of the artist pipeline that kills itself at a point: `KILL_AT` is a contract and `before` or `after` its
 * transaction, as in `wallets:after`. Says its worker's id when it is ready.
 */
const config = readConfig()
const log = createLog('silent')
const client = openClient(config.DATABASE_URL ?? '', { settings: { 'engine.notify': 'off' } })
const chains = openChains({ config, client, log })
if (!chains) throw new Error('this worker needs a chain')
const clips = cutOff(chains.clips, (point) => {
  if (point === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL')
})
const vault = openVault({ client, secretKey: await loadSecretKey(config.REFRAIN_SECRET_KEY, config.REFRAIN_DATA_DIR) })
const worker = await startWorker({
  client,
  pipelines: [artist],
  config,
  providers: openProviders(config.environment, { chains: () => ({ clips, locks: clips }), vault: () => vault }),
  artifacts: openArtifactStore(join(config.REFRAIN_DATA_DIR, 'artifacts')),
  log,
})
process.send?.(worker.id)
