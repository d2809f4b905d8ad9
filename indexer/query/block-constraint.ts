import type { Deployment, Queryable } from '../store/deployments.ts'
import { type InputObject, type InputValue, inspect, isEnum, isObject } from './input-value.ts'
import { QueryError } from './query-error.ts'
import type { Selected } from './selection.ts'

/** What a root field's `block` argument asks for. */
type Constraint =
  | { readonly kind: 'latest' }
  | { readonly kind: 'number' | 'atLeast'; readonly number: number }
  | { readonly kind: 'hash'; readonly hash: Buffer }

/** Neighbouring root fields that are answered at the same block and under the same error policy. */
export interface BlockGroup {
  readonly fields: readonly Selected[]
  readonly block: ResolvedBlock
  /** Whether a handler has failed at or before the block. */
  readonly hasIndexingErrors: boolean
  /** Whether all fields ask for data in spite of that. */
  readonly allowsErrors: boolean
}

export interface ResolvedBlock {
  readonly number: number
  readonly isLatest: boolean
  /** The following are null when the block was asked for by its number: graph-node does not look them up. */
  readonly hash: string | null
  readonly parentHash: string | null
  /** Unix seconds. */
  readonly timestamp: number | null
}

/**
 * Finds the block of each root field and puts neighbours that agree together, as graph-node does: one field that denies errors
 * denies them for its whole group.
 *
 * @param connection in the transaction that `deployment` was read in
 * @throws QueryError for blocks that are not there (yet, or any more)
 */
export async function groupByBlock(
  connection: Queryable,
  deployment: Deployment,
  fields: readonly Selected[],
): Promise<BlockGroup[]> {
  const groups: { key: string; constraint: Constraint; fields: Selected[] }[] = []
  for (const field of fields) {
    const constraint = readConstraint(field)
    const key = JSON.stringify(constraint)
    const last = groups.at(-1)
    if (last?.key === key) last.fields.push(field)
    else groups.push({ key, constraint, fields: [field] })
  }
  const resolved: BlockGroup[] = []
  for (const { constraint, fields: members } of groups) {
    const block = await resolve(connection, deployment, constraint)
    resolved.push({
      fields: members,
      block,
      hasIndexingErrors: hasFailedBy(deployment, constraint, block),
      allowsErrors: members.every(({ args }) => allows(args)),
    })
  }
  return resolved
}

const allows = (args: InputObject) => {
  const policy = args.get('subgraphError') ?? null
  return isEnum(policy) && policy.enum === 'allow'
}

function readConstraint({ args, node }: Selected): Constraint {
  const value = args.get('block') ?? null
  if (value === null) return { kind: 'latest' }
  const invalid = () => new QueryError(`Invalid value provided for argument \`block\`: ${inspect(value)}`, node.loc)
  if (!isObject(value)) throw invalid()
  if (value.has('hash')) return { kind: 'hash', hash: readHash(value.get('hash') ?? null, invalid) }
  for (const [name, kind] of [
    ['number', 'number'],
    ['number_gte', 'atLeast'],
  ] as const) {
    if (!value.has(name)) continue
    const number = value.get(name)
    if (typeof number !== 'bigint') throw invalid()
    return { kind, number: Number(number) }
  }
  throw invalid()
}

function readHash(value: InputValue, invalid: () => QueryError): Buffer {
  const digits = typeof value === 'string' ? /^(?:0x)?((?:[0-9a-fA-F]{2})*)$/.exec(value)?.[1] : undefined
  if (digits === undefined) throw invalid()
  return Buffer.from(digits, 'hex')
}

async function resolve(connection: Queryable, deployment: Deployment, constraint: Constraint): Promise<ResolvedBlock> {
  const latest = deployment.block
  if (!latest) {
    throw new QueryError(
      `Store error: Subgraph \`${deployment.id}\` has not started syncing yet. Wait for it to ingest a few blocks before querying it`,
    )
  }
  switch (constraint.kind) {
    case 'latest':
      return { ...latest, isLatest: true }
    case 'atLeast':
      if (latest.number < constraint.number)
        throw notYet(deployment, 'block.number_gte', latest.number, constraint.number)
      return { ...latest, isLatest: true }
    case 'number':
      assertAvailable(deployment, latest.number, constraint.number)
      return {
        number: constraint.number,
        isLatest: constraint.number === latest.number,
        hash: null,
        parentHash: null,
        timestamp: null,
      }
    case 'hash': {
      const block = await findBlock(connection, deployment, constraint.hash)
      if (!block) throw new QueryError('Failed to decode `block.hash` value: `no block with that hash found`')
      assertAvailable(deployment, latest.number, block.number)
      return { ...block, isLatest: block.number === latest.number }
    }
  }
}

async function findBlock(connection: Queryable, { id, block }: Deployment, hash: Buffer) {
  const text = `0x${hash.toString('hex')}`
  if (block?.hash === text) return block
  const { rows } = await connection.query<{ number: number; parent_hash: Buffer; timestamp: string }>(
    'select number, parent_hash, timestamp::text from indexer.blocks where deployment_id = $1 and hash = $2',
    [id, hash],
  )
  if (rows.length === 0) return null
  const [{ number, parent_hash: parentHash, timestamp }] = rows
  return { number, hash: text, parentHash: `0x${parentHash.toString('hex')}`, timestamp: Number(timestamp) }
}

function assertAvailable(deployment: Deployment, latest: number, asked: number): void {
  if (asked > latest) throw notYet(deployment, 'block.number', latest, asked)
  if (asked >= deployment.earliestBlock) return
  throw new QueryError(
    `Failed to decode \`block.number\` value: \`subgraph ${deployment.id} only has data starting at block number ${deployment.earliestBlock} and data for block number ${asked} is therefore not available\``,
  )
}

function notYet({ id }: Deployment, argument: string, latest: number, asked: number): QueryError {
  return new QueryError(
    `Failed to decode \`${argument}\` value: \`subgraph ${id} has only indexed up to block number ${latest} and data for block number ${asked} is therefore not yet available\``,
  )
}

/** What was indexed before the failing block is sound, when it is asked for by its own block. */
function hasFailedBy(deployment: Deployment, { kind }: Constraint, block: ResolvedBlock): boolean {
  if (deployment.state !== 'failed') return false
  if (kind === 'latest' || kind === 'atLeast' || deployment.failedBlock === null) return true
  return block.number >= deployment.failedBlock
}
