import { startCallbacks } from '../../worker/callbacks/callbacks.ts'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'

/** A process that only calls back, for killing. */
const config = readConfig()
startCallbacks({ client: openClient(config.DATABASE_URL ?? ''), config, log: createLog('silent') })
