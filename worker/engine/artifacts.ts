import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'

/** A folder of immutable files, each under the SHA-256 of its bytes. */
export interface ArtifactStore {
  /** Where a file with this hash lies, whether it is there or not. */
  pathOf(sha256: string): string
  has(sha256: string): Promise<boolean>
  /** A fresh path on the store's own file system, for writing to before `adopt`. */
  temporaryPath(): Promise<string>
  /** Moves a finished file into place under its hash. Harmless when the content is there already. */
  adopt(temporaryPath: string, sha256: string): Promise<void>
  /** Hashes a file anywhere and moves it into the store. */
  keep(path: string, signal?: AbortSignal): Promise<{ readonly sha256: string; readonly sizeBytes: number }>
  /** Removes files older than `olderThanMs` that no row of `artifacts` knows, and abandoned temporary files. Returns how many. */
  sweep(pool: pg.Pool, olderThanMs: number): Promise<number>
}

const TEMPORARY = 'incoming'

/** Opens a store in a folder, which is made when missing. */
export function openArtifactStore(folder: string): ArtifactStore {
  const pathOf = (sha256: string) => {
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new RangeError(`expected a SHA-256 in hexadecimal, got ${JSON.stringify(sha256)}`)
    return join(folder, sha256.slice(0, 2), sha256)
  }
  const has = async (sha256: string) => (await stat(pathOf(sha256)).catch(() => null))?.isFile() ?? false

  /** Makes a file that is there already as young as a new one, or a sweep could take it before its row is written. */
  async function renew(sha256: string): Promise<boolean> {
    const now = new Date()
    return await utimes(pathOf(sha256), now, now).then(
      () => true,
      () => false,
    )
  }

  async function temporaryPath(): Promise<string> {
    await mkdir(join(folder, TEMPORARY), { recursive: true, mode: 0o700 })
    return join(folder, TEMPORARY, randomUUID())
  }

  async function adopt(from: string, sha256: string): Promise<void> {
    const to = pathOf(sha256)
    if (await renew(sha256)) return await rm(from, { force: true })
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    await syncFile(from)
    await rename(from, to)
  }

  async function keep(path: string, signal?: AbortSignal) {
    const { sha256, sizeBytes } = await hashFile(path, signal)
    if (await renew(sha256)) await rm(path, { force: true })
    else await moveIn(path, sha256)
    return { sha256, sizeBytes }
  }

  async function moveIn(path: string, sha256: string): Promise<void> {
    const temporary = await temporaryPath()
    try {
      await rename(path, temporary)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
      try {
        await copyFile(path, temporary)
      } catch (copyError) {
        await rm(temporary, { force: true })
        throw copyError
      }
      await rm(path, { force: true })
    }
    await adopt(temporary, sha256)
  }

  async function sweep(pool: pg.Pool, olderThanMs: number): Promise<number> {
    let removed = 0
    for (const shelf of await readdir(folder).catch(() => [])) {
      const names = await readdir(join(folder, shelf)).catch(() => [])
      const known = shelf === TEMPORARY ? new Set<string>() : await knownHashes(pool, names)
      for (const name of names) {
        const path = join(folder, shelf, name)
        const found = await stat(path).catch(() => null)
        if (!found || known.has(name) || Date.now() - found.mtimeMs < olderThanMs) continue
        await rm(path, { force: true })
        removed++
      }
    }
    return removed
  }

  return { pathOf, has, temporaryPath, adopt, keep, sweep }
}

/** SHA-256 and size of a file, read as a stream. */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  await pipeline(
    createReadStream(path),
    async (chunks) => {
      for await (const chunk of chunks as AsyncIterable<Buffer>) {
        hash.update(chunk)
        sizeBytes += chunk.length
      }
    },
    { signal },
  )
  return { sha256: hash.digest('hex'), sizeBytes }
}

async function knownHashes(pool: pg.Pool, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ sha256: string }>('select sha256 from artifacts where sha256 = any($1)', [names])
  return new Set(rows.map((row) => row.sha256))
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
