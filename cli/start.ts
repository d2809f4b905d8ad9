import { readConfig } from '../worker/config.ts'
import { createLog } from '../worker/log.ts'
import { startServices } from './services.ts'

/** `npm start`: everything, until Ctrl-C. */
try {
  const config = readConfig()
  const log = createLog(config.LOG_LEVEL).with({ process: 'start' })
  const told = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  const services = await startServices({ config, log })
  process.stdout.write(`Refrain is ready: ${services.apiUrl}/graphql\nPress Ctrl-C to stop.\n`)
  const failure = await Promise.race([told, services.failed.catch((error: Error) => error)])
  await services.stop()
  if (failure) throw failure
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
