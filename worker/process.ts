import { join } from 'node:path'
import { type Config, readConfig } from './config.ts'
import { AppError, InvalidInput } from './errors.ts'
import { createLog, type Log } from './log.ts'
import { openProviders } from './providers/index.ts'

/** Beyond the grace that running tasks get: what closing connections and removing work files may take. */
export const STOP_MARGIN_MS = 15_000

/** What a process tells the one that started it. */
export type ProcessMessage =
  | { readonly kind: 'ready'; readonly url?: string }
  | { readonly kind: 'failed'; readonly message: string }

/** A process at work. */
export interface RunningProcess {
  /** Where it answers, for processes that listen. */
  readonly url?: string
  /** Settles only when the process cannot go on by itself. */
  readonly done?: Promise<void>
  stop(): Promise<void>
}

/** Where immutable files are kept. */
export function artifactsFolder(config: Pick<Config, 'REFRAIN_DATA_DIR'>): string {
  return join(config.REFRAIN_DATA_DIR, 'artifacts')
}

/** @throws InvalidInput when this process was started alone and without a database */
export function requireDatabaseUrl(config: Pick<Config, 'DATABASE_URL'>): string {
  if (config.DATABASE_URL) return config.DATABASE_URL
  throw new InvalidInput(
    'DATABASE_URL is not set: set it, or run `npm start`, which starts the embedded server and everything else',
  )
}

/**
 * The whole configuration, that of the chosen providers included.
 *
 * @throws InvalidInput that names every fault of both at once
 */
export function readCheckedConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const faults: string[] = []
  const attempt = <Value>(read: () => Value): Value | null => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof InvalidInput) || !Array.isArray(error.details.faults)) throw error
      // A variable that the providers read too is named once.
      const named = faults.map((fault) => fault.slice(0, fault.indexOf(':') + 1))
      faults.push(...error.details.faults.map(String).filter((fault) => !named.some((name) => fault.startsWith(name))))
      return null
    }
  }
  const config = attempt(() => readConfig(environment))
  attempt(() => openProviders(environment))
  if (config && faults.length === 0) return config
  const noun = faults.length === 1 ? 'fault' : 'faults'
  throw new InvalidInput(`the configuration has ${faults.length} ${noun}:\n- ${faults.join('\n- ')}`, {
    details: { faults },
  })
}

/**
 * Runs one of Refrain's processes from start to end: until SIGINT or SIGTERM, until the process that started it says so or goes
 * away, or until its work ends by itself, which is exit code 1 and lets a supervisor start a new one.
 */
export async function runProcess(
  name: string,
  start: (config: Config, log: Log) => Promise<RunningProcess>,
): Promise<void> {
  const told = untilTold()
  let log = createLog('info').with({ process: name })
  let config: Config
  let running: RunningProcess | null
  try {
    config = readCheckedConfig()
    log = createLog(config.LOG_LEVEL).with({ process: name })
    running = await Promise.race([start(config, log), told.then(() => null)])
  } catch (error) {
    return await failToStart(error, log)
  }
  // Told to stop while starting: nothing has been begun that the end of the process does not undo.
  if (!running) process.exit(0)
  process.send?.({ kind: 'ready', ...(running.url ? { url: running.url } : {}) } satisfies ProcessMessage)
  const ended = (running.done ?? new Promise<never>(() => {})).then(
    () => 1,
    (error) => {
      log.error('the process ends because its work failed', { error })
      return 1
    },
  )
  const exitCode = await Promise.race([told.then(() => 0), ended])
  setTimeout(() => {
    log.error('the process did not stop in time and ends as it is')
    process.exit(1)
  }, config.SHUTDOWN_GRACE_MS + STOP_MARGIN_MS).unref()
  await running.stop().catch((error) => log.warn('something did not close well', { error }))
  process.exit(exitCode)
}

/** Resolves when this process is told to stop. A second signal changes nothing. */
function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
    process.on('disconnect', () => resolve())
    process.on('message', (message) => {
      if (message === 'stop') resolve()
    })
  })
}

async function failToStart(error: unknown, log: Log): Promise<never> {
  const message = error instanceof Error ? error.message : String(error)
  // A reason meant for people is told once, by the process that started this one, or here; anything else is logged whole.
  if (!(error instanceof AppError)) log.error('the process could not start', { error })
  if (process.send) await new Promise((resolve) => process.send?.({ kind: 'failed', message }, resolve))
  else process.stderr.write(`${message}\n`)
  process.exit(1)
}
