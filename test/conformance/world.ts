import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startPostgres } from '../../worker/db/postgres/index.ts'
import { createLog } from '../../worker/log.ts'
import { connect, type TestNode } from './chain.ts'
import { startIpfs } from './ipfs.ts'

const IPFS_PORT = 5999
const NODE_PORT = 8545

/** What both indexers need around them. Ends with everything that was started in it. */
export interface World extends AsyncDisposable {
  readonly folder: string
  readonly ipfsUrl: string
  /** A new, empty database. */
  createDatabase(name: string): Promise<string>
  /** A new chain in place of the last one. */
  startNode(): Promise<TestNode>
  /** Is ended with the world, before what it stands on. */
  keep<T extends { stop(): Promise<void> }>(thing: T): T
}

export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'refrain-conformance-'))
  // The database's own user has to reach its folder.
  await chmod(folder, 0o755)
  const things: { stop(): Promise<void> }[] = []
  const keep: World['keep'] = (thing) => {
    things.push(thing)
    return thing
  }
  const end = async () => {
    for (const thing of things.reverse()) await thing.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const postgres = keep(
      await startPostgres({
        dataDirectory: join(folder, 'postgres'),
        settings: { max_connections: '200' },
        log: createLog('warn'),
      }),
    )
    keep(await startIpfs(IPFS_PORT))
    let node: { stop(): Promise<void> } | undefined
    return {
      folder,
      ipfsUrl: `http://127.0.0.1:${IPFS_PORT}`,
      keep,
      async createDatabase(name) {
        const client = new pg.Client({ connectionString: postgres.url })
        await client.connect()
        try {
          await client.query(`create database ${name} template template0 locale 'C' encoding 'UTF8'`)
        } finally {
          await client.end()
        }
        const url = new URL(postgres.url)
        url.pathname = `/${name}`
        return url.href
      },
      async startNode() {
        await node?.stop()
        const started = await startAnvil(join(folder, 'anvil'))
        node = keep(started)
        return started.node
      },
      [Symbol.asyncDispose]: end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

async function startAnvil(folder: string): Promise<{ node: TestNode; stop(): Promise<void> }> {
  await mkdir(folder, { recursive: true })
  const binary = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/bin/anvil')
  const child = spawn(binary, ['--silent', '--host', '127.0.0.1', '--port', String(NODE_PORT)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const node = connect(`http://127.0.0.1:${NODE_PORT}`)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  for (let tries = 0; ; tries++) {
    try {
      await node.head()
      return { node, stop }
    } catch (error) {
      if (tries === 500 || child.exitCode !== null) {
        await stop()
        throw error
      }
      await delay(20)
    }
  }
}
