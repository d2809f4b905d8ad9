import { EventEmitter } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Logger, makeWorkerUtils, run, type TaskList } from 'graphile-worker'
import { z } from 'zod'
import { readConfig } from '../worker/config.ts'
import { type Client, openClient } from '../worker/db/client.ts'
import { migrate } from '../worker/db/migrate.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { openArtifactStore } from '../worker/engine/artifacts.ts'
import { type AnyStage, definePipeline, stagesOf } from '../worker/engine/define.ts'
import { syncPipelines } from '../worker/engine/tasks.ts'
import { type RunningWorker, startWorker } from '../worker/engine/worker.ts'
import { createLog } from '../worker/log.ts'
import type { Providers } from '../worker/providers/index.ts'

/**
 * How much the engine costs beside the job queue it stands on. One PostgreSQL of its own with fsync on; the three contenders
 * take turns in every round, with the same concurrency, local queue and number of connections:
 *
 * - bare: graphile-worker adds (100 a call) and drains as many no-op jobs as the engine runs stages
 * - chain: every job adds its successor, as a pipeline built by hand would
 * - engine: chains of no-op stages, with inputs, events, milestones and everything else
 *
 *     node bench/engine.ts [--subjects 500] [--rounds 5] [--concurrency 200] [--profile]
 */
const { values: options } = parseArgs({
  options: {
    subjects: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '200' },
    profile: { type: 'boolean', default: false },
  },
})
const STAGES = 10
const subjects = Number(options.subjects)
const rounds = Number(options.rounds)
const concurrency = Number(options.concurrency)
const total = subjects * STAGES
const ADDED_PER_CALL = 100
const CONNECTIONS = 18
const AIM_OF_BARE = 0.6
const AIM_OF_CHAIN = 5

const started = new Map<number, () => void>()
let stagesRun = 0
const stage = stagesOf<{ id: number }>('link')
const stages: AnyStage[] = []
for (let index = 0; index < STAGES; index++) {
  stages.push(
    stage({
      name: `stage_${index}`,
      description: 'does nothing',
      after: index === 0 ? [] : [stages[index - 1]],
      output: z.object({}),
      run: async (_inputs, { subject }) => {
        stagesRun++
        started.get(subject.id)?.()
        return {}
      },
    }),
  )
}
const link = definePipeline({
  name: 'link',
  description: 'a chain of stages that do nothing',
  stages,
  loadSubject: async (_transaction, id) => ({ id }),
})

const folder = await mkdtemp(join(tmpdir(), 'refrain bench '))
// For root: the server's own user must get in, or its data would be kept elsewhere.
await chmod(folder, 0o755)
const postgres = await startPostgres({
  dataDirectory: join(folder, 'postgres'),
  settings: options.profile
    ? { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'all' }
    : {},
  log: createLog('warn'),
})
try {
  await measure(postgres.url)
} finally {
  await postgres.stop({ force: true })
  await rm(folder, { recursive: true, force: true })
}

async function measure(url: string): Promise<void> {
  await migrate(url)
  const client = openClient(url, { settings: { 'engine.notify': 'off' }, maxConnections: CONNECTIONS })
  try {
    await client.pool.query(`create table links (id bigint generated always as identity primary key);
      create trigger _500_inserted after insert on links
        referencing new table as new_rows for each statement execute function tg_subject__inserted('link');
      create trigger _500_deleted after delete on links
        referencing old table as old_rows for each statement execute function tg_subject__deleted('link')`)
    await syncPipelines(client.pool, [link])
    if (options.profile) await client.pool.query('create extension pg_stat_statements')
    const { rows } = await client.pool.query("select current_setting('fsync') as fsync, version()")
    console.log(
      `${rows[0].version.split(' on ')[0]}, fsync ${rows[0].fsync}; ${subjects} subjects × ${STAGES} stages, ${concurrency} at once`,
    )
    const contenders = { bare, chain, engine }
    const speeds = { bare: [] as number[], chain: [] as number[], engine: [] as number[] }
    for (let round = 1; round <= rounds; round++) {
      for (const [name, contender] of Object.entries(contenders)) {
        await client.pool.query('vacuum analyze')
        const cpuBefore = process.cpuUsage()
        speeds[name as keyof typeof contenders].push(await contender(client))
        const { user, system } = process.cpuUsage(cpuBefore)
        if (options.profile)
          console.log(`${name}: ${((user + system) / total).toFixed(1)} µs of this process's CPU per stage`)
      }
      const line = Object.entries(speeds).map(([name, all]) => `${name} ${Math.round(all.at(-1) ?? 0)}`)
      console.log(`round ${round}, stages/s: ${line.join(', ')}`)
    }
    const ofBare = median(speeds.engine.map((speed, index) => speed / speeds.bare[index]))
    const ofChain = median(speeds.engine.map((speed, index) => speed / speeds.chain[index]))
    console.log(
      `medians, stages/s: bare ${Math.round(median(speeds.bare))}, chain ${Math.round(median(speeds.chain))}, engine ${Math.round(median(speeds.engine))}`,
    )
    console.log(verdict('engine / bare', ofBare, AIM_OF_BARE))
    console.log(verdict('engine / chain', ofChain, AIM_OF_CHAIN))
    if (options.profile) await printProfile(client)
    await insertMany(client)
    await loneLatency(client)
  } finally {
    await client.close()
  }
}

