import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, type Indexer } from './indexer.ts'

/** The namespace is ours alone: no port is taken. */
let nextPort = 8900

export interface EmbeddedOptions {
  readonly name: string
  /** Folder with the build. */
  readonly build: string
  readonly databaseUrl: string
  readonly rpcUrl: string
  readonly logPath: string
}

/** Starts the embedded indexer in a process of its own and returns when it answers. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Indexer> {
  const { name, build, databaseUrl, rpcUrl, logPath } = options
  const port = nextPort++
  const program = join(import.meta.dirname, 'embedded-process.ts')
  const child = spawn(process.execPath, [program, build, databaseUrl, rpcUrl, String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.pipe(createWriteStream(logPath))
  const indexer: Indexer = {
    name,
    pid: child.pid!,
    url: `http://127.0.0.1:${port}/subgraphs/name/refrain`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      // It may have been put to sleep.
      child.kill('SIGCONT')
      const isEnded = await Promise.race([ended.then(() => true), delay(10_000, false)])
      if (isEnded) return
      child.kill('SIGKILL')
      await ended
    },
  }
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await delay(20)) {
    if (child.exitCode !== null) throw new Error(`the embedded indexer ended with ${child.exitCode}: see ${logPath}`)
    const answer = await ask(indexer, '{ _meta { block { number } } }').catch(() => undefined)
    if (answer) return indexer
  }
  throw new Error(`the embedded indexer did not answer within 30 s: see ${logPath}`)
}
