import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, glob, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Account } from '../../worker/db/postgres/account.ts'
import { type RunningPostgres, type StartPostgresOptions, startPostgres } from '../../worker/db/postgres/index.ts'
import { isRunning, readPostmaster } from '../../worker/db/postgres/postmaster.ts'
import { createLog } from '../../worker/log.ts'

/** Data directories and servers of one test file; `clean` ends and removes whatever a failed test left. */
export function createPlayground() {
  const directories: string[] = []
  const children: ChildProcess[] = []

  async function makeDirectory(name = 'data'): Promise<string> {
    const parent = await mkdtemp(join(tmpdir(), 'refrain-postgres-'))
    await chmod(parent, 0o755)
    directories.push(parent)
    return join(parent, name)
  }

  /** Supervises from another process, until its standard input ends. Ctrl-C does not impress it. */
  function superviseElsewhere(dataDirectory: string, account?: Account): Supervisor {
    const module = new URL('../../worker/db/postgres/index.ts', import.meta.url).href
    const log = new URL('../../worker/log.ts', import.meta.url).href
    const program = `
      import { startPostgres } from ${JSON.stringify(module)}
      import { createLog } from ${JSON.stringify(log)}
      process.on('SIGINT', () => {})
      const server = await startPostgres({ dataDirectory: ${JSON.stringify(dataDirectory)}, log: createLog('silent') })
      console.log(JSON.stringify(server))
      process.stdin.resume().on('end', () => server.stop())`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
    })
    children.push(child)
    const started = createInterface(child.stdout)[Symbol.asyncIterator]().next()
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    return {
      child,
      started: started.then(({ value }) => JSON.parse(value ?? 'null')),
      async stop() {
        child.stdin.end()
        await ended
      },
      async kill() {
        child.kill('SIGKILL')
        await ended
      },
    }
  }

  async function clean(): Promise<void> {
    for (const child of children) child.kill('SIGKILL')
    for (const parent of directories) {
      for await (const file of glob('**/postmaster.pid', { cwd: parent })) await endServer(dirname(join(parent, file)))
      await rm(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    }
  }

  return { makeDirectory, superviseElsewhere, clean }
}

export type Supervisor = {
  readonly child: ChildProcess
  /** What startPostgres returned there, or null when it failed. */
  readonly started: Promise<RunningPostgres>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** startPostgres with the messages of its log. */
export async function startHere(
  dataDirectory: string,
  options: Omit<StartPostgresOptions, 'dataDirectory' | 'log'> = {},
): Promise<RunningPostgres & { readonly messages: string[] }> {
  const messages: string[] = []
  const log = createLog('debug', (line) => messages.push(line))
  return { ...(await startPostgres({ dataDirectory, log, ...options })), messages }
}

async function endServer(cluster: string): Promise<void> {
  const postmaster = await readPostmaster(cluster)
  if (!postmaster || !isRunning(postmaster.pid)) return
  process.kill(postmaster.pid, 'SIGQUIT')
}
