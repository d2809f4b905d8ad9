import { realpath } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Blocked, Conflict } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type Binaries, findBinaryPackage, prepareBinaries } from './binaries.ts'
import { ensureCluster } from './cluster.ts'
import { databaseUrl, greetServer } from './connection.ts'
import { findHome, type Home } from './home.ts'
import { type Lock, tryLock, withLock } from './lock.ts'
import { keepLogFileLimited } from './log-file.ts'
import { mayServe, readPostmaster } from './postmaster.ts'
import { launchServer, stopServer } from './server.ts'
import type { Settings } from './settings.ts'

export type StartPostgresOptions = {
  /** Made when absent. May have spaces and quotes in its path. */
  readonly dataDirectory: string
  /** The port on 127.0.0.1. Without it, a free one is chosen at the first start and kept while it stays free. */
  readonly port?: number
  /** PostgreSQL settings for this start, beyond those in postgresql.conf. */
  readonly settings?: Settings
  /** Where root keeps what the server's user could not reach elsewhere; `/var/lib/refrain` if not given. */
  readonly sharedDirectory?: string
  /** Told what a person should know: where things are kept, a changed port. Never a password. */
  readonly log: Log
  /** Ends the starting, not the started server. */
  readonly signal?: AbortSignal
}

export type RunningPostgres = {
  /** Superuser's URL of the database `refrain`, password included: never log it. */
  readonly url: string
  /** Process id of the postmaster. */
  readonly pid: number
  /** Whether it ran already, started by another supervisor. */
  readonly isAdopted: boolean
  /** PostgreSQL's version, like `18.4`. */
  readonly version: string
  /** Leaves the server; the last supervisor to leave stops it. With `force` it is stopped even if others use it. */
  stop(options?: { readonly force?: boolean }): Promise<void>
}

/**
 * Starts, or adopts, the PostgreSQL that lives in `dataDirectory`, and returns when it accepts connections.
 *
 * The first start makes the cluster. Supervisors of one directory share one server, in whatever processes they are. A
 * server whose supervisor was killed goes on serving; the next supervisor adopts it, and stops it when it leaves last.
 *
 * @throws Conflict when `port` is taken; Blocked with what to do for a full disk, missing permission, a cluster of
 *   another major version; the signal's reason when aborted
 */
export async function startPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  const { dataDirectory, log, signal, sharedDirectory = '/var/lib/refrain' } = options
  signal?.throwIfAborted()
  const home = await findHome(dataDirectory, sharedDirectory, log)
  return withLock(home.startLock, { timeoutSeconds: 120, signal }, async () => {
    const binaries = await prepareBinaries(await findBinaryPackage(), {
      account: home.account,
      copiesDirectory: home.account ? sharedDirectory : home.directory,
      log,
      signal,
    })
    const password = await ensureCluster(home, binaries, signal)
    const adopted = await adopt(home, password, options)
    const running = adopted ?? (await launch(home, binaries, password, options))
    const present = tryLock(home.supervisorsLock, 'shared')
    if (!present) throw new Blocked(`${home.supervisorsLock} is locked by a program that is not Refrain. End it.`)
    return { ...running, isAdopted: adopted !== undefined, stop: leaving(home, present) }
  })
}

type Server = Pick<RunningPostgres, 'url' | 'pid' | 'version'>

async function launch(
  home: Home,
  binaries: Binaries,
  password: string,
  { port, settings = {}, log, signal }: StartPostgresOptions,
): Promise<Server> {
  const usedPort = await launchServer(home, binaries, { port, settings, log, signal })
  try {
    const server = await identify(home, usedPort, password)
    if (server) return server
    throw new Blocked(`PostgreSQL started in ${home.cluster}, but another server answers on port ${usedPort}.`)
  } catch (error) {
    await stopServer(home)
    throw error
  }
}

/** Attaches to a server that runs on this cluster already; undefined when none does. */
async function adopt(home: Home, password: string, options: StartPostgresOptions): Promise<Server | undefined> {
  const deadline = performance.now() + 60_000
  for (;;) {
    options.signal?.throwIfAborted()
    const postmaster = await readPostmaster(home.cluster)
    if (!postmaster || !(await mayServe(postmaster.pid, home.cluster))) return undefined
    const { server, failure } = await tryIdentify(home, postmaster.port, password)
    if (!failure) {
      if (server) warnOfOtherPort(postmaster.port, options)
      return server
    }
    if (failure instanceof Conflict) throw failure
    // Refused while it starts, recovers or shuts down: it will answer or be gone. A recovery takes as long as it takes.
    if (!isRecovering(failure) && performance.now() > deadline) {
      throw new Blocked(
        `A PostgreSQL (process ${postmaster.pid}) serves ${home.cluster} but has not answered on port ` +
          `${postmaster.port} for a minute. Look into ${home.logFile}, or stop that process.`,
        { cause: failure },
      )
    }
    await delay(50, undefined, { signal: options.signal })
  }
}

/**
 * Whether our server answers on that port; undefined when another one does.
 *
 * @throws Conflict when it refuses the password
 */
async function identify(home: Home, port: number, password: string): Promise<Server | undefined> {
  const { cluster, version } = await greetServer(port, password).catch((cause) => {
    if (!isRefusedLogin(cause)) throw cause
    throw new Conflict(
      `The PostgreSQL that serves ${home.cluster} refuses the password in ${home.passwordFile}. ` +
        'If somebody changed the password of the role refrain, put the new one into that file; if the file was ' +
        'changed, put the old one back.',
      { cause },
    )
  })
  const postmaster = await readPostmaster(home.cluster)
  if (!postmaster || (await realpath(cluster)) !== (await realpath(home.cluster))) return undefined
  return { url: databaseUrl(port, password), pid: postmaster.pid, version }
}

async function tryIdentify(
  home: Home,
  port: number,
  password: string,
): Promise<{ server?: Server | undefined; failure?: unknown }> {
  try {
    return { server: await identify(home, port, password) }
  } catch (failure) {
    return { failure }
  }
}

/** SQLSTATE class 28: invalid authorization. */
function isRefusedLogin(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code?.startsWith('28') ?? false)
}

/** SQLSTATE 57P03, cannot_connect_now. */
function isRecovering(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57P03'
}

function warnOfOtherPort(port: number, options: StartPostgresOptions): void {
  if (options.port === undefined || options.port === port) return
  options.log.warn(
    `PostgreSQL runs already, on port ${port}; port ${options.port} will be used after it has been stopped`,
  )
}

function leaving(home: Home, present: Lock): RunningPostgres['stop'] {
  const stopLimiting = keepLogFileLimited(home.logFile)
  let left: Promise<void> | undefined
  async function leave(force: boolean): Promise<void> {
    stopLimiting()
    await withLock(home.startLock, { timeoutSeconds: 120 }, async () => {
      present.release()
      // Whoever is still there holds the lock too; whoever comes next waits for the start lock.
      const alone = tryLock(home.supervisorsLock, 'exclusive')
      alone?.release()
      if (alone || force) await stopServer(home)
    })
  }
  return ({ force = false } = {}) => (force ? leave(true) : (left ??= leave(false)))
}
