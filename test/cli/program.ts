import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, glob, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning, readPostmaster } from '../../worker/db/postgres/postmaster.ts'
import { checkout } from '../support/test-server.ts'

/** How a program ended, and what it said. */
export interface Ending {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly pid: number
  readonly ended: Promise<Ending>
  /** What it has said so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): void
  /** Waits until standard output matches; fails when the program ends before. */
  untilSays(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>
}

/** Programs of one test file, with a folder for each that needs one; `clean` ends and removes whatever a failed test left. */
export function createPrograms() {
  const folders: string[] = []
  const children: ChildProcess[] = []

  /** A data folder whose path has a space, a quote and an umlaut in it. */
  async function makeFolder(): Promise<string> {
    const parent = await mkdtemp(join(tmpdir(), 'refrain-cli-'))
    folders.push(parent)
    // Root's PostgreSQL runs as somebody else, who has to get in.
    await chmod(parent, 0o755)
    return join(parent, `it's a "däta" folder`)
  }

  /** Runs an entry file of `cli/` in a bare environment: nothing of the machine's configuration reaches it. */
  function run(entry: string, args: readonly string[], environment: Record<string, string | undefined> = {}): Program {
    const child = spawn(process.execPath, [join(checkout, 'cli', entry), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', async (exitCode, signal) => {
        // Processes that outlive it may hold its pipes open: what it wrote itself has come by then.
        await delay(50)
        resolve({ exitCode, signal, stdout, stderr })
      })
    })
    return {
      pid: child.pid ?? 0,
      ended,
      stdout: () => stdout,
      stderr: () => stderr,
      kill: (signal) => void child.kill(signal),
      async untilSays(pattern, seconds = 60) {
        let hasEnded = false
        void ended.then(() => (hasEnded = true))
        const end = Date.now() + seconds * 1000
        for (;;) {
          const match = pattern.exec(stdout)
          if (match) return match
          if (hasEnded || Date.now() > end) throw new Error(`${entry} did not say ${pattern}: ${stdout}\n${stderr}`)
          await delay(25)
        }
      },
    }
  }

  /** Ends in order what a failed test has left running, so that the next one starts from nothing. */
  async function settle(): Promise<void> {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await until(() => children.every((child) => child.exitCode !== null || child.signalCode !== null), 60)
  }

  async function clean(): Promise<void> {
    for (const child of children) child.kill('SIGKILL')
    for (const folder of folders) {
      await until(async () => (await processesOf(folder)).length === 0, 15).catch(() => {})
      for await (const file of glob('**/postmaster.pid', { cwd: folder })) {
        const postmaster = await readPostmaster(dirname(join(folder, file)))
        if (postmaster && isRunning(postmaster.pid)) process.kill(postmaster.pid, 'SIGQUIT')
      }
      for (const { pid, command } of await processesOf(folder))
        if (command.includes('anvil')) process.kill(pid, 'SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }

  return { makeFolder, run, settle, clean }
}

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`still not so after ${seconds} s: ${condition}`)
    await delay(25)
  }
}

/** Direct and indirect children of a process, by their ids; Linux only. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.join(' ').split(/\s+/).filter(Boolean).map(Number)
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()]
}

/** Processes that have a folder in their arguments or environment, and what they are; Linux only. */
export async function processesOf(folder: string): Promise<{ readonly pid: number; readonly command: string }[]> {
  const found = []
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!pid || pid === process.pid) continue
    const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')
    const [command, environment] = await Promise.all([read('cmdline'), read('environ')])
    const bytes = Buffer.from(folder).toString('latin1')
    if (command !== '' && (command.includes(bytes) || environment.includes(bytes)))
      found.push({ pid, command: command.replaceAll('\0', ' ') })
  }
  return found
}
