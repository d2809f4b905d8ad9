import { zeroAddress } from 'viem'
import { z } from 'zod'
import type { Subgraph } from '../worker/catalog/client.ts'
import { type Position, readPosition } from '../worker/catalog/read-events.ts'
import { Blocked } from '../worker/errors.ts'
import { createBatch, indexBy } from './batch.ts'

const address = z.string()
const seconds = z.coerce.number()

const Segment = z.object({
  id: z.string(),
  spotifyTrackId: z.string(),
  encryptedFullUri: z.string(),
  manifestUri: z.string(),
  metadataUri: z.string(),
  lockAddress: address,
  lockChainId: z.number(),
  encryptedAt: seconds,
  encryptedAtBlock: seconds,
})
const Clip = z.object({
  id: z.string(),
  isRegistered: z.boolean(),
  isEnabled: z.boolean(),
  grc20WorkId: z.string().nullable(),
  spotifyTrackId: z.string().nullable(),
  startMs: z.number().nullable(),
  endMs: z.number().nullable(),
  metadataUri: z.string().nullable(),
  registeredBy: address.nullable(),
  registeredAt: seconds.nullable(),
  registeredAtBlock: seconds.nullable(),
  instrumentalUri: z.string().nullable(),
  alignmentUri: z.string().nullable(),
  translationCount: z.number().nullable(),
  segments: z.array(Segment),
})
const Lock = z.object({
  id: z.string(),
  artist: z.object({ id: z.string(), handle: z.string().nullable(), account: z.string().nullable() }),
  name: z.string(),
  price: z.string(),
  currency: address,
  expirationDuration: z.string(),
  maxKeys: z.string(),
  maxKeysPerAddress: z.string(),
  version: z.number(),
  totalKeys: z.string(),
  createdAt: seconds,
  createdAtBlock: seconds,
})
const Key = z.object({
  id: z.string(),
  tokenId: z.string(),
  owner: address,
  expiration: z.string(),
  isCanceled: z.boolean(),
  createdAt: seconds,
  lock: z.object({ id: z.string() }),
})
const LockWithKeys = z.object({ id: z.string(), keys: z.array(z.object({ id: z.string() })) })

export type CatalogSegment = z.output<typeof Segment>
export type CatalogClip = z.output<typeof Clip>
export type CatalogLock = z.output<typeof Lock>
export type CatalogKey = z.output<typeof Key>

const fieldsOf = (schema: z.ZodObject): string =>
  Object.entries(schema.shape)
    .map(([name, field]) => {
      const inner = field instanceof z.ZodArray ? field.element : field
      return inner instanceof z.ZodObject ? `${name} { ${fieldsOf(inner)} }` : name
    })
    .join(' ')

const CLIP = fieldsOf(Clip)
const LOCK = fieldsOf(Lock)
const KEY = fieldsOf(Key)
const LARGEST_PAGE = 1_000
/** A subgraph that does not answer must not hold a request up for long. */
const TIMEOUT_MS = 10_000

/** The catalog on chain: clips from one subgraph, locks from the same or another. */
export interface CatalogSources {
  readonly clips: Subgraph
  readonly locks: Subgraph
}

export interface KeyQuery {
  readonly owner?: string
  readonly lock?: string
  /** Only keys that are valid after this instant, in Unix seconds. */
  readonly validAfter?: number
  readonly afterId?: string
  readonly limit: number
}

/** A reader of the catalog for one request: everything it reads is of one block for each subgraph. */
export type CatalogReader = ReturnType<typeof createCatalogReader>

