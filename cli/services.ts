import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../worker/config.ts'
import { migrate } from '../worker/db/migrate.ts'
import { type RunningPostgres, startPostgres } from '../worker/db/postgres/index.ts'
import type { Log } from '../worker/log.ts'
import { untilAborted } from './stop-signal.ts'
import { type Service, superviseProcess } from './supervise.ts'

export interface Services {
  /** Where the API answers. */
  readonly apiUrl: string
  /** Rejects when a process keeps ending. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/**
 * Starts all that Refrain is: the database (the embedded one unless `DATABASE_URL` names another), the API and a worker, each
 * in a process of its own. A process that ends by itself is started again, the database included.
 *
 * @param options.logFolder writes the processes' logs to files there instead of standard error
 * @param options.signal ends the starting, not what has started
 * @throws AppError with what to do when one of them cannot start, and then nothing is left running; the signal's reason
 */
export async function startServices(options: {
  config: Config
  log: Log
  signal: AbortSignal
  logFolder?: string
}): Promise<Services> {
  const { config, log, signal, logFolder } = options
  await mkdir(config.REFRAIN_DATA_DIR, { recursive: true })
  const database = createDatabase(config, log)
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const services: Service[] = []
  const stop = async () => {
    await Promise.all(services.map((service) => service.stop()))
    await database.stop()
  }
  const start = (name: string, module: string) => {
    const service = superviseProcess({
      name,
      module: new URL(module, import.meta.url),
      environment: async () => ({
        ...config.environment,
        DATABASE_URL: await database.ensure(),
        REFRAIN_DATA_DIR: config.REFRAIN_DATA_DIR,
      }),
      stopPatienceMs: config.SHUTDOWN_GRACE_MS,
      log,
      logFolder,
      onFailed: failure.reject,
    })
    services.push(service)
    return service.ready
  }
  const aborted = untilAborted(signal).then(() => Promise.reject(signal.reason))
  aborted.catch(() => {})
  try {
    await migrate(await database.ensure(signal))
    signal.throwIfAborted()
    const ready = Promise.all([start('api', '../api/main.ts'), start('worker', '../worker/main.ts')])
    const [{ url }] = await Promise.race([ready, failure.promise, aborted])
    return { apiUrl: url ?? '', failed: failure.promise, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The database: another's as it is, or the embedded one, which is started, and started again when it has died. */
function createDatabase(config: Config, log: Log) {
  let running: Promise<RunningPostgres> | undefined
  const start = (signal?: AbortSignal) =>
    startPostgres({
      dataDirectory: join(config.REFRAIN_DATA_DIR, 'postgres'),
      log,
      ...(signal ? { signal } : {}),
    })
  async function revive(before: Promise<RunningPostgres>): Promise<RunningPostgres> {
    const postgres = await before
    if (isAlive(postgres.pid)) return postgres
    log.error('PostgreSQL ended by itself and is started again')
    await postgres.stop()
    return await start()
  }
  return {
    async ensure(signal?: AbortSignal): Promise<string> {
      if (config.DATABASE_URL) return config.DATABASE_URL
      running = running ? revive(running) : start(signal)
      return (await running).url
    },
    async stop(): Promise<void> {
      await (await running?.catch(() => undefined))?.stop()
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
