import { type ChildProcess, fork } from 'node:child_process'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Blocked } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'
import { type ProcessMessage, STOP_MARGIN_MS } from '../worker/process.ts'

const RESTART_DELAY_MS = 1_000
/** As many starts in a row may fail before the process is given up: a database needs a while to come back. */
const RESTARTS = 10
/** A process that hangs ends itself first; this is for one that cannot even do that. */
const KILL_MARGIN_MS = 2_000

export interface Service {
  /** Resolves at the first successful start. */
  readonly ready: Promise<{ readonly url?: string }>
  stop(): Promise<void>
}

/**
 * Keeps one process running: it is started again a second after it has ended by itself.
 *
 * @param options.environment asked before every start
 * @param options.stopPatienceMs what the process may take to finish its work; some seconds later it is killed
 * @param options.onFailed told when the first start fails, or too many later ones in a row
 */
export function superviseProcess(options: {
  name: string
  module: URL
  environment: () => Promise<NodeJS.ProcessEnv>
  stopPatienceMs: number
  log: Log
  logFolder: string | undefined
  onFailed: (error: Error) => void
}): Service {
  const { name, module, log, logFolder, onFailed } = options
  const ready = Promise.withResolvers<{ readonly url?: string }>()
  let isStopping = false
  let hasBeenReady = false
  let failures = 0
  let port: string | null = null
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | undefined
  let launching = launch()
  let ended: Promise<void> = Promise.resolve()

  async function launch(): Promise<void> {
    const environment = await options.environment()
    const file = logFolder ? await openLog(logFolder, name) : null
    try {
      if (isStopping) return
      const output = file?.fd ?? 2
      // Detached: a Ctrl-C in the terminal reaches this process only, which then stops the others in order. A child whose
      // parent is gone notices by the closed channel.
      child = fork(module, {
        env: port === null ? environment : { ...environment, PORT: port },
        detached: true,
        stdio: ['ignore', output, output, 'ipc'],
      })
      ended = follow(child, environment.PORT === '0' && !environment.PUBLIC_URL)
    } finally {
      await file?.close()
    }
  }

  /** Resolves when the process has ended. */
  function follow(started: ChildProcess, keepsPort: boolean): Promise<void> {
    let reason: string | null = null
    started.on('message', (message: ProcessMessage) => {
      if (message.kind === 'failed') {
        reason = message.message
        return
      }
      hasBeenReady = true
      failures = 0
      // The free port of the first start stays the same, or clients would lose the server.
      if (keepsPort && message.url) port = new URL(message.url).port
      ready.resolve(message.url ? { url: message.url } : {})
    })
    return new Promise((resolve) => {
      started.once('error', (error) => {
        reason = error.message
        if (started.pid === undefined) end(null)
      })
      started.once('exit', (code, signal) => end(code ?? signal))
      function end(code: number | string | null): void {
        resolve()
        if (!isStopping) goOn(reason, code)
      }
    })
  }

  function goOn(reason: string | null, code: number | string | null): void {
    if (hasBeenReady && failures++ < RESTARTS) {
      log.error(`the ${name} process ended by itself and is started again`, { code, ...(reason ? { reason } : {}) })
      timer = setTimeout(() => {
        launching = launch().catch((error) => goOn(error instanceof Error ? error.message : String(error), null))
      }, RESTART_DELAY_MS)
      return
    }
    const seeLog = logFolder ? `, see ${join(logFolder, `${name}.log`)}` : ''
    onFailed(new Blocked(reason ?? `the ${name} process did not start (exit code ${code})${seeLog}`))
  }

  launching.catch(onFailed)
  return {
    ready: ready.promise,
    async stop() {
      isStopping = true
      clearTimeout(timer)
      await launching.catch(() => {})
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.send('stop', () => {})
      const killer = setTimeout(() => child?.kill('SIGKILL'), options.stopPatienceMs + STOP_MARGIN_MS + KILL_MARGIN_MS)
      await ended
      clearTimeout(killer)
    },
  }
}

async function openLog(folder: string, name: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true })
  return await open(join(folder, `${name}.log`), 'a')
}
