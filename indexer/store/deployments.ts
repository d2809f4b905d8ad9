import type { Client } from '../../worker/db/client.ts'

/**
 * What a deployment is doing.
 *
 * - `starting`: another process indexes it, or nothing has been read yet
 * - `syncing`: behind the head
 * - `following`: at the head
 * - `waiting`: the node does not answer, or gives answers that contradict each other; `message` says which. It goes on by itself
 * - `failed`: a handler failed in a way that would repeat; `message`, `failedHandler` and `failedBlock` say where. It stands still
 */
export type DeploymentState = 'starting' | 'syncing' | 'following' | 'waiting' | 'failed'

/** One subgraph as it is indexed from one chain: the row of `indexer.deployments`. */
export interface Deployment {
  /** Under which it is asked for: `/subgraphs/name/<name>`. */
  readonly name: string
  /** `Qm`-like stand-in: 46 hexadecimal digits of the SHA-256 of build, sources and chain. */
  readonly id: string
  /** Postgres schema of its entities. */
  readonly schema: string
  readonly chainId: number
  /** The network's name in the manifest. */
  readonly network: string
  /** Text of schema.graphql, for whoever serves it. */
  readonly schemaText: string
  /** Last block that is indexed whole; null before the first. Entities and this commit together. */
  readonly block: IndexedBlock | null
  /** Highest block the node has told of; null before it answered. */
  readonly headNumber: number | null
  /** First block that can be asked for with `block: {number}`: what is older was pruned. */
  readonly earliestBlock: number
  readonly state: DeploymentState
  /** For people: why it waits or failed; null otherwise. */
  readonly message: string | null
  readonly failedHandler: string | null
  readonly failedBlock: number | null
  readonly updatedAt: Date
}

export interface IndexedBlock {
  readonly number: number
  readonly hash: string
  readonly parentHash: string
  /** Unix seconds. */
  readonly timestamp: number
}

/** Made when an indexer starts, by whoever comes first; there is no data in it that cannot be indexed again. */
export const CREATE_INDEXER_TABLES = `
create schema if not exists indexer;
create table if not exists indexer.deployments (
  id text primary key,
  name text not null,
  schema text not null unique,
  chain_id bigint not null,
  network text not null,
  schema_text text not null,
  start_block integer not null,
  earliest_block integer not null default 0,
  block_number integer,
  block_hash bytea,
  block_parent_hash bytea,
  block_timestamp bigint,
  head_number integer,
  state text not null default 'starting' check (state in ('starting', 'syncing', 'following', 'waiting', 'failed')),
  message text,
  failed_handler text,
  failed_block integer,
  is_current boolean not null default true,
  has_column_indexes boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index if not exists deployments_by_name on indexer.deployments (name) where is_current;
create table if not exists indexer.blocks (
  deployment_id text not null references indexer.deployments on delete cascade,
  number integer not null,
  hash bytea not null,
  parent_hash bytea not null,
  timestamp bigint not null,
  primary key (deployment_id, number)
);
create index if not exists blocks_by_hash on indexer.blocks (deployment_id, hash);
create table if not exists indexer.sources (
  deployment_id text not null references indexer.deployments on delete cascade,
  position integer not null,
  template text not null,
  address bytea not null,
  context jsonb,
  created_at_block integer not null,
  primary key (deployment_id, position)
);
create table if not exists indexer.calls (
  chain_id bigint not null,
  block_hash bytea not null,
  block_number integer not null,
  to_address bytea not null,
  input bytea not null,
  output bytea,
  primary key (chain_id, block_hash, to_address, input)
);
create index if not exists calls_by_block on indexer.calls (chain_id, block_number);
`

/** Columns of `indexer.deployments`, as `toDeployment` takes them. */
export const DEPLOYMENT_COLUMNS = `id, name, schema, chain_id, network, schema_text, block_number, encode(block_hash, 'hex') as block_hash,
  encode(block_parent_hash, 'hex') as block_parent_hash, block_timestamp, head_number, earliest_block, state, message,
  failed_handler, failed_block, updated_at`

/** Anything that takes plain SQL: the pool, or one connection within a transaction. */
export type Queryable = Pick<Client['pool'], 'query'>

/**
 * The deployment of a name, or null. Asked on the connection of a `repeatable read` transaction it tells exactly which block the
 * entities read there are of.
 */
export async function readDeployment(connection: Queryable, name: string): Promise<Deployment | null> {
  const { rows } = await connection.query(
    `select ${DEPLOYMENT_COLUMNS} from indexer.deployments where name = $1 and is_current`,
    [name],
  )
  return rows.length === 1 ? toDeployment(rows[0]) : null
}

export function toDeployment(row: Record<string, unknown>): Deployment {
  return {
    name: row.name as string,
    id: row.id as string,
    schema: row.schema as string,
    chainId: Number(row.chain_id),
    network: row.network as string,
    schemaText: row.schema_text as string,
    block:
      row.block_number === null
        ? null
        : {
            number: row.block_number as number,
            hash: `0x${row.block_hash}`,
            parentHash: `0x${row.block_parent_hash}`,
            timestamp: Number(row.block_timestamp),
          },
    headNumber: row.head_number as number | null,
    earliestBlock: row.earliest_block as number,
    state: row.state as DeploymentState,
    message: row.message as string | null,
    failedHandler: row.failed_handler as string | null,
    failedBlock: row.failed_block as number | null,
    updatedAt: row.updated_at as Date,
  }
}
