import { join } from 'node:path'
import pg from 'pg'
import { type RunningPostgres, startPostgres } from '../../worker/db/postgres/index.ts'
import { createLog } from '../../worker/log.ts'

/** The checkout's root. */
export const checkout = join(import.meta.dirname, '..', '..')

export type TestServer = {
  /** Superuser's URL of one of the server's databases. */
  url(database: string): string
  /** Leaves the server; it stops when the last test process has left. */
  leave(): Promise<void>
}

/**
 * Starts the PostgreSQL that all tests of this checkout share, or joins it. Nothing in it outlives a crash: databases
 * that killed tests left are dropped when the server starts.
 */
export async function joinTestServer(): Promise<TestServer> {
  const server = await startPostgres({
    dataDirectory: join(checkout, '.refrain', 'test-postgres'),
    // Losing test data to a power cut is fine; waiting for the disk is not.
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
    log: createLog('silent'),
  })
  if (!server.isAdopted) await dropLeftDatabases(server)
  return { url: (database) => withDatabase(server.url, database), leave: () => server.stop() }
}

/** Runs statements on a connection of their own. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

async function dropLeftDatabases({ url }: RunningPostgres): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      // Only what an earlier run of the server saw: another process may be making its database right now.
      String.raw`select datname from pg_database where datname like 'test\_%' and to_timestamp(('x' || substr(datname, 6, 8))::bit(32)::int) < pg_postmaster_start_time()`,
    )
    for (const { datname } of rows) await client.query(`drop database if exists "${datname}" with (force)`)
  })
}
