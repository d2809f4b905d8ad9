import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import { AppError } from '../errors.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)
/** Two processes that start at once must not both migrate. */
const MIGRATION_LOCK = 7_215_318_842

export interface Migration {
  readonly name: string
  /** SHA-256 of the file, so that an edited migration is noticed. */
  readonly sha256: string
  readonly appliedAt: Date | null
}

/**
 * Brings a database to the newest schema: graphile-worker's own tables first, then the numbered files in `migrations/`,
 * each in one transaction. Safe to call from several processes at once, and again.
 *
 * @returns the names applied by this call
 * @throws AppError CONFLICT when a file that was applied has been edited since
 */
export async function migrate(url: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await runMigrations({ connectionString: url })
    await client.query(`create table if not exists refrain_migrations (
      name text primary key, sha256 text not null, applied_at timestamptz not null default now())`)
    const applied: string[] = []
    for (const migration of await readMigrations(client)) {
      if (migration.appliedAt) continue
      await applyMigration(client, migration)
      applied.push(migration.name)
    }
    return applied
  } finally {
    await client.end()
  }
}

/** Every migration file with the time it was applied, or null. Works on an empty database. */
export async function migrationStatus(url: string): Promise<readonly Migration[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query("select to_regclass('refrain_migrations') is not null as exists")
    return rows[0].exists ? await readMigrations(client) : await readFiles()
  } finally {
    await client.end()
  }
}

async function readFiles(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => ({
      name,
      sha256: createHash('sha256')
        .update(await readFile(new URL(name, FOLDER)))
        .digest('hex'),
      appliedAt: null,
    })),
  )
}

async function readMigrations(client: pg.Client): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; sha256: string; applied_at: Date }>(
    'select * from refrain_migrations',
  )
  const applied = new Map(rows.map((row) => [row.name, row]))
  const files = await readFiles()
  return files.map((file) => {
    const row = applied.get(file.name)
    if (row && row.sha256 !== file.sha256) {
      throw new AppError(
        'CONFLICT',
        `migration ${file.name} was edited after it had been applied: restore the file and put the change into a new one`,
      )
    }
    return { ...file, appliedAt: row?.applied_at ?? null }
  })
}

async function applyMigration(client: pg.Client, migration: Migration): Promise<void> {
  const sql = await readFile(new URL(migration.name, FOLDER), 'utf8')
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query('insert into refrain_migrations (name, sha256) values ($1, $2)', [
      migration.name,
      migration.sha256,
    ])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw new Error(`migration ${migration.name} failed: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}
