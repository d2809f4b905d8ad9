import { execFile } from 'node:child_process'
import { readFile, readlink, rename, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { z } from 'zod'
import { isRunning } from '../../db/postgres/postmaster.ts'
import type { AnvilHome } from './home.ts'

const ServingAnvil = z.object({
  pid: z.number().int().positive(),
  port: z.number().int().min(1).max(65_535),
  /** Where its process can be seen from. */
  host: z.string(),
})

/** The anvil that served a directory last; it may have ended. */
export type ServingAnvil = z.output<typeof ServingAnvil>

const run = promisify(execFile)

export async function readRecord(home: AnvilHome): Promise<ServingAnvil | undefined> {
  const text = await readFile(home.record, 'utf8').catch(() => '')
  try {
    return ServingAnvil.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

export async function writeRecord(home: AnvilHome, pid: number, port: number): Promise<ServingAnvil> {
  const record = { pid, port, host: await thisHost() }
  const unfinished = `${home.record}.new`
  await writeFile(unfinished, JSON.stringify(record), { flush: true })
  await rename(unfinished, home.record)
  return record
}

/** Whether it serves this directory now: it runs, and is no stranger that was given the same pid later. */
export async function isServing(home: AnvilHome, record: ServingAnvil): Promise<boolean> {
  if (!isRunning(record.pid)) return false
  if (process.platform === 'linux') {
    // Our anvil works in its directory. By inode, since one directory may have several paths.
    const [directory, own] = await Promise.all([
      stat(`/proc/${record.pid}/cwd`).catch(() => undefined),
      stat(home.directory),
    ])
    return directory?.ino === own.ino && directory.dev === own.dev
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(record.pid)]).catch(() => ({ stdout: '' }))
  return stdout.includes(home.cache)
}

/** What tells apart the places whose processes do not see each other. */
export async function thisHost(): Promise<string> {
  return `${hostname()} ${await readlink('/proc/self/ns/pid').catch(() => '')}`.trim()
}
