import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type pg from 'pg'
import type { Config } from '../worker/config.ts'
import type { Services } from './context.ts'

/** The version in package.json. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

const DATABASE_TIMEOUT_MS = 2_000
const DEPENDENCY_TIMEOUT_MS = 1_000

export interface WorkerRow {
  readonly id: string
  readonly host: string
  readonly pid: number | null
  readonly queues: readonly string[]
  readonly isAlive: boolean
  readonly runningTasks: number
  readonly startedAt: Date
}

/** Every worker that has registered and was not swept yet. One that lives holds an advisory lock; looking takes none. */
export async function readWorkers(pool: pg.Pool): Promise<WorkerRow[]> {
  const { rows } = await pool.query<WorkerRow>(
    `select w.id, w.host, w.pid, w.queues, w.started_at as "startedAt",
       (select count(*) from tasks t where t.status = 'running' and t.worker_id = w.id) as "runningTasks",
       exists (
         select from pg_locks l
         where l.locktype = 'advisory' and l.granted and l.objsubid = 1
           and l.database = (select oid from pg_database where datname = current_database())
           and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('worker:' || w.id, 0)
       ) as "isAlive"
     from workers w order by w.started_at, w.id`,
  )
  return rows
}

/** `/health`: what the process and its surroundings are like. 503 while the database cannot be reached. */
export async function sendHealth(services: Services, response: ServerResponse): Promise<void> {
  try {
    const workers = await withTimeout(readWorkers(services.client.pool))
    const alive = workers.filter((worker) => worker.isAlive).length
    const dependencies = await askDependencies(services.config.environment)
    send(response, 200, { status: 'ok', version, database: 'reachable', workersAlive: alive, dependencies })
  } catch (error) {
    services.log.error('the database cannot be reached', { error })
    send(response, 503, { status: 'failing', version, database: 'unreachable', workersAlive: null })
  }
}

/** Configured services of one's own that say how they are under `/health`. They never make this server unhealthy. */
async function askDependencies(
  environment: Config['environment'],
): Promise<Record<string, 'reachable' | 'unreachable'>> {
  const url = environment.QUANSIC_SERVICE_URL
  if (!url) return {}
  const answer = await fetch(`${url.replace(/\/+$/, '')}/health`, {
    signal: AbortSignal.timeout(DEPENDENCY_TIMEOUT_MS),
    redirect: 'error',
  }).catch(() => null)
  await answer?.body?.cancel()
  return { quansic: answer?.ok ? 'reachable' : 'unreachable' }
}

/** `/ready`: whether requests can be served now. */
export async function sendReadiness(services: Services, response: ServerResponse): Promise<void> {
  try {
    await withTimeout(services.client.pool.query('select from stages limit 1'))
    send(response, 200, { status: 'ready', version })
  } catch {
    send(response, 503, { status: 'not ready', version })
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DATABASE_TIMEOUT_MS} ms`)), DATABASE_TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function send(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
