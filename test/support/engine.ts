import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, readConfig } from '../../worker/config.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { type ArtifactStore, openArtifactStore } from '../../worker/engine/artifacts.ts'
import type { Pipeline } from '../../worker/engine/define.ts'
import { syncPipelines } from '../../worker/engine/tasks.ts'
import { type RunningWorker, startWorker } from '../../worker/engine/worker.ts'
import { createLog } from '../../worker/log.ts'
import type { Providers } from '../../worker/providers/index.ts'
import { createTestDatabase } from './database.ts'

export interface TestEngine {
  readonly url: string
  readonly client: Client
  readonly config: Config
  readonly artifacts: ArtifactStore
  readonly folder: string
  /** Inserts subjects of a toy pipeline and returns their ids. */
  add(pipeline: string, count?: number): Promise<number[]>
  startWorker(environment?: Record<string, string>): Promise<RunningWorker>
  /** Rows of one subject's tasks as `stage[item] status`, in order of insertion. */
  tasks(pipeline: string, subjectId: number): Promise<string[]>
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Waits until no task of a pipeline is pending or running. */
  untilIdle(pipeline: string, seconds?: number): Promise<void>
  /** What must hold whenever the engine is idle: history without gaps, counters that agree with it, no job left behind. */
  assertConsistent(): Promise<void>
  /** Waits until a query returns a row, and gives it. */
  until<Row extends object>(sql: string, values?: unknown[], seconds?: number): Promise<Row>
  close(): Promise<void>
}

/**
 * A database of its own with these pipelines declared. Pipelines other than `track` and `artist` get a bare subject table of their name.
 */
export async function createTestEngine(
  pipelines: readonly Pipeline[],
  options: { environment?: Record<string, string>; providers?: Providers } = {},
): Promise<TestEngine> {
  const database = await createTestDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'refrain engine '))
  const environment = {
    REFRAIN_DATA_DIR: folder,
    RETRY_DELAYS_SECONDS: '0.1',
    SHUTDOWN_GRACE_MS: '200',
    SWEEP_INTERVAL_MS: '250',
    LOG_LEVEL: 'silent',
    ...options.environment,
  }
  const config = readConfig(environment)
  const client = openClient(database.url, { settings: { 'engine.notify': 'off' }, maxConnections: 30 })
  const artifacts = openArtifactStore(join(folder, 'artifacts'))
  for (const { name } of pipelines) {
    if (name === 'track' || name === 'artist') continue
    await client.pool.query(`create table ${name}s (id bigint generated always as identity primary key);
      create trigger _500_inserted after insert on ${name}s
        referencing new table as new_rows for each statement execute function tg_subject__inserted('${name}');
      create trigger _500_deleted after delete on ${name}s
        referencing old table as old_rows for each statement execute function tg_subject__deleted('${name}')`)
  }
  await syncPipelines(client.pool, pipelines)
  const workers: RunningWorker[] = []

  const query = async <Row extends object>(sql: string, values: unknown[] = []) =>
    (await client.pool.query<Row>(sql, values)).rows
  async function until<Row extends object>(sql: string, values: unknown[] = [], seconds = 20): Promise<Row> {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const [row] = await query<Row>(sql, values)
      if (row) return row
      if (Date.now() > end) throw new Error(`nothing after ${seconds} s: ${sql} ${JSON.stringify(values)}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  return {
    url: database.url,
    client,
    config,
    artifacts,
    folder,
    query,
    async add(pipeline, count = 1) {
      if (pipeline === 'artist') {
        const added =
          "insert into artists (name) select 'Artist ' || gen_random_uuid() from generate_series(1, $1) returning id"
        return (await query<{ id: number }>(added, [count])).map((row) => row.id)
      }
      const rows = await query<{ id: number }>(
        `insert into ${pipeline}s overriding user value select n from generate_series(1, $1::int) n returning id`,
        [count],
      )
      return rows.map((row) => row.id)
    },
    async startWorker(more = {}) {
      const worker = await startWorker({
        client,
        pipelines,
        config: readConfig({ ...environment, ...more }),
        providers: options.providers ?? ({} as Providers),
        artifacts,
        log: createLog('silent'),
      })
      workers.push(worker)
      return worker
    },
    async tasks(pipeline, subjectId) {
      const rows = await query<{ stage: string; item: string; status: string }>(
        'select stage, item, status from tasks where pipeline = $1 and subject_id = $2 order by id',
        [pipeline, subjectId],
      )
      return rows.map((row) => `${row.stage}${row.item ? `[${row.item}]` : ''} ${row.status}`)
    },
    until,
    async untilIdle(pipeline, seconds) {
      await until(
        `select 1 where not exists (select from tasks where pipeline = $1 and status in ('pending', 'running'))`,
        [pipeline],
        seconds,
      )
    },
    async assertConsistent() {
      const gaps = await query(
        `select s.pipeline, s.id, s.event_seq, count(e.seq), min(e.seq), max(e.seq)
         from subjects s left join task_events e on e.pipeline = s.pipeline and e.subject_id = s.id
         group by s.pipeline, s.id having count(e.seq) <> s.event_seq or max(e.seq) <> s.event_seq or min(e.seq) <> 1`,
      )
      if (gaps.length > 0) throw new Error(`events have gaps: ${JSON.stringify(gaps.slice(0, 3))}`)
      await until('select 1 where not exists (select from graphile_worker._private_jobs)', [], 5)
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()))
      await client.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
