import { type ChildProcess, fork } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../worker/config.ts'
import { migrate } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import type { Log } from '../worker/log.ts'

const RESTART_DELAY_MS = 1_000
const STOP_PATIENCE_MS = 20_000

export interface Services {
  /** Where the API answers. */
  readonly apiUrl: string
  readonly databaseUrl: string
  /** Rejects when a service cannot be started, or keeps ending. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/**
 * Starts all that Refrain is: the database (the embedded one unless `DATABASE_URL` names another), the API and a worker, each
 * in a process of its own. A process that ends by itself is started again.
 *
 * @param options.logFolder writes the services' logs to files there instead of standard error
 */
export async function startServices(options: { config: Config; log: Log; logFolder?: string }): Promise<Services> {
  const { config, log, logFolder } = options
  await mkdir(config.REFRAIN_DATA_DIR, { recursive: true })
  const postgres = config.DATABASE_URL
    ? null
    : await startPostgres({ dataDirectory: join(config.REFRAIN_DATA_DIR, 'postgres'), log })
  const databaseUrl = config.DATABASE_URL ?? postgres?.url ?? ''
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const services: Service[] = []
  const stop = async () => {
    await Promise.all(services.map((service) => service.stop()))
    await postgres?.stop()
  }
  try {
    await migrate(databaseUrl)
    const environment = { ...process.env, DATABASE_URL: databaseUrl, REFRAIN_DATA_DIR: config.REFRAIN_DATA_DIR }
    const start = async (name: string, module: string) => {
      const service = superviseProcess({
        name,
        module: new URL(module, import.meta.url),
        environment,
        log,
        logFolder,
        onFailed: failure.reject,
      })
      services.push(service)
      return await Promise.race([service.ready, failure.promise])
    }
    const [{ url }] = await Promise.all([start('api', '../api/main.ts'), start('worker', '../worker/main.ts')])
    return { apiUrl: url ?? '', databaseUrl, failed: failure.promise, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Ready {
  readonly url?: string
}

interface Service {
  readonly ready: Promise<Ready>
  stop(): Promise<void>
}

function superviseProcess(options: {
  name: string
  module: URL
  environment: NodeJS.ProcessEnv
  log: Log
  logFolder: string | undefined
  onFailed: (error: Error) => void
}): Service {
  const { name, module, environment, log, logFolder, onFailed } = options
  const ready = Promise.withResolvers<Ready>()
  let isReady = false
  let isStopping = false
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()

  async function launch(): Promise<void> {
    const file = logFolder ? await openLog(logFolder, name) : null
    // Detached: a Ctrl-C in the terminal reaches this process only, which then stops the others in order. A child whose parent
    // is gone notices by the closed channel.
    child = fork(module, { env: environment, detached: true, stdio: ['ignore', file?.fd ?? 2, file?.fd ?? 2, 'ipc'] })
    child.on('message', (message: { kind?: string; url?: string }) => {
      if (message.kind !== 'ready') return
      isReady = true
      ready.resolve(message.url ? { url: message.url } : {})
    })
    ended = new Promise((resolve) => {
      child?.once('exit', (code, signal) => {
        void file?.close()
        resolve()
        if (isStopping) return
        if (!isReady) {
          onFailed(
            new Error(
              `the ${name} process did not start (exit code ${code ?? signal})${logFolder ? `: see ${join(logFolder, `${name}.log`)}` : ''}`,
            ),
          )
          return
        }
        log.error(`the ${name} process ended by itself and is started again`, { code, signal })
        setTimeout(() => !isStopping && void launch().catch(onFailed), RESTART_DELAY_MS)
      })
    })
  }

  launch().catch(onFailed)
  return {
    ready: ready.promise,
    async stop() {
      isStopping = true
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.send('stop', () => {})
      const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_PATIENCE_MS)
      await ended
      clearTimeout(timer)
    },
  }
}

async function openLog(folder: string, name: string) {
  await mkdir(folder, { recursive: true })
  return await open(join(folder, `${name}.log`), 'a')
}
