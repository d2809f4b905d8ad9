import { join } from 'node:path'
import { type Config, readConfig } from '../worker/config.ts'
import { openClient } from '../worker/db/client.ts'
import { type Migration, migrate, migrationStatus } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { syncPipelines } from '../worker/engine/tasks.ts'
import { createLog } from '../worker/log.ts'
import { pipelines } from '../worker/pipelines/index.ts'

/**
 * Looks at the configured database, the embedded one if none is, after bringing it to the newest schema if that is wanted.
 *
 * @throws AppError CONFLICT when an applied migration has been edited since
 */
export async function visitDatabase(options: { migrate: boolean }): Promise<readonly Migration[]> {
  const config = readConfig()
  return await atDatabase(config, async (url) => {
    if (options.migrate) {
      await migrate(url)
      const client = openClient(url)
      try {
        await syncPipelines(client.pool, pipelines, {
          attempts: config.MAX_JOB_RETRIES,
          timeoutSeconds: Math.ceil(config.JOB_TIMEOUT_MS / 1000),
        })
      } finally {
        await client.close()
      }
    }
    return await migrationStatus(url)
  })
}

/** Does one piece of work at the configured database; the embedded one is started for it, or shared with a server that runs. */
export async function atDatabase<Result>(
  config: Pick<Config, 'DATABASE_URL' | 'REFRAIN_DATA_DIR'>,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  if (config.DATABASE_URL) return await work(config.DATABASE_URL)
  const postgres = await startPostgres({
    dataDirectory: join(config.REFRAIN_DATA_DIR, 'postgres'),
    log: createLog('warn'),
  })
  try {
    return await work(postgres.url)
  } finally {
    await postgres.stop()
  }
}
