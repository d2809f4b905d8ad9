import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Blocked, InvalidInput } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type Account, canEnter, chooseAccount } from './account.ts'

/** Where one server keeps everything: normally the data directory itself. */
export type Home = {
  readonly directory: string
  /** PostgreSQL's own data directory. */
  readonly cluster: string
  readonly passwordFile: string
  readonly portFile: string
  /** From where the server was started last. */
  readonly hostFile: string
  readonly logFile: string
  /** Held exclusively while a supervisor starts or stops the server. */
  readonly startLock: string
  /** Held shared by every supervisor while it uses the server. */
  readonly supervisorsLock: string
  /** Whom initdb and postgres run as; undefined for this process's own user. */
  readonly account: Account | undefined
}

/**
 * Decides where the server lives and whom it runs as.
 *
 * That is the data directory, unless this process is root and the user that PostgreSQL must run as cannot enter it (as
 * under a home directory of mode 0700). Then it is a folder in `sharedDirectory`, and a file `location` in the data
 * directory says so from then on.
 *
 * @throws Blocked when an existing cluster cannot be reached, or a directory cannot be made
 */
export async function findHome(dataDirectory: string, sharedDirectory: string, log: Log): Promise<Home> {
  if (/[\n\r\0]/.test(dataDirectory))
    throw new InvalidInput('The data directory must not have a line break in its path.')
  await makeDirectory(resolve(dataDirectory))
  const absolute = await realpath(dataDirectory)
  const pointer = join(absolute, 'location')
  const elsewhere = (await readFile(pointer, 'utf8').catch(() => '')).trim()
  if (elsewhere) {
    await makeDirectory(elsewhere)
    return homeIn(elsewhere, await chooseAccount(join(elsewhere, 'cluster')))
  }
  const cluster = join(absolute, 'cluster')
  const account = await chooseAccount(cluster)
  if (await canEnter(account, absolute)) return homeIn(absolute, account)
  if (await lstat(cluster).catch(() => undefined)) {
    throw new Blocked(
      `PostgreSQL must run as ${account?.name}, who may not enter ${absolute}. ` +
        'Give every directory on that path the x permission for others (chmod o+x).',
    )
  }
  return moveOut(absolute, sharedDirectory, pointer, account, log)
}

async function moveOut(
  dataDirectory: string,
  sharedDirectory: string,
  pointer: string,
  account: Account | undefined,
  log: Log,
): Promise<Home> {
  const directory = join(sharedDirectory, createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16))
  await makeDirectory(sharedDirectory)
  await makeDirectory(directory)
  if (!(await canEnter(account, directory))) {
    throw new Blocked(
      `PostgreSQL must run as ${account?.name}, who may enter neither ${dataDirectory} nor ${directory}. ` +
        'Use a data directory that this user may enter.',
    )
  }
  // Renamed into place, so that nobody reads half a path.
  const unfinished = `${pointer}.${process.pid}.new`
  await writeFile(unfinished, `${directory}\n`)
  await rename(unfinished, pointer)
  log.info(`${dataDirectory} cannot be entered by ${account?.name}; the database is kept in ${directory}`)
  return homeIn(directory, account)
}

function homeIn(directory: string, account: Account | undefined): Home {
  const within = (name: string) => join(directory, name)
  return {
    directory,
    cluster: within('cluster'),
    passwordFile: within('password'),
    portFile: within('port'),
    hostFile: within('host'),
    logFile: within('postgres.log'),
    startLock: within('start.lock'),
    supervisorsLock: within('supervisors.lock'),
    account,
  }
}

/** Makes a directory that is private to us, except that root lets the server's user pass through. */
async function makeDirectory(directory: string): Promise<void> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700
  try {
    const made = await mkdir(directory, { recursive: true, mode })
    // The umask of a careful root (077) would shut the server's user out again.
    if (made) await chmod(directory, mode)
  } catch (cause) {
    throw new Blocked(`The directory ${directory} cannot be made. Check that its parent is writable.`, { cause })
  }
}
