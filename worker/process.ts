import { join } from 'node:path'
import type { Config } from './config.ts'
import { InvalidInput } from './errors.ts'
import type { Log } from './log.ts'

/** Where immutable files are kept. */
export function artifactsFolder(config: Pick<Config, 'REFRAIN_DATA_DIR'>): string {
  return join(config.REFRAIN_DATA_DIR, 'artifacts')
}

/** @throws InvalidInput when this process was started alone and without a database */
export function requireDatabaseUrl(config: Pick<Config, 'DATABASE_URL'>): string {
  if (config.DATABASE_URL) return config.DATABASE_URL
  throw new InvalidInput('DATABASE_URL is not set: set it, or run `npm start`, which starts the embedded server and everything else')
}

/**
 * Ends this process in order: on SIGINT or SIGTERM, when the process that started it goes away, or when its work ends by itself
 * (exit code 1 if that failed). A second signal while stopping changes nothing.
 */
export async function untilStopped(done: Promise<void>, log: Log, stop: () => Promise<void>): Promise<void> {
  const told = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve)
    process.on('disconnect', resolve)
    process.on('message', (message) => {
      if (message === 'stop') resolve()
    })
  })
  let failed = false
  await Promise.race([
    told,
    done.catch((error) => {
      failed = true
      log.error('the process ends because its work failed', { error })
    }),
  ])
  await stop()
  process.exit(failed ? 1 : 0)
}
