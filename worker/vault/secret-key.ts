import { randomBytes, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '../db/client.ts'
import { Blocked, InvalidInput } from '../errors.ts'
import { reseal } from './reseal.ts'

const FILE = 'secret.key'
const KEY_BYTES = 32

/**
 * The master key that secrets are encrypted with at rest: that of the configuration, else the one in the data folder's file
 * `secret.key`, which is made once, readable by its owner only.
 *
 * @param configured `REFRAIN_SECRET_KEY`
 * @throws InvalidInput when the configured one is not 32 bytes in hexadecimal or base64; Blocked when the file cannot be read or
 * made, or does not hold a key
 */
export async function loadSecretKey(configured: string | undefined, dataFolder: string): Promise<Uint8Array> {
  if (configured !== undefined) {
    const key = parseKey(configured)
    if (key) return key
    throw new InvalidInput(
      'REFRAIN_SECRET_KEY: expected 32 bytes, hexadecimal or base64, got a value that is not shown',
    )
  }
  const path = join(dataFolder, FILE)
  const kept = await readKey(path)
  if (kept) return kept
  await makeKey(path, dataFolder)
  // Another process may have been quicker: the file decides.
  const made = await readKey(path)
  if (made) return made
  throw new Blocked(`${path} was removed while it was made: start again, and leave it where it is`)
}

/**
 * Makes a new master key in the data folder and encrypts every secret anew under it. After a crash it is called again and goes
 * on with the same new key.
 *
 * @returns how many secrets were encrypted anew
 */
export async function rotateSecretKey(client: Pick<Client, 'pool'>, dataFolder: string): Promise<number> {
  const path = join(dataFolder, FILE)
  const next = `${path}.next`
  const from = await readKey(path)
  if (!from) throw new Blocked(`there is no ${path}: a key of the configuration is changed there, and with \`reseal\``)
  if (!(await readKey(next))) await makeKey(next, dataFolder)
  const to = await readKey(next)
  if (!to) throw new Blocked(`${next} was removed while it was made: start again`)
  const resealed = await reseal({ client, from, to })
  await rename(next, path)
  return resealed
}

/** 64 hexadecimal digits, or standard base64 with padding; null for anything else. */
export function parseKey(text: string): Uint8Array | null {
  const trimmed = text.trim()
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Uint8Array.from(Buffer.from(trimmed, 'hex'))
  if (!/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return null
  const bytes = Buffer.from(trimmed, 'base64')
  return bytes.length === KEY_BYTES ? Uint8Array.from(bytes) : null
}

/** @throws Blocked when there is a file that cannot be read or is no key */
async function readKey(path: string): Promise<Uint8Array | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new Blocked(
      `${path}, the master key of the secrets, cannot be read (${codeOf(cause)}): let this process's user read it`,
      { cause },
    )
  }
  const key = parseKey(text)
  if (key) return key
  throw new Blocked(
    `${path} does not hold a master key (32 bytes, hexadecimal or base64): restore it from a backup. Without it the secrets in the database cannot be opened`,
  )
}

/** Makes the file whole or not at all; when there is one already, that one stays. */
async function makeKey(path: string, folder: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.${randomUUID()}`
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(unfinished, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(unfinished, path).catch((error) => {
      // Some file systems have no links; a copy is as exclusive, though not whole at once.
      if (codeOf(error) === 'EEXIST') throw error
      return copyFile(unfinished, path, constants.COPYFILE_EXCL)
    })
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return
    throw new Blocked(
      `${path}, the master key of the secrets, cannot be made (${codeOf(cause)}): make the folder writable, or set REFRAIN_SECRET_KEY`,
      { cause },
    )
  } finally {
    await rm(unfinished, { force: true })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
