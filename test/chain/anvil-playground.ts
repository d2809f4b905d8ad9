import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type RunningAnvil, type StartAnvilOptions, startAnvil } from '../../worker/chain/anvil/index.ts'
import { isRunning } from '../../worker/db/postgres/postmaster.ts'
import { createLog } from '../../worker/log.ts'

/** Account 0 of the mnemonic that development tools know, which anvil signs for. */
export const sender = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

export interface Supervisor {
  readonly child: ChildProcess
  /** What startAnvil returned there. */
  readonly started: Promise<{ url: string; pid: number; isAdopted: boolean }>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** Data directories and chains of one test file; `clean` ends and removes whatever a failed test left. */
export function createPlayground() {
  const directories: string[] = []
  const children: ChildProcess[] = []

  async function makeDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'refrain chain-'))
    directories.push(directory)
    return directory
  }

  /** Supervises from another process, until its standard input ends. */
  function superviseElsewhere(dataDirectory: string): Supervisor {
    const module = new URL('../../worker/chain/anvil/index.ts', import.meta.url).href
    const log = new URL('../../worker/log.ts', import.meta.url).href
    const program = `
      import { startAnvil } from ${JSON.stringify(module)}
      import { createLog } from ${JSON.stringify(log)}
      const anvil = await startAnvil({ dataDirectory: ${JSON.stringify(dataDirectory)}, log: createLog('silent') })
      console.log(JSON.stringify({ url: anvil.url, pid: anvil.pid, isAdopted: anvil.isAdopted }))
      process.stdin.resume().on('end', () => anvil.stop())`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
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
    for (const directory of directories) {
      const text = await readFile(join(directory, 'anvil.json'), 'utf8').catch(() => '{}')
      const { pid } = JSON.parse(text)
      if (pid && isRunning(pid)) process.kill(pid, 'SIGKILL')
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    }
  }

  return { makeDirectory, superviseElsewhere, clean }
}

/** startAnvil with the messages of its log. `pid` is read when asked for. */
export async function startHere(
  dataDirectory: string,
  options: Omit<StartAnvilOptions, 'dataDirectory' | 'log'> = {},
): Promise<{ anvil: RunningAnvil; messages: string[] }> {
  const messages: string[] = []
  const log = createLog('debug', (line) => messages.push(line))
  return { anvil: await startAnvil({ dataDirectory, log, ...options }), messages }
}

/** One JSON-RPC call. */
export async function ask<Result = string>(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(5000),
  })
  const answer = (await response.json()) as { result: Result; error?: { message: string } }
  if (answer.error) throw new Error(answer.error.message)
  return answer.result
}

/** Pays one wei to the account with that number, and waits for its block; fails when the chain forgets the payment. */
export async function pay(url: string, number: number): Promise<{ blockHash: string; blockNumber: string }> {
  const to = `0x${(0xabc0000 + number).toString(16).padStart(40, '0')}`
  const hash = await ask(url, 'eth_sendTransaction', [{ from: sender, to, value: '0x1' }])
  const deadline = performance.now() + 500
  while (performance.now() < deadline) {
    const receipt = await ask<{ blockHash: string; blockNumber: string } | null>(url, 'eth_getTransactionReceipt', [
      hash,
    ])
    if (receipt) return receipt
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`the chain has no receipt of ${hash}`)
}

export interface Block {
  readonly hash: string
  readonly number: string
}

/** A block by its number or tag. */
export const block = (url: string, at = 'latest') => ask<Block>(url, 'eth_getBlockByNumber', [at, false])

/** Waits until something is so; fails after ten seconds. */
export async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
