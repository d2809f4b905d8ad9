import { z } from 'zod'
import type { Subgraph } from './client.ts'

/** One event of the chain as the subgraph tells it. */
export interface ChainEvent {
  /** Transaction hash and log index. */
  readonly id: string
  readonly kind: string
  readonly blockNumber: number
  readonly logIndex: number
  readonly timestampSeconds: number
  readonly transactionHash: string
  readonly clipHash: string | null
  readonly lockAddress: string | null
  readonly tokenId: string | null
  readonly from: string | null
  readonly to: string | null
}

export interface Position {
  readonly deployment: string
  readonly blockNumber: number
  readonly blockHash: string
  readonly parentHash: string | null
  readonly blockTimestampSeconds: number | null
  readonly hasIndexingErrors: boolean
}

/** The two parts of the catalog: one subgraph may have both. */
export type Part = 'clips' | 'locks'

const PAGE = 1_000

const Meta = z.object({
  _meta: z.object({
    block: z.object({
      number: z.number().int(),
      hash: z.string(),
      parentHash: z.string().nullable().optional(),
      timestamp: z.number().int().nullable().optional(),
    }),
    deployment: z.string(),
    hasIndexingErrors: z.boolean(),
  }),
})

/** Where the subgraph is. @throws ProviderUnavailable while it has indexed nothing */
export async function readPosition(subgraph: Subgraph, signal: AbortSignal): Promise<Position> {
  const text = '{ _meta { block { number hash parentHash timestamp } deployment hasIndexingErrors } }'
  const { _meta: meta } = await subgraph.query(text, Meta, { signal })
  return {
    deployment: meta.deployment,
    blockNumber: meta.block.number,
    blockHash: meta.block.hash,
    parentHash: meta.block.parentHash ?? null,
    blockTimestampSeconds: meta.block.timestamp ?? null,
    hasIndexingErrors: meta.hasIndexingErrors,
  }
}

const place = {
  id: z.string(),
  block: z.coerce.number(),
  logIndex: z.number(),
  timestamp: z.coerce.number(),
  transaction: z.string(),
}
const ClipEvents = z.array(
  z.object({ ...place, kind: z.string(), clip: z.object({ id: z.string() }), lockAddress: z.string().nullable() }),
)
const LockEvents = z.array(z.object({ ...place, kind: z.string(), lock: z.object({ id: z.string() }) }))
const KeyEvents = z.array(
  z.object({
    ...place,
    kind: z.string(),
    lock: z.object({ id: z.string() }),
    key: z.object({ tokenId: z.string() }),
    from: z.string(),
    to: z.string(),
  }),
)

interface Listing<Row extends { readonly id: string }> {
  readonly field: string
  readonly filter: string
  readonly selection: string
  readonly rows: z.ZodType<readonly Row[]>
  event(row: Row): ChainEvent
}

function listing<Row extends z.output<typeof ClipEvents | typeof LockEvents | typeof KeyEvents>[number]>(
  field: string,
  filter: string,
  selection: string,
  rows: z.ZodType<readonly Row[]>,
  rest: (row: Row) => Partial<ChainEvent> & { readonly kind: string },
): Listing<Row> {
  return {
    field,
    filter,
    selection,
    rows,
    event: (row) => ({
      id: row.id,
      blockNumber: row.block,
      logIndex: row.logIndex,
      timestampSeconds: row.timestamp,
      transactionHash: row.transaction,
      clipHash: null,
      lockAddress: null,
      tokenId: null,
      from: null,
      to: null,
      ...rest(row),
    }),
  }
}

const CLIP_KINDS: Readonly<Record<string, string>> = {
  REGISTERED: 'clip_registered',
  PROCESSED: 'clip_processed',
  ENCRYPTED: 'segment_encrypted',
  TOGGLED: 'clip_toggled',
}

const clips = listing('clipEvents', 'ClipEvent_filter', 'clip { id } lockAddress', ClipEvents, (row) => ({
  kind: CLIP_KINDS[row.kind] ?? row.kind,
  clipHash: row.clip.id,
  lockAddress: row.lockAddress,
}))
const locks = listing('lockEvents', 'LockEvent_filter', 'lock { id }', LockEvents, (row) => ({
  kind: `lock_${row.kind.toLowerCase()}`,
  lockAddress: row.lock.id,
}))
const keys = listing('keyEvents', 'KeyEvent_filter', 'lock { id } key { tokenId } from to', KeyEvents, (row) => ({
  kind: `key_${row.kind.toLowerCase()}`,
  lockAddress: row.lock.id,
  tokenId: row.key.tokenId,
  from: row.from,
  to: row.to,
}))

/**
 * Every event from one block to another, as they are at a block, in the order of the chain.
 *
 * @param at hash of the block at which the subgraph is asked: all pages belong together
 */
export async function readEvents(
  subgraph: Subgraph,
  parts: readonly Part[],
  range: { readonly fromBlock: number; readonly toBlock: number; readonly at: string },
  signal: AbortSignal,
): Promise<ChainEvent[]> {
  const events: ChainEvent[] = []
  if (parts.includes('clips')) events.push(...(await readAll(clips)))
  if (parts.includes('locks')) events.push(...(await readAll(locks)), ...(await readAll(keys)))
  return events.toSorted((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)

  async function readAll<Row extends { readonly id: string }>(of: Listing<Row>): Promise<ChainEvent[]> {
    const text = `query ($where: ${of.filter}, $at: Bytes!) {
      rows: ${of.field}(first: ${PAGE}, orderBy: id, where: $where, block: { hash: $at }, subgraphError: allow) {
        id kind block logIndex timestamp transaction ${of.selection}
      }
    }`
    const found: ChainEvent[] = []
    for (let after: string | null = null; ; ) {
      const where: Record<string, unknown> = { block_gte: String(range.fromBlock), block_lte: String(range.toBlock) }
      if (after !== null) where.id_gt = after
      const { rows } = await subgraph.query(text, z.object({ rows: of.rows }), {
        variables: { where, at: range.at },
        signal,
      })
      found.push(...rows.map((row) => of.event(row)))
      if (rows.length < PAGE) return found
      after = rows[rows.length - 1].id
    }
  }
}
