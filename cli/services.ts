import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address, Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { deployContracts } from '../contracts/deploy.ts'
import { devAccount } from '../contracts/dev-accounts.ts'
import { type RunningAnvil, startAnvil } from '../worker/chain/anvil/index.ts'
import type { Config } from '../worker/config.ts'
import { migrate } from '../worker/db/migrate.ts'
import { type RunningPostgres, startPostgres } from '../worker/db/postgres/index.ts'
import { findFreePort, isFreePort } from '../worker/db/postgres/port.ts'
import type { Log } from '../worker/log.ts'
import { untilAborted } from './stop-signal.ts'
import { type Service, superviseProcess } from './supervise.ts'

export interface Services {
  /** Where the API answers. */
  readonly apiUrl: string
  /** The embedded chain; null when another one is configured, or none. */
  readonly chainUrl: string | null
  /** Rejects when a process keeps ending. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/**
 * Starts all that Refrain is: the database and the chain (the embedded ones unless `DATABASE_URL` and `CHAIN_RPC_URL` name
 * others), the indexer unless `SUBGRAPH_URL` names a graph-node, the API and a worker, each in a process of its own. A process
 * that ends by itself is started again, the database and the chain included.
 *
 * @param options.logFolder writes the processes' logs to files there instead of standard error
 * @param options.signal ends the starting, not what has started
 * @throws AppError with what to do when one of them cannot start, and then nothing is left running; the signal's reason
 */
export async function startServices(options: {
  config: Config
  log: Log
  signal: AbortSignal
  logFolder?: string
}): Promise<Services> {
  const { config, log, signal, logFolder } = options
  await mkdir(config.REFRAIN_DATA_DIR, { recursive: true })
  const database = createDatabase(config, log)
  const chain = createChain(config, log)
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const services: Service[] = []
  const stop = async () => {
    await Promise.all(services.map((service) => service.stop()))
    await Promise.all([chain.stop(), database.stop()])
  }
  const start = (name: string, module: string, more: NodeJS.ProcessEnv = {}) => {
    const service = superviseProcess({
      name,
      module: new URL(module, import.meta.url),
      environment: async () => ({
        ...config.environment,
        DATABASE_URL: await database.ensure(),
        CHAIN_RPC_URL: chain.url(),
        REFRAIN_DATA_DIR: config.REFRAIN_DATA_DIR,
        ...more,
      }),
      stopPatienceMs: config.SHUTDOWN_GRACE_MS,
      log,
      logFolder,
      onFailed: failure.reject,
    })
    services.push(service)
    return service.ready
  }
  const aborted = untilAborted(signal).then(() => Promise.reject(signal.reason))
  aborted.catch(() => {})
  const sibling = new AbortController()
  const grounds = AbortSignal.any([signal, sibling.signal])
  const starting = [database.ensure(grounds).then(migrate), chain.start(grounds, failure.reject)]
  try {
    await Promise.all(starting)
    signal.throwIfAborted()
    const first = <Value>(ready: Promise<Value>) => Promise.race([ready, failure.promise, aborted])
    const isIndexed = chain.url() !== 'off' && !config.SUBGRAPH_URL
    const indexerPort = isIndexed ? await chooseIndexerPort(config, log) : 0
    const indexer = isIndexed
      ? await first(start('indexer', '../indexer/main.ts', { PORT: undefined, INDEXER_PORT: String(indexerPort) }))
      : null
    const subgraph = indexer?.url ? subgraphUrls(indexer.url, config) : {}
    const { url } = await first(start('api', '../api/main.ts', subgraph))
    await first(start('worker', '../worker/main.ts', { ...subgraph, PUBLIC_URL: config.PUBLIC_URL ?? url }))
    const chainUrl = config.CHAIN_RPC_URL ? null : chain.url()
    return { apiUrl: url ?? '', chainUrl, failed: failure.promise, stop }
  } catch (error) {
    // One of the two has failed: what the other starts is there to be stopped only once it has started.
    sibling.abort(error)
    await Promise.allSettled(starting)
    await stop()
    throw error
  }
}

/** Chosen once: started again, the indexer must be where the others look for it. Only a port that somebody named is insisted on. */
async function chooseIndexerPort({ INDEXER_PORT: port, environment }: Config, log: Log): Promise<number> {
  if (port !== 0 && (environment.INDEXER_PORT || (await isFreePort(port)))) return port
  const free = await findFreePort()
  if (port !== 0) log.warn(`port ${port} is in use by another program; the indexer takes ${free}`)
  return free
}

/** Where the embedded indexer answers for each chain. */
function subgraphUrls(indexerUrl: string, config: Config) {
  const of = (name: string) => `${indexerUrl}/subgraphs/name/${name}`
  if (!config.LOCK_CHAIN_RPC_URL) return { SUBGRAPH_URL: of('refrain') }
  return { SUBGRAPH_URL: of('refrain-clips'), LOCK_SUBGRAPH_URL: config.LOCK_SUBGRAPH_URL ?? of('refrain-locks') }
}

/** Who may emit and write on the embedded chain. */
function operatorOf({ PRIVATE_KEY }: Pick<Config, 'PRIVATE_KEY'>): Address {
  return PRIVATE_KEY ? privateKeyToAccount(PRIVATE_KEY as Hex).address : devAccount(0).address
}

/** The chain: another's as it is, none, or the embedded one with the contracts on it. */
function createChain(config: Config, log: Log) {
  let running: RunningAnvil | undefined
  return {
    url: () => config.CHAIN_RPC_URL ?? running?.url ?? 'off',
    async start(signal: AbortSignal, onFailed: (error: Error) => void): Promise<void> {
      if (config.CHAIN_RPC_URL) return
      running = await startAnvil({ dataDirectory: join(config.REFRAIN_DATA_DIR, 'chain'), log, signal })
      running.failed.catch(onFailed)
      await deployContracts({ rpcUrl: running.url, operator: operatorOf(config), signal })
      // From now on the contracts survive any kill.
      await running.save()
    },
    async stop(): Promise<void> {
      await running?.stop()
    },
  }
}

/** The database: another's as it is, or the embedded one, which is started, and started again when it has died. */
function createDatabase(config: Config, log: Log) {
  let running: Promise<RunningPostgres> | undefined
  const start = (signal?: AbortSignal) =>
    startPostgres({
      dataDirectory: join(config.REFRAIN_DATA_DIR, 'postgres'),
      log,
      ...(signal ? { signal } : {}),
    })
  async function revive(before: Promise<RunningPostgres>): Promise<RunningPostgres> {
    const postgres = await before
    if (isAlive(postgres.pid)) return postgres
    log.error('PostgreSQL ended by itself and is started again')
    await postgres.stop()
    return await start()
  }
  return {
    async ensure(signal?: AbortSignal): Promise<string> {
      if (config.DATABASE_URL) return config.DATABASE_URL
      running = running ? revive(running) : start(signal)
      return (await running).url
    },
    async stop(): Promise<void> {
      await (await running?.catch(() => undefined))?.stop()
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
