import { join } from 'node:path'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { migrate, migrationStatus } from '../../worker/db/migrate.ts'
import { startPostgres } from '../../worker/db/postgres/index.ts'
import { syncPipelines } from '../../worker/engine/tasks.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { createLog } from '../../worker/log.ts'
import { pipelines } from '../../worker/pipelines/index.ts'
import { table } from './arguments.ts'
import type { Command } from './index.ts'

export const db: Command = {
  name: 'db',
  usage: 'db migrate | db status',
  words: 1,
  summary: 'brings the database to the newest schema, or lists what is applied; needs no server',
  options: {},
  async run({ positionals, isJson, print }) {
    const [action] = positionals
    if (action !== 'migrate' && action !== 'status')
      throw new InvalidInput('expected db migrate or db status', { details: { usage: true } })
    const config = readConfig()
    const postgres = config.DATABASE_URL
      ? null
      : await startPostgres({ dataDirectory: join(config.REFRAIN_DATA_DIR, 'postgres'), log: createLog('warn') })
    try {
      const url = config.DATABASE_URL ?? postgres?.url ?? ''
      if (action === 'migrate') {
        await migrate(url)
        const client = openClient(url)
        await syncPipelines(client.pool, pipelines, {
          attempts: config.MAX_JOB_RETRIES,
          timeoutSeconds: Math.ceil(config.JOB_TIMEOUT_MS / 1000),
        })
        await client.close()
      }
      const migrations = await migrationStatus(url)
      if (isJson) print(JSON.stringify(migrations))
      else {
        const state = (one: (typeof migrations)[number]) =>
          one.appliedAt ? `applied ${one.appliedAt.toISOString()}` : 'pending'
        for (const row of table(migrations.map((one) => [one.name, state(one)]))) print(row)
        const pending = migrations.filter((one) => !one.appliedAt).length
        print(`${migrations.length - pending} applied, ${pending} pending`)
      }
      return 0
    } finally {
      await postgres?.stop()
    }
  },
}
