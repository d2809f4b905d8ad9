import { readFile, readlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { Blocked } from '../../errors.ts'
import type { Home } from './home.ts'
import { tryLock } from './lock.ts'

/**
 * Refuses a data directory that supervisors elsewhere are using, as when two containers share a volume.
 *
 * Neither sees the other's processes, so PostgreSQL would take the pid file for stale and both servers would write to
 * the same files. The lock on the directory is seen by both. Hold the start lock.
 */
export async function refuseForeignSupervisors(home: Home): Promise<void> {
  const free = tryLock(home.supervisorsLock, 'exclusive')
  free?.release()
  if (free) return
  const user = (await readFile(home.hostFile, 'utf8').catch(() => '')).trim()
  if (!user || user === (await thisHost())) return
  throw new Blocked(
    `The database in ${home.directory} is in use from another machine or container (${user}). ` +
      'Stop Refrain there first, or give this one a data directory of its own.',
    { details: { host: user } },
  )
}

/** Writes down from where the server is being started. */
export async function recordHost(home: Home): Promise<void> {
  await writeFile(home.hostFile, `${await thisHost()}\n`)
}

/** What tells apart the places whose processes do not see each other. */
async function thisHost(): Promise<string> {
  return `${hostname()} ${await readlink('/proc/self/ns/pid').catch(() => '')}`.trim()
}
