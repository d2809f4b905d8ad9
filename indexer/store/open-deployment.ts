import { createHash } from 'node:crypto'
import type pg from 'pg'
import { type Client, inTransaction } from '../../worker/db/client.ts'
import { InvalidInput } from '../../worker/errors.ts'
import type { Subgraph } from '../manifest.ts'
import type { Source } from '../sources.ts'
import {
  CREATE_INDEXER_TABLES,
  DEPLOYMENT_COLUMNS,
  type Deployment,
  type IndexedBlock,
  toDeployment,
} from './deployments.ts'
import { createBareTables, quote } from './layout.ts'
import { contextFromJson } from './sources.ts'

/** Digits of the hash that names a deployment; as many as an IPFS hash has characters. */
const ID_DIGITS = 46
/** Two processes that start at once must not both make tables. */
const TABLES_LOCK = 7_215_318_851

/** A deployment as it is found when indexing (re)starts. */
export interface OpenedDeployment {
  readonly deployment: Deployment
  /** Sources created from templates so far, in the order of creation. */
  readonly created: readonly Source[]
  /** Whether there are the indexes that only queries need. */
  readonly hasColumnIndexes: boolean
  /** Blocks whose hashes are kept, from the oldest on. */
  readonly blocks: readonly IndexedBlock[]
}

/** Makes the tables that all deployments share. Safe to call from several processes at once, and again. */
export async function createIndexerTables(client: Pick<Client, 'pool'>): Promise<void> {
  await inTransaction(client, async (connection) => {
    await connection.query('select pg_advisory_xact_lock($1)', [TABLES_LOCK])
    await connection.query(CREATE_INDEXER_TABLES)
  })
}

/** What a deployment is: the same subgraph under the same name on the same chain has the same id. */
export function deploymentId(name: string, subgraph: Subgraph, chainId: number, genesisHash: string): string {
  return createHash('sha256')
    .update(JSON.stringify([name, subgraph.sha256, chainId, genesisHash]))
    .digest('hex')
    .slice(0, ID_DIGITS)
}

/**
 * Finds the deployment of a name or makes it. What the name stood for before (another build, another chain) is no longer served
 * under it; its entities stay until `dropSuperseded`.
 */
export async function openDeployment(
  client: Pick<Client, 'pool'>,
  name: string,
  subgraph: Subgraph,
  chain: { readonly id: number; readonly genesisHash: string },
): Promise<OpenedDeployment> {
  const id = deploymentId(name, subgraph, chain.id, chain.genesisHash)
  const schema = `sg_${id.slice(0, 12)}`
  return inTransaction(client, async (connection) => {
    await connection.query('select pg_advisory_xact_lock($1)', [TABLES_LOCK])
    await connection.query('update indexer.deployments set is_current = false where name = $1 and id <> $2', [name, id])
    const found = await connection.query(
      'update indexer.deployments set is_current = true where id = $1 and name = $2',
      [id, name],
    )
    if (found.rowCount === 0) {
      await connection.query(
        `insert into indexer.deployments (id, name, schema, chain_id, network, schema_text, start_block)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [id, name, schema, chain.id, subgraph.network, subgraph.schemaText, startBlockOf(subgraph)],
      )
      for (const statement of createBareTables(schema, subgraph.schema)) await connection.query(statement)
    }
    const { rows } = await connection.query(
      `select ${DEPLOYMENT_COLUMNS}, has_column_indexes from indexer.deployments where id = $1`,
      [id],
    )
    return {
      deployment: toDeployment(rows[0]),
      hasColumnIndexes: rows[0].has_column_indexes,
      created: await readSources(connection, id, subgraph),
      blocks: await readBlocks(connection, id),
    }
  })
}

/** First block that any source is asked for. */
export const startBlockOf = (subgraph: Subgraph): number =>
  Math.min(...subgraph.sources.map((source) => source.startBlock))

async function readSources(connection: pg.PoolClient, id: string, subgraph: Subgraph): Promise<Source[]> {
  const { rows } = await connection.query<{
    template: string
    address: string
    context: Record<string, unknown> | null
    created_at_block: number
  }>(
    `select template, '0x' || encode(address, 'hex') as address, context, created_at_block
     from indexer.sources where deployment_id = $1 order by position`,
    [id],
  )
  return rows.map((row) => {
    const definition = subgraph.templates.get(row.template)
    if (!definition)
      throw new InvalidInput(`the stored data source ${row.address} is of the unknown template ${row.template}`)
    return {
      definition,
      address: row.address,
      startBlock: row.created_at_block,
      endBlock: null,
      context: row.context ? contextFromJson(row.context) : null,
      createdAtBlock: row.created_at_block,
    }
  })
}

async function readBlocks(connection: pg.PoolClient, id: string): Promise<IndexedBlock[]> {
  const { rows } = await connection.query<{ number: number; hash: string; parent_hash: string; timestamp: number }>(
    `select number, '0x' || encode(hash, 'hex') as hash, '0x' || encode(parent_hash, 'hex') as parent_hash, timestamp
     from indexer.blocks where deployment_id = $1 order by number`,
    [id],
  )
  return rows.map((row) => ({
    number: row.number,
    hash: row.hash,
    parentHash: row.parent_hash,
    timestamp: Number(row.timestamp),
  }))
}

/** Deletes what a name stood for before. @returns ids of what was deleted */
export async function dropSuperseded(client: Pick<Client, 'pool'>, name: string): Promise<string[]> {
  return inTransaction(client, async (connection) => {
    await connection.query('select pg_advisory_xact_lock($1)', [TABLES_LOCK])
    const { rows } = await connection.query<{ id: string; schema: string }>(
      'delete from indexer.deployments where name = $1 and not is_current returning id, schema',
      [name],
    )
    for (const { schema } of rows) await connection.query(`drop schema if exists ${quote(schema)} cascade`)
    return rows.map((row) => row.id)
  })
}
