import { createReadStream } from 'node:fs'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { InvalidInput, NotFound } from '../../errors.ts'
import { receive } from '../../net/receive.ts'
import { dataFolderVariable, defineProvider } from '../capability.ts'
import { cidOf, sha256Of } from './cid.ts'
import type { Storage } from './contract.ts'
import { assertStorable } from './file.ts'

const SHA256 = /^[0-9a-f]{64}$/

/** Where a file lies in a storage folder: under the hash of its bytes, `ab/ab3f…`. */
export function placeIn(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256)
}

/** A folder on this machine in which each file is found by its content id. */
export function folderStorage(folder: string, url: string): Storage {
  const root = resolve(folder)
  const place = (sha256: string) => placeIn(root, sha256)
  return {
    maxBytes: null,
    async store(file, { signal }) {
      signal.throwIfAborted()
      await assertStorable('embedded storage', file, null)
      if (!SHA256.test(file.sha256))
        throw new InvalidInput(`${file.name}: expected a SHA-256 in hex, got something else`)
      const { sha256, sizeBytes, contentType } = file
      const path = place(sha256)
      if (!(await exists(path))) {
        await mkdir(join(path, '..'), { recursive: true })
        await copy(file.path, path, signal, (actual) => {
          if (actual !== sha256) throw new InvalidInput(`${file.name}: its bytes have another SHA-256 than described`)
        })
      }
      const id = cidOf(sha256)
      return { provider: 'embedded', id, url: `${url.replace(/\/+$/, '')}/${id}`, sizeBytes, contentType, sha256 }
    },
    async retrieve(id, path, { signal }) {
      signal.throwIfAborted()
      const sha256 = sha256Of(id)
      if (sha256 === null || !(await exists(place(sha256))))
        throw new NotFound(`the storage folder has no file ${id.slice(0, 64)}`)
      return copy(place(sha256), path, signal, (actual) => {
        if (actual !== sha256) throw new NotFound(`the storage folder's file ${id} is damaged: store it again`)
      })
    },
  }
}

/** Copies while hashing; the target appears only when whole and after `check` accepted the hash. */
async function copy(from: string, to: string, signal: AbortSignal, check: (sha256: string) => void) {
  const checked = `${to}.${process.pid}.${crypto.randomUUID()}.check`
  try {
    const received = await receive(createReadStream(from), checked, { maxBytes: Infinity, expectedBytes: null, signal })
    check(received.sha256)
    await rename(checked, to)
    return received
  } catch (error) {
    await rm(checked, { force: true })
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

const gatewayVariable = z
  .string()
  .default('/ipfs')
  .meta({ description: 'where the API serves stored files by content id, for links: a path or a URL' })

const folderProvider = (folder: string) =>
  defineProvider({
    name: 'embedded',
    environment: z.object({ REFRAIN_DATA_DIR: dataFolderVariable, STORAGE_URL: gatewayVariable }),
    create: ({ REFRAIN_DATA_DIR, STORAGE_URL }) => folderStorage(join(REFRAIN_DATA_DIR, folder), STORAGE_URL),
  })

/** What may go again, and what stays: two folders, so that one can be emptied without the other. */
export const embedded = folderProvider('storage')
export const embeddedArchive = folderProvider('archive')
