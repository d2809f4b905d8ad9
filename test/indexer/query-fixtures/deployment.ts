import { readFile } from 'node:fs/promises'
import { CREATE_INDEXER_TABLES } from '../../../indexer/store/deployments.ts'
import { CURRENT, createTables, qualifiedTable, quote, sqlType } from '../../../indexer/store/layout.ts'
import { type EntitySchema, parseEntityTypes } from '../../../indexer/store/schema.ts'
import type { Client } from '../../../worker/db/client.ts'

/** A stored value as text that Postgres reads; bytes as `0x…`. */
export type Value = null | string | number | boolean | readonly (string | number | boolean)[]
/** One version of one entity: it holds from block `from` up to and without block `to`; null for what holds now. */
export interface Version {
  readonly from: number
  readonly to: number | null
  readonly values: Readonly<Record<string, Value>>
}
export type Rows = Readonly<Record<string, readonly Version[]>>

export const fixture = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8')

/** Hash of a test's block. */
export const blockHash = (number: number): string => `0x${(number + 0xb10c0000).toString(16).padStart(64, '0')}`

/** A deployment as the indexer leaves it: its row, the recent blocks, one table per entity type with the given versions. */
export async function createDeployment(
  client: Client,
  options: { name: string; schemaText: string; rows: Rows; block: number; earliestBlock?: number },
): Promise<{ id: string; schema: string; entities: EntitySchema }> {
  const { name, schemaText, block } = options
  const id = Buffer.from(`deployment ${name}`).toString('hex').padEnd(46, '0').slice(0, 46)
  const schema = `sg_${name.replace(/\W/g, '_')}`
  const entities = parseEntityTypes(schemaText)
  await client.pool.query(CREATE_INDEXER_TABLES)
  for (const statement of createTables(schema, entities)) await client.pool.query(statement)
  const hash = (number: number) => Buffer.from(blockHash(number).slice(2), 'hex')
  await client.pool.query(
    `insert into indexer.deployments (id, name, schema, chain_id, network, schema_text, start_block, earliest_block,
       block_number, block_hash, block_parent_hash, block_timestamp, head_number, state)
     values ($1, $2, $3, 31337, 'test', $4, 0, $5, $6, $7, $8, $9, $6, 'following')`,
    [
      id,
      name,
      schema,
      schemaText,
      options.earliestBlock ?? 0,
      block,
      hash(block),
      hash(block - 1),
      1_700_000_000 + block,
    ],
  )
  for (let number = 0; number <= block; number++) {
    await client.pool.query(
      'insert into indexer.blocks (deployment_id, number, hash, parent_hash, timestamp) values ($1, $2, $3, $4, $5)',
      [id, number, hash(number), hash(number - 1), 1_700_000_000 + number],
    )
  }
  await insertRows(client, schema, entities, options.rows)
  return { id, schema, entities }
}

/** Inserts versions of entities. */
export async function insertRows(client: Client, schema: string, entities: EntitySchema, rows: Rows): Promise<void> {
  for (const [type, versions] of Object.entries(rows)) {
    const entity = entities.entities.get(type)
    if (!entity) throw new Error(`the fixture's schema has no type ${type}`)
    const fields = entity.storedFields
    const columns = fields.map((field) => quote(field.column)).join(', ')
    const parameters = fields.map((field, index) => `$${index + 3}::${sqlType(field)}${field.isList ? '[]' : ''}`)
    for (const { from, to, values } of versions) {
      await client.pool.query(
        `insert into ${qualifiedTable(schema, entity)} (valid_from, valid_to, ${columns}) values ($1, $2, ${parameters.join(', ')})`,
        [
          from,
          to ?? CURRENT,
          ...fields.map((field) => toParameter(values[field.name] ?? null, field.scalar === 'Bytes')),
        ],
      )
    }
  }
}

function toParameter(value: Value, isBytes: boolean): unknown {
  if (!isBytes || value === null) return value
  const bytes = (text: unknown) => Buffer.from(String(text).slice(2), 'hex')
  return Array.isArray(value) ? value.map(bytes) : bytes(value)
}
