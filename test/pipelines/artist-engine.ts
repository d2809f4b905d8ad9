import { type RunningWorker, startWorker } from '../../worker/engine/worker.ts'
import { createLog } from '../../worker/log.ts'
import { artist as pipeline } from '../../worker/pipelines/artist/index.ts'
import type { ProviderDeps } from '../../worker/providers/capability.ts'
import { openProviders, type Providers } from '../../worker/providers/index.ts'
import { localChain, localVault } from '../providers/local-chain.ts'
import type { TestChain } from '../support/chain.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'
import { impatientHttp } from '../support/music-databases.ts'

export const IDENTITY = ['mint_pkp', 'create_lens', 'populate_grc20', 'mint_grc20', 'deploy_unlock']
export const ENRICHMENT = ['spotify', 'quansic', 'wikidata', 'genius'].map((source) => `${source}_enrichment`)
export const all = (types: readonly string[], status: string) => Object.fromEntries(types.map((type) => [type, status]))

export interface ArtistTaskRow {
  readonly task_type: string
  readonly status: string
  readonly retry_count: number
  // biome-ignore lint/suspicious/noExplicitAny: outputs of nine stages
  readonly result_data: any
  readonly reason: string | null
  readonly error_message: string | null
}

export interface ArtistEngine extends TestEngine {
  readonly vault: ReturnType<typeof localVault>
  /** Lines that the worker has logged. */
  readonly logged: readonly string[]
  /** What the worker's providers are, and the chain they last got. */
  providers(): Providers
  local(): ReturnType<typeof localChain>
  /** Gives the worker other providers from now on. */
  provide(options?: {
    environment?: Record<string, string>
    chains?: ProviderDeps['chains']
    more?: Partial<Providers>
  }): void
  /** Adds a track credited to a name, and answers its artist. */
  addTrack(name: string, columns?: Record<string, unknown>): Promise<number>
  tasksOf(artist: number): Promise<Record<string, ArtistTaskRow>>
  /** The status of every task of an artist. */
  statusesOf(artist: number): Promise<Record<string, string>>
  rowOf(table: string, artist: number): Promise<Record<string, unknown>>
}

/** A worker of the whole artist pipeline with the embedded providers, over a database of its own. */
export async function createArtistEngine(chain: TestChain): Promise<ArtistEngine> {
  const engine = await createTestEngine([pipeline])
  const { client, config, artifacts } = engine
  const vault = localVault()
  const logged: string[] = []
  let local = localChain(chain)
  let providers = {} as Providers
  const provide: ArtistEngine['provide'] = ({ environment = {}, chains, more } = {}) => {
    local = localChain(chain)
    const opened = { clips: local, locks: local }
    const deps = { chains: chains ?? (() => opened), vault: () => vault, http: impatientHttp }
    providers = { ...openProviders({ REFRAIN_DATA_DIR: engine.folder, ...environment }, deps), ...more }
  }
  provide()
  const worker: RunningWorker = await startWorker({
    client,
    pipelines: [pipeline],
    config,
    providers: new Proxy({} as Providers, { get: (_target, name: keyof Providers) => providers[name] }),
    artifacts,
    log: createLog('debug', (line) => logged.push(line)),
  })
  const tasksOf: ArtistEngine['tasksOf'] = async (artist) => {
    const rows = await engine.query<ArtistTaskRow>('select * from artist_tasks where artist_id = $1 order by id', [
      artist,
    ])
    return Object.fromEntries(rows.map((row) => [row.task_type, row]))
  }
  return {
    ...engine,
    vault,
    logged,
    providers: () => providers,
    local: () => local,
    provide,
    async addTrack(name, columns = {}) {
      const row = { title: 'Song', source_type: 'upload', artists: JSON.stringify([{ name }]), ...columns }
      const places = Object.keys(row).map((_name, at) => `$${at + 1}`)
      const [{ id }] = await engine.query<{ id: number }>(
        `insert into tracks (${Object.keys(row).join(', ')}) values (${places.join(', ')}) returning id`,
        Object.values(row),
      )
      const [track] = await engine.query<{ artist_id: number }>('select artist_id from tracks where id = $1', [id])
      return track.artist_id
    },
    tasksOf,
    statusesOf: async (artist) =>
      Object.fromEntries(Object.entries(await tasksOf(artist)).map(([type, { status }]) => [type, status])),
    rowOf: async (table, artist) =>
      (await engine.query<Record<string, unknown>>(`select * from ${table} where artist_id = $1`, [artist]))[0],
    async close() {
      await worker.stop()
      await engine.close()
    },
  }
}
