import { type ChildProcess, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Blocked, Conflict } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { spawnIdentity } from './account.ts'
import type { Binaries } from './binaries.ts'
import { PostgresFailed } from './failure.ts'
import type { Home } from './home.ts'
import { recordHost, refuseForeignSupervisors } from './host.ts'
import { limitLogFile, readLogSince } from './log-file.ts'
import { findFreePort, keepPort, readPort } from './port.ts'
import { disownPostmasterFile, isRunning, mayServe, readPostmaster } from './postmaster.ts'
import { postgresArgs, type Settings } from './settings.ts'

export type LaunchOptions = {
  /** A port that must be used, or undefined for the kept one or any free one. */
  readonly port: number | undefined
  readonly settings: Settings
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

const lockedRetryMs = 5000
const portTries = 5

/**
 * Starts postgres on a cluster that nobody serves, and waits until it accepts connections. Hold the start lock.
 *
 * @returns the port
 * @throws Conflict when `port` is taken; PostgresFailed when it ends instead; the signal's reason
 */
export async function launchServer(home: Home, binaries: Binaries, options: LaunchOptions): Promise<number> {
  await refuseForeignSupervisors(home)
  await recordHost(home)
  const deadline = performance.now() + lockedRetryMs
  let takenPorts = 0
  let port = options.port ?? (await readPort(home)) ?? (await findFreePort())
  for (;;) {
    try {
      await launchOnce(home, binaries, port, options)
      await keepPort(home, port)
      return port
    } catch (error) {
      if (!(error instanceof PostgresFailed)) throw error
      if (error.reason === 'locked' && performance.now() < deadline) {
        await delay(200, undefined, { signal: options.signal })
      } else if (error.reason === 'portTaken') {
        if (options.port !== undefined || ++takenPorts === portTries) throw portTaken(port, error)
        const taken = port
        port = await findFreePort()
        options.log.warn(`port ${taken} is in use by another program; PostgreSQL takes ${port}`)
      } else {
        throw error
      }
    }
  }
}

/**
 * Stops the server on this cluster, if any: open transactions are rolled back, clients are disconnected. After 10 s it
 * is ended without a checkpoint, which its next start makes up for.
 */
export async function stopServer(home: Home): Promise<void> {
  const postmaster = await readPostmaster(home.cluster)
  if (!postmaster || !(await mayServe(postmaster.pid, home.cluster))) return
  for (const [signal, seconds] of [
    ['SIGINT', 10],
    ['SIGQUIT', 10],
  ] as const) {
    if (!isRunning(postmaster.pid)) return
    process.kill(postmaster.pid, signal)
    if (await waitForEnd(postmaster.pid, seconds)) return
  }
  throw new Blocked(
    `PostgreSQL (process ${postmaster.pid}) in ${home.cluster} did not end within 20 seconds. ` +
      'Its disk may be hanging; end it with kill -9 if it stays.',
  )
}

async function launchOnce(home: Home, binaries: Binaries, port: number, options: LaunchOptions): Promise<void> {
  options.signal?.throwIfAborted()
  const stale = await readPostmaster(home.cluster)
  if (stale && !(await mayServe(stale.pid, home.cluster))) await disownPostmasterFile(home.cluster)
  await limitLogFile(home.logFile)
  const log = await open(home.logFile, 'a', 0o600)
  try {
    const { size: logStart } = await log.stat()
    const child = spawn(binaries.postgres, postgresArgs(home.cluster, port, options.settings), {
      ...spawnIdentity(home.account),
      // A session of its own: Ctrl-C in the terminal reaches us, and we decide when the server stops. Nothing ties it
      // to us, so that after our sudden death it goes on serving and the next supervisor adopts it.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    let spawnError: Error | undefined
    child.once('error', (error) => (spawnError = error))
    if (await becomesReady(home, child, options)) return child.unref()
    const output = spawnError?.message ?? (await readLogSince(home.logFile, logStart))
    throw new PostgresFailed('Starting PostgreSQL', home.cluster, output)
  } finally {
    await log.close()
  }
}

/** Waits until the server accepts connections (true) or has ended (false). */
async function becomesReady(home: Home, child: ChildProcess, { log, signal }: LaunchOptions): Promise<boolean> {
  const begin = performance.now()
  let announceAfterMs = 5000
  while (child.exitCode === null && child.signalCode === null) {
    const postmaster = await readPostmaster(home.cluster)
    if (postmaster?.pid === child.pid && postmaster?.isReady) return true
    if (signal?.aborted) {
      child.kill('SIGINT')
      if (child.pid) await waitForEnd(child.pid, 10)
      throw signal.reason
    }
    if (performance.now() - begin > announceAfterMs) {
      log.info('PostgreSQL is still starting; after a crash it replays its log first')
      announceAfterMs *= 4
    }
    await delay(10)
  }
  return false
}

async function waitForEnd(pid: number, seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000
  while (isRunning(pid)) {
    if (performance.now() > deadline) return false
    await delay(10)
  }
  return true
}

function portTaken(port: number, cause: PostgresFailed): Conflict {
  return new Conflict(
    `PostgreSQL could not listen on 127.0.0.1:${port}: another program uses that port. End it, or choose another port.`,
    { cause, details: { port } },
  )
}
