import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeEdit } from '@geoprotocol/grc-20'
import type { Edit, Op, PropertyValue } from '@geoprotocol/grc-20/types'
import { formatId } from '@geoprotocol/grc-20/util'
import { spaceAbi } from '../../contracts/abi/space.ts'
import type { Chain, Order } from '../../worker/chain/contract.ts'
import { definePipeline, type Pipeline } from '../../worker/engine/define.ts'
import { ProviderRejected } from '../../worker/errors.ts'
import { createLens } from '../../worker/pipelines/artist/create-lens.ts'
import { enrichments } from '../../worker/pipelines/artist/enrichment.ts'
import type { BatchServices } from '../../worker/pipelines/artist/grc20/batch.ts'
import { mintGrc20 } from '../../worker/pipelines/artist/mint-grc20.ts'
import { mintPkp } from '../../worker/pipelines/artist/mint-pkp.ts'
import { populateGrc20 } from '../../worker/pipelines/artist/populate-grc20.ts'
import { loadArtist } from '../../worker/pipelines/artist/subject.ts'
import { openProviders, type Providers } from '../../worker/providers/index.ts'
import { artistEntityId, contractSpaceId, workEntityId } from '../../worker/providers/space/grc20-space.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

export const artistPipeline = definePipeline({
  name: 'artist',
  description: 'artists up to their metadata',
  milestones: ['identified', 'registered'],
  stages: [...enrichments, mintPkp, createLens, populateGrc20, mintGrc20],
  loadSubject: loadArtist,
})

/** What a test's chain does with the next order, instead of sending it. */
export type ChainFault = 'refuse' | 'break before sending' | 'break after sending'

/** Sends each order once, as the real one promises, and breaks when told. */
export interface BreakableChain extends Chain {
  /** Every order that was really sent. */
  readonly sent: Order[]
  faults: ChainFault[]
}

export function breakableChain(test: TestChain): BreakableChain {
  const receipts = new Map<string, ReturnType<Chain['send']>>()
  // One after another: each takes the account's next nonce.
  let last: Promise<unknown> = Promise.resolve()
  const chain: BreakableChain = {
    sent: [],
    faults: [],
    reader: test.client,
    contracts: test.contracts,
    operator: test.operator.address,
    id: () => test.client.getChainId(),
    signMessage: (message) => test.operator.signMessage({ message }),
    async send(order) {
      const fault = chain.faults.shift()
      if (fault === 'break before sending') throw new Error('the connection broke')
      if (fault === 'refuse') throw new ProviderRejected('chain', 'the transaction would revert')
      const known = receipts.get(order.idempotencyKey)
      if (known) return await known
      chain.sent.push(order)
      const receipt = last.then(() => test.send({ to: order.to, data: order.data }))
      last = receipt.catch(() => {})
      receipts.set(order.idempotencyKey, receipt)
      await receipt
      if (fault === 'break after sending') throw new Error('the connection broke')
      return await receipt
    },
  }
  return chain
}

export interface World {
  readonly engine: TestEngine
  readonly test: TestChain
  readonly chain: BreakableChain
  readonly providers: Providers
  readonly services: BatchServices
  readonly spaceId: string
  readonly installation: string
  /** An artist with an account, ready to be populated; its tracks come with it. Returns their ids. */
  addArtist(artist: ArtistSeed): Promise<{ readonly artistId: number; readonly trackIds: readonly number[] }>
  addTrack(artistId: number, track: TrackSeed): Promise<number>
  /** Runs a worker until nothing is left to do. */
  work(): Promise<void>
  row<Row extends object>(sql: string, values?: unknown[]): Promise<Row>
  artistRow(id: number): Promise<Record<string, unknown>>
  workRow(id: number): Promise<Record<string, unknown>>
  artistEntity(id: number): string
  workEntity(id: number): string
  /** Content ids that the chain has recorded for the space, in order. */
  published(): Promise<string[]>
  /** The edit that is archived under a content id, after its bytes were hashed again. */
  fetchEdit(cid: string): Promise<Edit>
  fetchFile(cid: string): Promise<Buffer>
  close(): Promise<void>
}

export interface TrackSeed {
  readonly title: string
  readonly releaseDate?: string
  readonly metadata?: Readonly<Record<string, object>>
}

export interface ArtistSeed {
  readonly name: string
  readonly spotifyArtistId?: string
  readonly aliases?: readonly string[]
  readonly metadata?: Readonly<Record<string, object>>
  readonly columns?: Readonly<Record<string, string>>
  readonly tracks?: readonly TrackSeed[]
}

