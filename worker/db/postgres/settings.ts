/** PostgreSQL settings by name, values as in postgresql.conf. */
export type Settings = Readonly<Record<string, string>>

/** Written to postgresql.conf once, by initdb: an operator may change them there. */
export const clusterSettings: Settings = {
  shared_buffers: '256MB',
  max_connections: '100',
  // Our queries are short; compiling one costs more than running it.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
}

/** Arguments of initdb. Encoding and locale are spelled out, or an unset LANG would give a SQL_ASCII database. */
export function initdbArgs(directory: string, passwordFile: string): string[] {
  return [
    `--pgdata=${directory}`,
    '--username=refrain',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    ...Object.entries(clusterSettings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ]
}

/**
 * Arguments of postgres. Only the loopback address is listened on; there is no unix socket, whose path would have to be
 * short and whose directory other users would share.
 */
export function postgresArgs(cluster: string, port: number, settings: Settings): string[] {
  const fixed = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' }
  return [
    '-D',
    cluster,
    ...Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}
