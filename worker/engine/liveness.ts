import { hostname } from 'node:os'
import type pg from 'pg'
import { createSession } from '../db/client.ts'
import type { Log } from '../log.ts'
import type { Queue } from './define.ts'

/** How often forgotten work is looked for, and how long it must have been forgotten. */
const FORGOTTEN_INTERVAL_MS = 30_000

export interface Liveness {
  /** Records a graphile-worker pool as ours: jobs are locked in its name. */
  addPool(poolId: string): void
  /** Leaves the list of workers: called when nothing runs any more. */
  close(): Promise<void>
}

/**
 * Holds the advisory lock that says this worker lives, and takes back the tasks of workers that lost theirs.
 * Postgres frees the lock the moment the process or its connection dies: no heartbeats, no timeouts to tune.
 * The lock is taken before the worker is listed, or a sweep would take it for dead.
 *
 * @param options.onLost called when the session breaks: others will take our tasks, so the worker must stop
 * @param options.onDead called with the ids of workers found dead
 */
export async function startLiveness(options: {
  url: string
  pool: pg.Pool
  workerId: string
  queues: readonly Queue[]
  sweepIntervalMs: number
  log: Log
  onLost: (error: Error) => void
  onDead: (workerIds: readonly string[]) => void
}): Promise<Liveness> {
  const { url, pool, workerId, queues, sweepIntervalMs, log, onLost, onDead } = options
  const session = createSession(url, `refrain ${workerId}`)
  let isClosing = false
  const lost = (error: Error) => {
    if (!isClosing) onLost(error)
  }
  session.on('error', lost)
  session.on('end', () => lost(new Error('the connection that proves this worker alive has ended')))
  await session.connect()
  await session.query("select pg_advisory_lock(hashtextextended('worker:' || $1, 0))", [workerId])
  await session.query('insert into workers (id, host, pid, queues) values ($1, $2, $3, $4)', [
    workerId,
    hostname(),
    process.pid,
    queues,
  ])

  async function sweep(): Promise<void> {
    const { rows } = await pool.query<{ worker: string; tasks_returned: number }>('select * from sweep_workers()')
    if (rows.length === 0) return
    log.warn('workers found dead, their tasks were taken back', { workers: rows })
    onDead(rows.map((row) => row.worker))
  }
  async function wakeForgotten(): Promise<void> {
    const { rows } = await pool.query<{ n: number }>("select wake_forgotten_tasks(interval '30 seconds') as n")
    if (rows[0].n > 0) log.warn('pending tasks without a job were woken', { tasks: rows[0].n })
  }
  const loops = [every(sweepIntervalMs, sweep, log), every(FORGOTTEN_INTERVAL_MS, wakeForgotten, log)]

  return {
    addPool(poolId) {
      pool
        .query('update workers set pools = array_append(pools, $2) where id = $1', [workerId, poolId])
        .catch((error) => lost(error instanceof Error ? error : new Error(String(error))))
    },
    async close() {
      isClosing = true
      await Promise.all(loops.map((stop) => stop()))
      // Still listed while the table says that it runs something, so that a sweep finds it.
      await session
        .query(
          "delete from workers w where id = $1 and not exists (select from tasks t where t.status = 'running' and t.worker_id = w.id)",
          [workerId],
        )
        .catch(() => {})
      await session.end().catch(() => {})
    },
  }
}

/** Repeats work with a pause between runs; a failed run is logged and tried again. Returns what stops it. */
export function every(ms: number, work: () => Promise<void>, log: Log): () => Promise<void> {
  let isStopped = false
  let wake = () => {}
  async function loop(): Promise<void> {
    while (!isStopped) {
      await work().catch((error) => log.warn('periodic work failed and will be tried again', { error }))
      if (isStopped) break
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const running = loop()
  return async () => {
    isStopped = true
    wake()
    await running
  }
}
