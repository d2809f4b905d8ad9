import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Blocked } from '../../errors.ts'

/** Whom the server runs as. PostgreSQL refuses to run as root, so root hands it to an ordinary user. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number }

const run = promisify(execFile)

/**
 * The user that initdb and postgres are spawned as: `undefined` (this process's own) unless this process is root.
 * Root takes the owner of an existing cluster, else `postgres`, else `nobody`.
 *
 * @throws Blocked when the cluster belongs to somebody this process cannot act for, or root finds nobody to hand it to
 */
export async function chooseAccount(clusterDirectory: string): Promise<Account | undefined> {
  const ownUid = process.getuid?.()
  if (ownUid === undefined) return undefined
  const owner = await stat(clusterDirectory).catch(() => undefined)
  if (ownUid !== 0) {
    if (owner && owner.uid !== ownUid) {
      throw new Blocked(
        `The database in ${clusterDirectory} belongs to user id ${owner.uid}, and this process runs as ${ownUid}. ` +
          'Start it as that user (or as root), or give the directory to this user with chown -R.',
      )
    }
    return undefined
  }
  if (owner && owner.uid !== 0) return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid }
  return findAccount(await readFile('/etc/passwd', 'utf8').catch(() => ''))
}

/** Picks `postgres`, else `nobody`, from the text of a passwd file. */
export function findAccount(passwd: string): Account {
  const rows = passwd.split('\n').map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const row = rows.find(([name]) => name === wanted)
    const [uid, gid] = [Number(row?.[2]), Number(row?.[3])]
    if (row && uid > 0 && gid > 0) return { name: wanted, uid, gid }
  }
  throw new Blocked(
    'PostgreSQL does not run as root, and /etc/passwd lists neither "postgres" nor "nobody" to run it as. ' +
      'Start Refrain as an ordinary user, or add a user named postgres.',
  )
}

/** Whether that user may enter the directory, found out by entering it: modes alone say nothing about ACLs. */
export async function canEnter(account: Account | undefined, directory: string): Promise<boolean> {
  if (!account) return true
  try {
    await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: {},
    })
    return true
  } catch {
    return false
  }
}

/** The part of spawn's options that makes a child run as that user, outside our directory and environment. */
export function spawnIdentity(account: Account | undefined) {
  // LC_ALL keeps messages in English, which `explain` reads; a clean environment keeps secrets and PG* variables out.
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '/usr/bin:/bin' }
  return account ? { env, cwd: '/', uid: account.uid, gid: account.gid } : { env, cwd: '/' }
}
