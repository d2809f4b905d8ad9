import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { Blocked } from '../../errors.ts'

/** A lock of the operating system on a file. It vanishes with the process, however the process ends. */
export type Lock = { release(): void }

type Kind = 'shared' | 'exclusive'

/**
 * Takes the lock at once or not at all. The file is made when absent and stays, empty, after the release.
 *
 * @throws Blocked when the file cannot be opened, for instance because another user owns it
 */
export function tryLock(path: string, kind: Kind): Lock | undefined {
  const database = open(path)
  try {
    // Node has no flock. An open SQLite transaction holds the same kind of lock (fcntl), has a shared form, and
    // unlike a file with a pid in it needs no guess about whether its owner is alive.
    if (kind === 'exclusive') database.exec('begin exclusive')
    else database.exec('begin; select count(*) from sqlite_schema')
    return { release: () => database.isOpen && database.close() }
  } catch (error) {
    database.close()
    if (isBusy(error)) return undefined
    throw new Blocked(`The lock file ${path} cannot be locked; its disk must support file locks.`, { cause: error })
  }
}

/** Runs `work` while holding the lock exclusively; waits for its turn, at most `timeoutSeconds`. */
export async function withLock<T>(
  path: string,
  options: { readonly timeoutSeconds: number; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + options.timeoutSeconds * 1000
  let lock = tryLock(path, 'exclusive')
  while (!lock) {
    if (performance.now() > deadline) {
      throw new Blocked(
        `Another process has held ${path} for ${options.timeoutSeconds} seconds. Wait for it to finish, or end it.`,
      )
    }
    await delay(20, undefined, { signal: options.signal })
    lock = tryLock(path, 'exclusive')
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw new Blocked(`The lock file ${path} cannot be opened for writing. Check who owns it and its directory.`, {
      cause: error,
    })
  }
}

const sqliteBusy = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
}
