import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import * as tables from './tables.ts'

// bigint columns here are ids, counters and sizes, all far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, (value) => Number(value))

export type Database = NodePgDatabase<typeof tables>
/** What `database.transaction` hands out; a database itself serves where no transaction is needed. */
export type Transaction = Pick<
  Database,
  'select' | 'selectDistinct' | 'insert' | 'update' | 'delete' | 'execute' | 'query'
>

/** The only database client of the project: one pool for drizzle, plain SQL and graphile-worker alike. */
export interface Client {
  readonly url: string
  readonly pool: pg.Pool
  readonly database: Database
  close(): Promise<void>
}

/**
 * Opens a pool. Connections are made on first use; TLS follows the URL (`sslmode`, `channel_binding`).
 *
 * @param options.settings session settings of every connection, for example `{ 'engine.notify': 'off' }`
 */
export function openClient(
  url: string,
  options: { maxConnections?: number; settings?: Readonly<Record<string, string>>; name?: string } = {},
): Client {
  const settings = Object.entries(options.settings ?? {}).map(([key, value]) => `-c ${key}=${value}`)
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    application_name: options.name ?? 'refrain',
    ...(settings.length > 0 ? { options: settings.join(' ') } : {}),
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  pool.on('connect', (connection) => connection.on('error', () => {}))
  return { url, pool, database: drizzle(pool, { schema: tables }), close: () => pool.end() }
}

/** One connection of its own, for what a pool cannot do: hold a session's advisory lock, or listen. The caller connects and ends it. */
export function createSession(url: string, name: string): pg.Client {
  return new pg.Client({ connectionString: url, keepAlive: true, application_name: name })
}

/**
 * Runs work in one transaction, with plain SQL and drizzle on the same connection. Commits when `work` returns, rolls back
 * when it throws.
 */
export async function inTransaction<Result>(
  client: Pick<Client, 'pool'>,
  work: (connection: pg.PoolClient, transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  const connection = await client.pool.connect()
  let broken: Error | undefined
  try {
    await connection.query('begin')
    const result = await work(connection, drizzle(connection, { schema: tables }))
    await connection.query('commit')
    return result
  } catch (error) {
    await connection.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    throw error
  } finally {
    connection.release(broken)
  }
}
