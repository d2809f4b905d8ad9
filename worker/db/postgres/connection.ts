import pg from 'pg'

/** The database that Refrain uses in a server of its own, and the name of its superuser. */
export const databaseName = 'refrain'

/** @returns a URL with the password in it: never log it */
export function databaseUrl(port: number, password: string, database = databaseName): string {
  return `postgres://refrain:${password}@127.0.0.1:${port}/${database}`
}

/**
 * Asks the server who it is, and makes the database `refrain` if it has none.
 *
 * The answer can be trusted: SCRAM proves to both sides that the other knows the password.
 *
 * @returns its data directory and its version, like `18.4`
 * @throws pg.DatabaseError, or an error of the socket
 */
export async function greetServer(
  port: number,
  password: string,
): Promise<{ readonly cluster: string; readonly version: string }> {
  const client = new pg.Client({
    connectionString: databaseUrl(port, password, 'postgres'),
    connectionTimeoutMillis: 5000,
    application_name: 'refrain supervisor',
  })
  // A server that ends while we talk to it also fails the query; without a listener it would end this process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ cluster: string; version: string; has_database: boolean }>(
      `select current_setting('data_directory') as cluster, current_setting('server_version') as version,
              exists (select from pg_database where datname = $1) as has_database`,
      [databaseName],
    )
    const { cluster, version, has_database } = rows[0]
    if (!has_database) await client.query(`create database ${databaseName}`)
    return { cluster, version }
  } finally {
    await client.end().catch(() => undefined)
  }
}
