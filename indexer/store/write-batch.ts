import type pg from 'pg'
import type { Batch, BatchEntry } from './batch.ts'
import { copyInto, copyLine } from './copy.ts'
import type { IndexedBlock } from './deployments.ts'
import { CURRENT, qualifiedTable, quote, sqlType } from './layout.ts'
import { toParameter } from './read-rows.ts'
import type { EntityType } from './schema.ts'
import { contextToJson } from './sources.ts'

/** Where a deployment keeps its rows. */
export interface Place {
  readonly deploymentId: string
  readonly schema: string
  readonly chainId: number
}

const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex')

/** Writes the versions of a batch, in the transaction that moves the deployment's block. */
export async function writeEntities(connection: pg.PoolClient, { schema }: Place, batch: Batch): Promise<void> {
  for (const [type, entries] of batch.entities) {
    await closeVersions(connection, schema, type, entries)
    await insertVersions(connection, schema, type, entries)
  }
}

async function closeVersions(
  connection: pg.PoolClient,
  schema: string,
  type: EntityType,
  entries: ReadonlyMap<string, BatchEntry>,
): Promise<void> {
  const ids: (string | Buffer)[] = []
  const ends: number[] = []
  for (const [id, { closesAt }] of entries) {
    if (closesAt === null) continue
    ids.push(toParameter(type.id, id))
    ends.push(closesAt)
  }
  if (ids.length === 0) return
  await connection.query(
    `update ${qualifiedTable(schema, type)} as entity set valid_to = closed.valid_to
     from unnest($1::${sqlType(type.id)}[], $2::integer[]) as closed (id, valid_to)
     where entity.id = closed.id and entity.valid_to = ${CURRENT}`,
    [ids, ends],
  )
}

async function insertVersions(
  connection: pg.PoolClient,
  schema: string,
  type: EntityType,
  entries: ReadonlyMap<string, BatchEntry>,
): Promise<void> {
  const scalars = type.storedFields.map((field) => field.scalar)
  let text = ''
  for (const { versions } of entries.values()) {
    for (const { from, to, row } of versions) text += copyLine(scalars, row, from, to)
  }
  if (text === '') return
  const columns = type.storedFields.map((field) => quote(field.column)).join(', ')
  await copyInto(connection, `copy ${qualifiedTable(schema, type)} (${columns}, valid_from, valid_to) from stdin`, text)
}

export async function writeBlocks(
  connection: pg.PoolClient,
  { deploymentId }: Place,
  blocks: readonly IndexedBlock[],
): Promise<void> {
  await connection.query(
    `insert into indexer.blocks (deployment_id, number, hash, parent_hash, timestamp)
     select $1, * from unnest($2::integer[], $3::bytea[], $4::bytea[], $5::bigint[])`,
    [
      deploymentId,
      blocks.map((block) => block.number),
      blocks.map((block) => bytes(block.hash)),
      blocks.map((block) => bytes(block.parentHash)),
      blocks.map((block) => block.timestamp),
    ],
  )
}

export async function writeSources(
  connection: pg.PoolClient,
  { deploymentId }: Place,
  created: Batch['created'],
  firstPosition: number,
): Promise<void> {
  if (created.length === 0) return
  await connection.query(
    `insert into indexer.sources (deployment_id, position, template, address, context, created_at_block)
     select $1, $2 + ordinality, template, address, context, created_at_block
     from unnest($3::text[], $4::bytea[], $5::jsonb[], $6::integer[]) with ordinality
       as source (template, address, context, created_at_block, ordinality)`,
    [
      deploymentId,
      firstPosition,
      created.map((source) => source.definition.name),
      created.map((source) => bytes(source.address)),
      created.map((source) => (source.context ? contextToJson(source.context) : null)),
      created.map((source) => source.createdAtBlock),
    ],
  )
}

/** Answers of contracts at a block stay true: kept for every deployment of the chain, and for the next index of it. */
export async function writeAnswers(
  connection: pg.PoolClient,
  { chainId }: Place,
  answers: Batch['answers'],
): Promise<void> {
  const calls = answers.filter((answer) => answer.call.method === 'call')
  if (calls.length === 0) return
  await connection.query(
    `insert into indexer.calls (chain_id, block_hash, block_number, to_address, input, output)
     select $1, * from unnest($2::bytea[], $3::integer[], $4::bytea[], $5::bytea[], $6::bytea[])
     on conflict do nothing`,
    [
      chainId,
      calls.map(({ call }) => bytes(call.blockHash)),
      calls.map(({ blockNumber }) => blockNumber),
      calls.map(({ call }) => bytes(call.to)),
      calls.map(({ call }) => (call.method === 'call' ? bytes(call.data) : Buffer.alloc(0))),
      calls.map(({ answer }) => (answer === null ? null : bytes(answer))),
    ],
  )
}
