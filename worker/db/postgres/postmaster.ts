import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What PostgreSQL writes about itself into postmaster.pid. */
export type Postmaster = {
  readonly pid: number
  readonly port: number
  /** Accepting connections, as far as the file says. */
  readonly isReady: boolean
}

const run = promisify(execFile)

/** Reads postmaster.pid; undefined when there is none, or it is still being written. */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  const [pid, port] = [Math.abs(Number(lines[0])), Number(lines[3])]
  if (!Number.isInteger(pid) || pid === 0) return undefined
  return { pid, port: Number.isInteger(port) ? port : 0, isReady: lines[7]?.trim() === 'ready' }
}

/** Whether the process runs. One that has ended and only waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return !isZombie(pid)
}

/**
 * Whether that process is a postgres on this cluster and not a stranger that was given the same pid later.
 * True as well when the system does not tell: then only a connection can.
 */
export async function mayServe(pid: number, cluster: string): Promise<boolean> {
  if (!isRunning(pid)) return false
  if (process.platform === 'linux') {
    // A postmaster works in its data directory. By inode, since one directory may have several paths.
    const [directory, own] = await Promise.all([stat(`/proc/${pid}/cwd`).catch(() => undefined), stat(cluster)])
    if (directory) return directory.ino === own.ino && directory.dev === own.dev
  }
  const commandLine = await readCommandLine(pid)
  return commandLine === undefined || commandLine.includes('postgres')
}

/**
 * Lets PostgreSQL start although postmaster.pid names a living stranger.
 *
 * Our own pid is put in its place: postgres knows that its parent is no rival. The rest of the file stays, because by
 * it postgres finds out whether processes of the old server still run.
 */
export async function disownPostmasterFile(cluster: string): Promise<void> {
  const path = join(cluster, 'postmaster.pid')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  await writeFile(path, text.replace(/^[^\n]*/, String(process.pid)))
}

function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    // The state follows the name, which is in brackets and may hold brackets itself.
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function readCommandLine(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') return await readFile(`/proc/${pid}/cmdline`, 'utf8')
    return (await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])).stdout
  } catch {
    return undefined
  }
}
