import { createLog } from '../worker/log.ts'
import { readCheckedConfig } from '../worker/process.ts'
import { startServices } from './services.ts'
import { StoppedByPerson, stopSignal, untilAborted } from './stop-signal.ts'
import { messageOf } from './text.ts'

/** `npm start`: everything, until Ctrl-C. */
try {
  const config = readCheckedConfig()
  const log = createLog(config.LOG_LEVEL).with({ process: 'start' })
  const signal = stopSignal()
  const services = await startServices({ config, log, signal })
  process.stdout.write(`Refrain is ready: ${services.apiUrl}/graphql\nPress Ctrl-C to stop.\n`)
  try {
    await Promise.race([services.failed, untilAborted(signal)])
  } finally {
    await services.stop()
  }
} catch (error) {
  if (!(error instanceof StoppedByPerson)) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
