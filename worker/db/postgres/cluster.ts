import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Blocked } from '../../errors.ts'
import { spawnIdentity } from './account.ts'
import type { Binaries } from './binaries.ts'
import { PostgresFailed } from './failure.ts'
import type { Home } from './home.ts'
import { initdbArgs } from './settings.ts'

/**
 * Makes the cluster unless there is one, and returns the superuser's password. Hold the start lock.
 *
 * initdb works in a sibling that is renamed when complete, so a cluster that exists is whole.
 *
 * @throws Blocked when the cluster is of another major version, or its password is gone
 */
export async function ensureCluster(home: Home, binaries: Binaries, signal: AbortSignal | undefined): Promise<string> {
  const version = await readFile(join(home.cluster, 'PG_VERSION'), 'utf8').catch(unlessMissing)
  if (version === undefined) return initialize(home, binaries, signal)
  checkVersion(version.trim(), binaries.majorVersion, home.cluster)
  const password = (await readFile(home.passwordFile, 'utf8').catch(unlessMissing))?.trim()
  if (password) return password
  throw new Blocked(
    `${home.cluster} holds a database, but its password file ${home.passwordFile} is missing. ` +
      'Put the file back, or move the directory away to start with an empty database.',
  )
}

function checkVersion(found: string, expected: string, cluster: string): void {
  if (found === expected) return
  throw new Blocked(
    `${cluster} was written by PostgreSQL ${found}, and this Refrain carries PostgreSQL ${expected}. ` +
      (Number(found) > Number(expected)
        ? 'Use the newer Refrain that wrote it. '
        : `Start the Refrain that wrote it and dump its database with pg_dump ${found}. `) +
      'To go on here, move the directory away, start again with an empty database, and load a dump into it.',
    { details: { found, expected } },
  )
}

async function initialize(home: Home, binaries: Binaries, signal: AbortSignal | undefined): Promise<string> {
  await removeUnfinished(home)
  const name = randomBytes(6).toString('hex')
  const unfinished = join(home.directory, `cluster.${name}.new`)
  const passwordCopy = join(home.directory, `password.${name}.new`)
  const password = randomBytes(24).toString('hex')
  try {
    await mkdir(unfinished, { mode: 0o700 })
    await writeFile(passwordCopy, password, { mode: 0o600 })
    if (home.account) {
      await chown(unfinished, home.account.uid, home.account.gid)
      await chown(passwordCopy, home.account.uid, home.account.gid)
    }
    await runInitdb(home, binaries, initdbArgs(unfinished, passwordCopy), signal)
    await rm(home.passwordFile, { force: true })
    await writeFile(home.passwordFile, `${password}\n`, { mode: 0o600, flush: true })
    await rename(unfinished, home.cluster)
    await syncDirectory(home.directory)
    return password
  } finally {
    await rm(passwordCopy, { force: true })
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function runInitdb(
  home: Home,
  binaries: Binaries,
  args: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  // In a process group of its own: an abort must also reach the postgres that initdb starts, Ctrl-C must reach neither.
  const child = spawn(binaries.initdb, args, {
    ...spawnIdentity(home.account),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const abort = () => child.pid && killGroup(child.pid)
  signal?.addEventListener('abort', abort)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (output = (output + data).slice(-10_000)))
  try {
    const [code] = await once(child, 'close')
    signal?.throwIfAborted()
    if (code !== 0) throw new PostgresFailed('Making a database', home.directory, output)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** A supervisor killed during initdb leaves these behind; its initdb may even be writing still, under its own name. */
async function removeUnfinished(home: Home): Promise<void> {
  for (const name of await readdir(home.directory)) {
    if (!/^(cluster|password)\.[0-9a-f]{12}\.new$/.test(name)) continue
    await rm(join(home.directory, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  // Renaming puts a whole cluster here; anything without PG_VERSION is not ours to delete.
  const rest = await readdir(home.cluster).catch(unlessMissing)
  if (rest && rest.length > 0) {
    throw new Blocked(
      `${home.cluster} holds ${rest.length} files but no PG_VERSION, so it is no database. Move it away and start again.`,
    )
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw new Blocked(`The data directory cannot be read: ${error.message}`, { cause: error })
}
