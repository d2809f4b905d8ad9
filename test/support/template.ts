import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { migrate } from '../../worker/db/migrate.ts'
import { checkout, type TestServer, withClient } from './test-server.ts'

/** Everything a migrated, empty database is made from. */
const templateSources = ['migrations/*.sql', 'worker/db/migrate.ts', 'node_modules/graphile-worker/package.json']

/** Builds the template unless one with the same sources is there; one test process builds, the others wait. */
export async function ensureTemplate(server: TestServer): Promise<string> {
  const name = `template_${await hashSources()}`
  await withClient(server.url('postgres'), async (client) => {
    await client.query(`select pg_advisory_lock(hashtext('refrain test template'))`)
    // Marked as a template only when complete.
    const { rows } = await client.query<{ datname: string; datistemplate: boolean }>(
      String.raw`select datname, datistemplate from pg_database where datname like 'template\_%' order by oid desc`,
    )
    if (rows.some(({ datname, datistemplate }) => datname === name && datistemplate)) return
    // A test process that began before the sources changed still clones the one before.
    const old = rows.filter(({ datistemplate }, index) => !datistemplate || index > 1)
    for (const { datname } of old) await dropTemplate(client, datname)
    await client.query(`create database ${name}`)
    await migrate(server.url(name))
    await client.query(`alter database ${name} with is_template true allow_connections false`)
    // Cloning asks for a database that nobody is connected to.
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  })
  return name
}

async function dropTemplate(client: pg.Client, name: string): Promise<void> {
  await client.query(`alter database ${name} with is_template false`)
  await client.query(`drop database ${name} with (force)`)
}

async function hashSources(): Promise<string> {
  const paths: string[] = []
  for await (const path of glob(templateSources, { cwd: checkout })) paths.push(path)
  const hash = createHash('sha256')
  for (const path of paths.sort())
    hash
      .update(`${path}\0`)
      .update(await readFile(join(checkout, path)))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}
