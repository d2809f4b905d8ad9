import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { syncPipelines } from '../worker/engine/tasks.ts'
import { createLog } from '../worker/log.ts'
import { pipelines } from '../worker/pipelines/index.ts'

/**
 * What the trigger on `tracks.stage` costs: settling the same task of many tracks, which moves their stage, with the trigger
 * and without it, in turn. `node bench/stage-trigger.ts`
 */
const TRACKS = 1_000
const ROUNDS = 5

const folder = await mkdtemp(join(tmpdir(), 'refrain-bench-'))
// PostgreSQL runs as another user when root starts it, and must reach its folder.
await chmod(folder, 0o755)
const postgres = await startPostgres({
  dataDirectory: join(folder, 'postgres'),
  sharedDirectory: join(folder, 'shared'),
  log: createLog('error'),
})
const times: Record<'with' | 'without', number[]> = { with: [], without: [] }
try {
  await migrate(postgres.url)
  const client = openClient(postgres.url)
  try {
    await syncPipelines(client.pool, pipelines)
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of ['with', 'without'] as const) {
        await client.pool.query(
          `alter table tracks ${kind === 'with' ? 'enable' : 'disable'} trigger _600_populate_audio_tasks`,
        )
        await client.pool.query(
          "insert into tracks (title, source_type) select 'Song', 'upload' from generate_series(1, $1)",
          [TRACKS],
        )
        const startedAt = performance.now()
        await client.pool.query("update tasks set status = 'completed' where stage = 'download' and status = 'pending'")
        times[kind].push(performance.now() - startedAt)
      }
    }
  } finally {
    await client.close()
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]
const [on, off] = [median(times.with), median(times.without)]
console.log(
  `${TRACKS} tracks move their stage: ${on.toFixed(0)} ms with the trigger, ${off.toFixed(0)} ms without: ${(on / off).toFixed(2)} ×`,
)
