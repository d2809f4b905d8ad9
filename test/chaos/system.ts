import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findHome } from '../../worker/chain/anvil/home.ts'
import { readRecord } from '../../worker/chain/anvil/record.ts'
import { askHead } from '../../worker/chain/anvil/rpc.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { startPostgres } from '../../worker/db/postgres/index.ts'
import { type ArtifactStore, openArtifactStore } from '../../worker/engine/artifacts.ts'
import { createLog } from '../../worker/log.ts'
import { createPrograms, processesOf } from '../cli/program.ts'

const INDEXER = 'indexer/main.ts'
export type ProcessName = 'worker' | 'indexer' | 'anvil'

/** All of Refrain as `npm start` runs it, on the embedded defaults: every part is a process. */
export interface System {
  readonly client: Client
  readonly artifacts: ArtifactStore
  /** JSON-RPC of the embedded chain. */
  readonly rpcUrl: string
  query<Row extends object>(sql: string): Promise<Row[]>
  /** Asks the catalog in the dialect of subgraphs. */
  subgraph<Data>(query: string): Promise<Data>
  /** Waits until a process has started whole and does what it is for. */
  untilAtWork(name: ProcessName): Promise<void>
  /** Ends a process with SIGKILL. */
  kill(name: ProcessName): Promise<void>
  /** What the processes have said: warnings and worse. */
  said(): string
  /** Ends everything in order. @returns the exit code of the launcher */
  stop(): Promise<number | null>
}

/** Starts everything in a data folder of its own, with short waits between attempts. */
export async function startSystem(environment: Readonly<Record<string, string>>): Promise<System> {
  const programs = createPrograms()
  const folder = await programs.makeFolder()
  const launcher = programs.run('start.ts', [], {
    REFRAIN_DATA_DIR: folder,
    PORT: '0',
    INDEXER_PORT: '0',
    LOG_LEVEL: 'warn',
    ...environment,
  })
  let leave = async () => {}
  async function stop(): Promise<number | null> {
    await leave()
    await programs.settle()
    const { exitCode } = await launcher.ended
    for (const { pid } of await processesOf(folder)) process.kill(pid, 'SIGKILL')
    await programs.clean()
    return exitCode
  }
  const pidOf = async (program: string) =>
    (await processesOf(folder)).find(({ command }) => command.includes(program))?.pid

  try {
    await launcher.untilSays(/Refrain is ready/, 120)
    // One more supervisor of a server that is served already.
    const postgres = await startPostgres({ dataDirectory: join(folder, 'postgres'), log: createLog('silent') })
    const client = openClient(postgres.url, { name: 'refrain chaos', maxConnections: 4 })
    leave = async () => {
      await client.close()
      await postgres.stop()
    }
    const chainHome = await findHome(join(folder, 'chain'))
    const anvil = await readRecord(chainHome)
    const environ = await readFile(`/proc/${await pidOf(INDEXER)}/environ`, 'utf8')
    const [, indexerPort] = /(?:^|\0)INDEXER_PORT=(\d+)\0/.exec(environ) ?? []
    if (!anvil || !indexerPort) throw new Error('expected an embedded chain and an indexer')
    const subgraphUrl = `http://127.0.0.1:${indexerPort}/subgraphs/name/refrain`
    const query = async <Row extends object>(sql: string) => (await client.pool.query<Row>(sql)).rows
    const killed = new Set<number>()
    const living = (pid: number | undefined) => (pid && !killed.has(pid) ? pid : undefined)
    const pidAtWork: Readonly<Record<ProcessName, () => Promise<number>>> = {
      worker: () =>
        untilSome(async () => {
          const workers = await query<{ pid: number }>('select pid from living_workers')
          return workers.map((worker) => living(worker.pid)).find((pid) => pid !== undefined)
        }),
      async indexer() {
        await untilSome(() => ask(subgraphUrl, '{ _meta { block { number } } }').catch(() => undefined))
        return await untilSome(async () => living(await pidOf(INDEXER)))
      },
      async anvil() {
        await untilSome(() => askHead(anvil.port).catch(() => undefined))
        return await untilSome(async () => living((await readRecord(chainHome))?.pid))
      },
    }
    return {
      client,
      artifacts: openArtifactStore(join(folder, 'artifacts')),
      rpcUrl: `http://127.0.0.1:${anvil.port}`,
      query,
      subgraph: (query) => ask(subgraphUrl, query),
      async kill(name) {
        const pid = await pidAtWork[name]()
        process.kill(pid, 'SIGKILL')
        killed.add(pid)
      },
      untilAtWork: async (name) => void (await pidAtWork[name]()),
      said: launcher.stderr,
      stop,
    }
  } catch (error) {
    await stop()
    throw new Error(`the system did not start: ${launcher.stderr()}`, { cause: error })
  }
}

/** Waits for a value. */
async function untilSome<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  const end = Date.now() + 60_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`nothing after 60 s: ${look}`)
    await delay(100)
  }
}

async function ask<Data>(url: string, query: string): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown }
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}