/** Jobs a second, from the first added to the last drained; as many as there are stages. */
async function bare(client: Client): Promise<number> {
  return await withRunner(client, total, { noop: async () => {} }, async () => {
    const utils = await makeWorkerUtils({ pgPool: client.pool })
    for (let added = 0; added < total; added += ADDED_PER_CALL) {
      const size = Math.min(ADDED_PER_CALL, total - added)
      await utils.addJobs(
        Array.from({ length: size }, (_, index) => ({ identifier: 'noop', payload: { n: added + index } })),
      )
    }
    await utils.release()
  })
}

/** Jobs a second of chains in which each adds the next. A fifth of the chains: its speed does not depend on their number. */
async function chain(client: Client): Promise<number> {
  const tasks: TaskList = {
    next: async (payload, helpers) => {
      const { left } = payload as { left: number }
      if (left > 1) await helpers.addJob('next', { left: left - 1 })
    },
  }
  const chains = Math.max(1, Math.round(subjects / 5))
  return await withRunner(client, chains * STAGES, tasks, async () => {
    const utils = await makeWorkerUtils({ pgPool: client.pool })
    await utils.addJobs(Array.from({ length: chains }, () => ({ identifier: 'next', payload: { left: STAGES } })))
    await utils.release()
  })
}

async function withRunner(client: Client, jobs: number, taskList: TaskList, add: () => Promise<void>): Promise<number> {
  const runner = await run({
    pgPool: client.pool,
    taskList,
    events: new EventEmitter(),
    noHandleSignals: true,
    preset: {
      worker: {
        concurrentJobs: concurrency,
        localQueue: { size: concurrency * 2 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        pollInterval: 500,
        logger: new Logger(() => () => {}),
      },
    },
  })
  const startedAt = performance.now()
  await add()
  await untilNoJobs(client)
  const seconds = (performance.now() - startedAt) / 1000
  await runner.stop()
  return jobs / seconds
}

/** Stages a second, from the insert of the subjects to the last settled stage. */
async function engine(client: Client): Promise<number> {
  return await withEngine(client, async () => {
    stagesRun = 0
    const startedAt = performance.now()
    await client.pool.query('insert into links select from generate_series(1, $1::int)', [subjects])
    while (stagesRun < total) await pause(5)
    await untilNoJobs(client)
    const seconds = (performance.now() - startedAt) / 1000
    const { rows } = await client.pool.query<{ n: number }>(
      "select count(*) as n from tasks where status = 'completed'",
    )
    if (rows[0].n !== total || stagesRun !== total)
      throw new Error(`${rows[0].n} of ${total} stages completed, ${stagesRun} run`)
    return total / seconds
  })
}

async function withEngine<Value>(client: Client, work: (worker: RunningWorker) => Promise<Value>): Promise<Value> {
  const worker = await startWorker({
    client,
    pipelines: [link],
    config: readConfig({ REFRAIN_DATA_DIR: folder, LIGHT_CONCURRENCY: String(concurrency), WORKER_QUEUES: 'light' }),
    // Stages that do nothing ask nothing of anybody.
    providers: {} as Providers,
    artifacts: openArtifactStore(join(folder, 'artifacts')),
    log: createLog('warn'),
  })
  try {
    return await work(worker)
  } finally {
    await worker.stop()
    await client.pool.query('delete from links')
  }
}

async function untilNoJobs(client: Client): Promise<void> {
  for (;;) {
    const { rowCount } = await client.pool.query('select from graphile_worker._private_jobs limit 1')
    if (rowCount === 0) return
    await pause(5)
  }
}

async function insertMany(client: Client): Promise<void> {
  const count = 10_000
  const startedAt = performance.now()
  await client.pool.query('insert into links select from generate_series(1, $1::int)', [count])
  const milliseconds = performance.now() - startedAt
  console.log(`insert of ${count} subjects with task, event and job: ${Math.round(milliseconds)} ms`)
  await client.pool.query('delete from links')
  await client.pool.query('delete from graphile_worker._private_jobs')
}

/** From the insert being sent to `run` being entered, on an idle worker. */
async function loneLatency(client: Client): Promise<void> {
  const waits: number[] = []
  await withEngine(client, async () => {
    for (let index = 0; index < 40; index++) {
      await pause(100)
      const { rows } = await client.pool.query<{ id: number }>("select nextval('links_id_seq') as id")
      const [{ id }] = rows
      const sentAt = performance.now()
      await new Promise<void>((resolve) => {
        started.set(id, resolve)
        void client.pool.query('insert into links (id) overriding system value values ($1)', [id])
      })
      waits.push(performance.now() - sentAt)
      started.delete(id)
    }
  })
  waits.sort((a, b) => a - b)
  const at = (fraction: number) => waits[Math.floor(waits.length * fraction)].toFixed(1)
  console.log(`a lone task, insert to running: median ${at(0.5)} ms, 90 % ${at(0.9)} ms`)
}

async function printProfile(client: Client): Promise<void> {
  const { rows } = await client.pool.query<{ calls: number; us: number; mean: number; query: string }>(
    `select calls, total_exec_time * 1000 / $1 as us, mean_exec_time as mean, regexp_replace(query, '\\s+', ' ', 'g') as query
     from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
     order by total_exec_time desc limit 40`,
    [total * rounds],
  )
  console.log('µs per stage | calls | ms each | statement (nested ones count in their callers too)')
  for (const row of rows)
    console.log(
      `${row.us.toFixed(1).padStart(8)} ${String(row.calls).padStart(8)} ${row.mean.toFixed(2).padStart(8)}  ${row.query.slice(0, 150)}`,
    )
}

function verdict(what: string, ratio: number, aim: number): string {
  return `${what}: ${ratio.toFixed(2)} (aim ${aim}, ${ratio >= aim ? 'met' : 'not met'})`
}

function median(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