/** A database, a chain with the contracts, and the real providers of space and archive. */
export async function createWorld(more: readonly Pipeline[] = []): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'refrain grc20 '))
  const test = await startTestChain()
  const chain = breakableChain(test)
  const providers = openProviders({ REFRAIN_DATA_DIR: folder }, { chains: () => ({ clips: chain, locks: chain }) })
  const engine = await createTestEngine([artistPipeline, ...more], { providers })
  // What breaks shows at once.
  await engine.query('update stages set max_attempts = 1')
  const [{ id: installation }] = await engine.query<{ id: string }>('select id from installation')
  const spaceId = contractSpaceId(test.chainId, test.contracts.space)
  const { archive, space } = providers
  let accounts = 0

  async function row<Row extends object>(sql: string, values: unknown[] = []): Promise<Row> {
    const rows = await engine.query<Row>(sql, values)
    if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}: ${sql}`)
    return rows[0]
  }
  async function addTrack(artistId: number, { title, releaseDate, metadata = {} }: TrackSeed) {
    const { id } = await row<{ id: number }>(
      `insert into tracks (title, release_date, source_type) values ($1, $2, 'path') returning id`,
      [title, releaseDate ?? null],
    )
    await engine.query('update tracks set artist_id = $2 where id = $1', [id, artistId])
    for (const [source, data] of Object.entries(metadata))
      await engine.query('insert into track_metadata (track_id, source, data) values ($1, $2, $3)', [id, source, data])
    return id
  }
  const world: World = {
    engine,
    test,
    chain,
    providers,
    services: { client: engine.client, archive, space, folder, signal: new AbortController().signal },
    spaceId,
    installation,
    async addArtist({ name, spotifyArtistId, aliases = [], metadata = {}, columns = {}, tracks = [] }) {
      const { id } = await row<{ id: number }>(
        'insert into artists (name, spotify_artist_id, aliases) values ($1, $2, $3) returning id',
        [name, spotifyArtistId ?? null, JSON.stringify(aliases)],
      )
      for (const [column, value] of Object.entries(columns))
        await engine.query(`update artists set ${column} = $2 where id = $1`, [id, value])
      for (const [source, data] of Object.entries(metadata))
        await engine.query('insert into artist_metadata (artist_id, source, data) values ($1, $2, $3)', [
          id,
          source,
          data,
        ])
      const trackIds: number[] = []
      for (const track of tracks) trackIds.push(await addTrack(id, track))
      accounts++
      const address = (kind: number) => `0x${kind}${accounts.toString(16).padStart(39, '0')}`
      await engine.query(
        `insert into pkp_accounts (artist_id, address, network, provider) values ($1, $2, 'eip155:31337', 'test')`,
        [id, address(1)],
      )
      await engine.query(
        `insert into lens_accounts (artist_id, handle, account_address, owner, namespace, provider, metadata_uri)
         values ($1, $2, $3, $4, 'test', 'test', 'ipfs://test')`,
        [id, `handle-${accounts}-ks1`, address(2), address(1)],
      )
      for (const { name } of enrichments) await engine.query(`select skip_artist_task($1, $2, 'test')`, [id, name])
      for (const stage of ['mint_pkp', 'create_lens'])
        await engine.query(`select complete_artist_task($1, $2, '{"handle": "test"}')`, [id, stage])
      return { artistId: id, trackIds }
    },
    addTrack,
    async work() {
      const worker = await engine.startWorker()
      await engine.until(`select 1 where not exists (select from tasks where status in ('pending', 'running'))`)
      await worker.stop()
    },
    row,
    artistRow: (id) =>
      row('select to_jsonb(a) - $2 as row from grc20_artists a where artist_id = $1', [id, '']).then(flat),
    workRow: (id) => row('select to_jsonb(w) - $2 as row from grc20_works w where track_id = $1', [id, '']).then(flat),
    artistEntity: (id) => artistEntityId(installation, id),
    workEntity: (id) => workEntityId(installation, id),
    async published() {
      const logs = await test.client.getContractEvents({
        address: test.contracts.space,
        abi: spaceAbi,
        eventName: 'EditPublished',
        args: { spaceId: `0x${spaceId}` },
        fromBlock: 0n,
      })
      return logs.map((log) => log.args.cid ?? '')
    },
    async fetchFile(cid) {
      const path = join(folder, `fetched-${cid}`)
      const { sha256 } = await archive.retrieve(cid, path, { signal: new AbortController().signal })
      const bytes = await readFile(path)
      await rm(path)
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`${cid} is damaged`)
      return bytes
    },
    fetchEdit: async (cid) => decodeEdit(await world.fetchFile(cid)),
    async close() {
      await engine.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return world
}

const flat = (found: object) => (found as { row: Record<string, unknown> }).row

/** Values by the ids of their properties, as text. */
export function valuesOf(values: readonly PropertyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    values.map(({ property, value }) => [formatId(property), 'value' in value ? value.value : null]),
  )
}

/** The operation of an edit on one entity. */
export function opOn<Type extends 'createEntity' | 'updateEntity'>(
  edit: Edit,
  type: Type,
  entityId: string,
): Extract<Op, { type: Type }> {
  const found = edit.ops.filter(
    (op): op is Extract<Op, { type: Type }> => op.type === type && formatId(op.id) === entityId,
  )
  if (found.length !== 1) throw new Error(`expected one ${type} of ${entityId}, got ${found.length}`)
  return found[0]
}

/** Relations that an edit makes: from, type and to. */
export function relationsOf(edit: Edit): string[][] {
  return edit.ops.flatMap((op) =>
    op.type === 'createRelation' ? [[formatId(op.from), formatId(op.relationType), formatId(op.to)]] : [],
  )
}