/** @param sources null where no chain is configured; every read then throws Blocked */
export function createCatalogReader(sources: CatalogSources | null) {
  const positions = new Map<Subgraph, Promise<Position>>()
  const need = (): CatalogSources => {
    if (sources) return sources
    throw new Blocked('there is no catalog: no chain is configured (CHAIN_RPC_URL is off)')
  }
  const positionOf = (subgraph: Subgraph): Promise<Position> => {
    const known = positions.get(subgraph) ?? readPosition(subgraph, AbortSignal.timeout(TIMEOUT_MS))
    positions.set(subgraph, known)
    return known
  }
  async function read<Row extends z.ZodType>(
    subgraph: Subgraph,
    list: { readonly field: string; readonly type: string; readonly selection: string; readonly order?: string },
    row: Row,
    where: Readonly<Record<string, unknown>>,
    first: number,
  ): Promise<z.output<Row>[]> {
    const { blockNumber } = await positionOf(subgraph)
    const text = `query ($where: ${list.type}_filter, $first: Int!, $at: Int!) {
      rows: ${list.field}(first: $first, ${list.order ?? 'orderBy: id'}, where: $where, block: { number: $at }, subgraphError: allow) {
        ${list.selection}
      }
    }`
    const { rows } = await subgraph.query(text, z.object({ rows: z.array(row) }), {
      variables: { where, first, at: blockNumber },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return rows
  }
  const clipList = { field: 'clips', type: 'Clip', selection: CLIP }
  const keyList = { field: 'keys', type: 'Key', selection: KEY }

  const readKeys = async (query: KeyQuery): Promise<CatalogKey[]> => {
    // A list of none is asked for as one of everything would be: the dialect refuses it.
    if (query.limit < 1) return []
    const where: Record<string, unknown> = {}
    if (query.owner) where.owner = query.owner.toLowerCase()
    if (query.lock) where.lock = query.lock.toLowerCase()
    if (query.validAfter !== undefined) {
      where.expiration_gt = String(query.validAfter)
      // A burned key keeps its end.
      where.owner_not = zeroAddress
    }
    if (query.afterId) where.id_gt = query.afterId
    return await read(need().locks, keyList, Key, where, Math.min(query.limit, LARGEST_PAGE))
  }

  const readHolding = async (locks: readonly string[], wallet: string): Promise<string[]> => {
    if (wallet === zeroAddress) return []
    // One key of each lock is enough; thousands of keys to one lock must not hide those to another.
    const where = `{ owner: ${JSON.stringify(wallet)}, expiration_gt: "${Math.floor(Date.now() / 1000)}" }`
    const list = { field: 'locks', type: 'Lock', selection: `id keys(first: 1, where: ${where}) { id }` }
    const rows = await inParts(locks, (ids) => read(need().locks, list, LockWithKeys, { id_in: ids }, ids.length))
    return rows.filter(({ keys }) => keys.length > 0).map(({ id }) => id)
  }

  return {
    isThere: sources !== null,
    /** @throws Blocked when no chain is configured */
    assertThere: () => void need(),
    /** Lets the next read find the newest block: between two events of a subscription time has passed. */
    refresh: () => positions.clear(),
    position: (part: 'clips' | 'locks') => positionOf(need()[part]),
    clip: createBatch(async (hashes: readonly string[]) =>
      indexBy(
        await inParts(hashes, (ids) => read(need().clips, clipList, Clip, { id_in: ids }, ids.length)),
        (row) => row.id,
      ),
    ),
    lock: createBatch(async (addresses: readonly string[]) => {
      const list = { field: 'locks', type: 'Lock', selection: LOCK }
      return indexBy(
        await inParts(addresses, (ids) => read(need().locks, list, Lock, { id_in: ids }, ids.length)),
        (row) => row.id,
      )
    }),
    /** Registered clips, newest first; `after` is the last one seen. */
    clips: async (
      filter: Readonly<Record<string, unknown>>,
      after: Pick<CatalogClip, 'id' | 'registeredAtBlock'> | null,
      limit: number,
    ) => {
      const conditions: Record<string, unknown>[] = [{ isRegistered: true, ...filter }]
      if (after) {
        const block = String(after.registeredAtBlock)
        conditions.push({ or: [{ registeredAtBlock_lt: block }, { registeredAtBlock: block, id_lt: after.id }] })
      }
      const list = { ...clipList, order: 'orderBy: registeredAtBlock, orderDirection: desc' }
      return await read(need().clips, list, Clip, { and: conditions }, limit)
    },
    keys: readKeys,
    /** Whether a wallet holds a key that is valid at this moment, asked for as `lock address:wallet`, in lower case. */
    opens: createBatch(async (pairs: readonly string[]) => {
      const wallets = Map.groupBy(pairs, (pair) => pair.split(':')[1])
      const held = await Promise.all(
        [...wallets].map(async ([wallet, asked]) => {
          const locks = await readHolding(
            asked.map((pair) => pair.split(':')[0]),
            wallet,
          )
          return locks.map((lock) => `${lock}:${wallet}`)
        }),
      )
      return new Map(held.flat().map((pair) => [pair, true]))
    }),
  }
}

/** Reads by any number of ids, as many at a time as a page may have rows. */
async function inParts<Row>(ids: readonly string[], load: (part: readonly string[]) => Promise<Row[]>): Promise<Row[]> {
  const parts: Promise<Row[]>[] = []
  for (let at = 0; at < ids.length; at += LARGEST_PAGE) parts.push(load(ids.slice(at, at + LARGEST_PAGE)))
  return (await Promise.all(parts)).flat()
}
