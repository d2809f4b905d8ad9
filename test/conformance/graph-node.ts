import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Indexer } from './indexer.ts'

const PORT = 8000
/** Where `gnd dev` puts the first subgraph it is given. */
const PATH = '/subgraphs/name/subgraph-0/'

export interface GraphNodeOptions {
  /** Folder that holds the build, as `build/`. */
  readonly folder: string
  readonly databaseUrl: string
  readonly rpcUrl: string
  readonly ipfsUrl: string
  readonly logPath: string
  /** Whether it gives up a call on a block that is gone at once, not after a minute and a half. */
  readonly isImpatient: boolean
}

/** The binary of the real graph-node; undefined where its package is not installed. */
export function findGraphNode(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('@graphprotocol/gnd-linux-x64/package.json')
    const path = join(dirname(manifest), 'bin/gnd')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

/** Starts the real graph-node. It listens on all interfaces on four ports: only in a network namespace of its own. */
export async function startGraphNode(binary: string, options: GraphNodeOptions): Promise<Indexer> {
  const url = `http://127.0.0.1:${PORT}${PATH}`
  if (await fetch(url).catch(() => undefined))
    throw new Error(`something answers at ${url} before graph-node has started`)
  const log = createWriteStream(options.logPath)
  const child = spawn(
    binary,
    [
      'dev',
      ...['--manifests', './subgraph.yaml'],
      ...['--postgres-url', options.databaseUrl],
      ...['--ethereum-rpc', `localhost:${options.rpcUrl}`],
      ...['--ipfs', options.ipfsUrl],
    ],
    {
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        GRAPH_LOG: 'info',
        ETHEREUM_POLLING_INTERVAL: '200',
        ...(options.isImpatient && { GRAPH_ETHEREUM_REQUEST_RETRIES: '1' }),
      },
    },
  )
  child.stdout.pipe(log)
  child.stderr.pipe(log)
  await answers(url, child, options.logPath)
  return { name: 'graph-node', pid: child.pid!, url, stop: () => end(child) }
}

async function answers(url: string, child: ChildProcess, logPath: string): Promise<void> {
  const deadline = performance.now() + 60_000
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`graph-node ended with ${child.exitCode}: see ${logPath}`)
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ _meta { block { number } } }' }),
    }).catch(() => undefined)
    if (answer?.ok) return
    await delay(50)
  }
  throw new Error(`graph-node did not answer within a minute: see ${logPath}`)
}

/** It writes on until it is told twice, and ends with SIGABRT. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  // It may have been put to sleep.
  child.kill('SIGCONT')
  const isEnded = await Promise.race([ended.then(() => true), delay(3000, false)])
  if (!isEnded) {
    child.kill('SIGKILL')
    await ended
  }
}
