import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type { Config } from '../config.ts'
import type { Client } from '../db/client.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Providers } from '../providers/index.ts'
import type { ArtifactStore } from './artifacts.ts'
import type { AnyStage, Pipeline, Queue } from './define.ts'
import { every, startLiveness } from './liveness.ts'
import { startNotifier } from './notifier.ts'
import { type Claimed, type Performed, perform, type Result } from './perform.ts'
import { createPump } from './pump.ts'
import { settleBatch, settleWithRows } from './settle.ts'

const PROGRESS_MS = 500
const HOUR_MS = 3_600_000
/** A settle that meets a broken database is tried this long before the worker gives itself up. */
const SETTLE_PATIENCE_MS = 30_000

export interface RunningWorker {
  readonly id: string
  /** Resolves after a stop; rejects when the worker had to give up, for example because its database went away. */
  readonly done: Promise<void>
  /** Lets running tasks finish for the configured grace, gives the others back unharmed, and leaves nothing locked. */
  stop(): Promise<void>
}

interface Running {
  readonly claimed: Claimed
  readonly controller: AbortController
  fraction: number
  reported: number
}

/** Why a running task was stopped other than by its own fault. */
class Stopped extends Error {
  override readonly name = 'Stopped'
}

/**
 * Starts a worker: one graphile-worker runner per queue, so that encodes never starve light work, one session that proves
 * it alive, and the loops that report progress and take back dead workers' tasks.
 *
 * @param options.client opened with `engine.notify` off: the worker tells listeners outside its transactions
 */
export async function startWorker(options: {
  client: Client
  pipelines: readonly Pipeline[]
  config: Config
  providers: Providers
  artifacts: ArtifactStore
  log: Log
}): Promise<RunningWorker> {
  const { client, pipelines, config, providers, artifacts } = options
  const id = `worker-${randomUUID()}`
  const log = options.log.with({ worker: id })
  const workRoot = join(config.REFRAIN_DATA_DIR, 'work')
  const workFolder = join(workRoot, id)
  const { pool } = client
  const running = new Map<number, Running>()
  let isStopping = false
  const done = Promise.withResolvers<void>()
  done.promise.catch(() => {})

  const notifier = startNotifier(pool, log)
  const liveness = await startLiveness({
    url: client.url,
    pool,
    workerId: id,
    queues: config.WORKER_QUEUES,
    sweepIntervalMs: config.SWEEP_INTERVAL_MS,
    log,
    onLost: giveUp,
    onDead: (workerIds) =>
      void Promise.all(workerIds.map((dead) => removeWorkspaces(join(workRoot, dead)))).catch(() => {}),
  })
  await removeForgottenWorkspaces(client, workRoot)

  const claim = createPump<number, Claimed | null>(async (ids) => {
    const { rows } = await patiently(() => pool.query<Claimed>('select * from claim_tasks($1, $2)', [id, ids]))
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const row of rows) notifier.touch(row.pipeline, row.subject_id)
    return ids.map((task) => {
      const claimed = byId.get(task) ?? null
      byId.delete(task)
      return claimed
    })
  })

  const runners = await Promise.all(config.WORKER_QUEUES.map(startRunner))
  for (const runner of runners)
    runner.promise.then(() => !isStopping && giveUp(new Error('graphile-worker ended by itself')), giveUp)
  const stopProgress = every(PROGRESS_MS, reportProgress, log)
  const stopSweep = every(HOUR_MS, async () => void (await artifacts.sweep(pool, HOUR_MS)), log)
  log.info('worker started', { queues: config.WORKER_QUEUES })

  return { id, done: done.promise, stop }

  async function startRunner(queue: Queue): Promise<Runner> {
    const concurrency = {
      light: config.LIGHT_CONCURRENCY,
      heavy: config.HEAVY_CONCURRENCY,
      encode: config.ENCODE_CONCURRENCY,
    }[queue]
    const events: WorkerEvents = new EventEmitter()
    events.on('pool:create', ({ workerPool }) => liveness.addPool(workerPool.id))
    events.on('pool:fatalError', ({ error }) => giveUp(error instanceof Error ? error : new Error(String(error))))
    return await run({
      pgPool: pool,
      taskList: createTaskList(queue),
      events,
      noHandleSignals: true,
      preset: {
        worker: {
          concurrentJobs: concurrency,
          // A local queue of heavy tasks would hold work that another worker could do.
          ...(queue === 'light' ? { localQueue: { size: concurrency * 2 } } : {}),
          // Otherwise a completion is written after stop() has returned, and the job stays locked.
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          pollInterval: 500,
          gracefulShutdownAbortTimeout: config.SHUTDOWN_GRACE_MS,
          logger: new Logger(() => (level, message) => {
            if (level === 'error') log.error(message)
            else if (level === 'warning') log.warn(message)
            else log.debug(message)
          }),
        },
      },
    })
  }

  function createTaskList(queue: Queue): TaskList {
    const list: TaskList = {}
    for (const pipeline of pipelines) {
      const stages = new Map(pipeline.stages.map((stage) => [stage.name, stage]))
      const settleTogether = createSettlePump(queue)
      for (const stage of pipeline.stages) {
        if (stage.queue !== queue) continue
        list[`${pipeline.name}.${stage.name}`] = async (payload, helpers) => {
          const task = (payload as { task: number }).task
          let next = await claim(task)
          while (next) next = await work(pipeline, stages, queue, next, settleTogether, helpers.abortSignal)
        }
      }
    }
    return list
  }

  /** One settle per queue in flight; each returned task goes to exactly one runner, or it would hang as running. */
  function createSettlePump(queue: Queue) {
    return createPump<Result, Claimed | null>(async (results) => {
      const { taken } = await patiently(() => settleBatch(pool, id, isStopping ? null : queue, results))
      return results.map((_result, index) => taken[index] ?? null)
    })
  }

  async function work(
    pipeline: Pipeline,
    stages: ReadonlyMap<string, AnyStage>,
    queue: Queue,
    claimed: Claimed,
    settleTogether: (result: Result) => Promise<Claimed | null>,
    shutdown: AbortSignal | undefined,
  ): Promise<Claimed | null> {
    const stage = stages.get(claimed.stage)
    if (!stage) throw new Error(`no stage ${claimed.stage} in pipeline ${pipeline.name}`)
    const controller = new AbortController()
    const entry: Running = { claimed, controller, fraction: 0, reported: 0 }
    running.set(claimed.id, entry)
    const timeoutMs = stage.timeoutSeconds === null ? config.JOB_TIMEOUT_MS : stage.timeoutSeconds * 1000
    const timer = setTimeout(() => controller.abort(tookTooLong(stage, timeoutMs)), timeoutMs)
    const onShutdown = () => controller.abort(new Stopped('the worker stops'))
    if (shutdown?.aborted) onShutdown()
    shutdown?.addEventListener('abort', onShutdown, { once: true })
    const startedAt = performance.now()
    try {
      const performed = await perform(pipeline, stage, claimed, {
        client,
        config,
        providers,
        artifacts,
        log,
        workFolder,
        signal: controller.signal,
        onProgress: (fraction) => {
          entry.fraction = Math.max(entry.fraction, fraction)
        },
      })
      if (controller.signal.aborted && controller.signal.reason instanceof Stopped) {
        // Given back unharmed on shutdown; canceled, re-run or swept tasks are no longer ours and this does nothing.
        await patiently(() => pool.query('select release_tasks($1, $2)', [id, [claimed.id]]))
        return null
      }
      log.debug('task ran', {
        task: claimed.id,
        stage: stage.name,
        subject: claimed.subject_id,
        status: performed.result.status,
        seconds: Math.round(performance.now() - startedAt) / 1000,
      })
      return await settle(stage, queue, claimed, performed, settleTogether)
    } finally {
      clearTimeout(timer)
      shutdown?.removeEventListener('abort', onShutdown)
      running.delete(claimed.id)
      notifier.touch(claimed.pipeline, claimed.subject_id)
    }
  }

  async function settle(
    stage: AnyStage,
    queue: Queue,
    claimed: Claimed,
    performed: Performed,
    settleTogether: (result: Result) => Promise<Claimed | null>,
  ): Promise<Claimed | null> {
    const hasRows = performed.result.status !== 'failed' && (stage.record !== null || performed.kept.length > 0)
    if (!hasRows) return await settleTogether(performed.result)
    try {
      const { taken } = await patiently(() =>
        settleWithRows(client, id, isStopping ? null : queue, stage, claimed, performed),
      )
      return taken[0] ?? null
    } catch (error) {
      if (isConnectionError(error)) throw error
      // What the stage wanted to record was refused: the task fails with the reason, and nothing of it stays.
      log.error('task could not be recorded', { task: claimed.id, stage: stage.name, error })
      const message = error instanceof Error ? error.message : String(error)
      return await settleTogether({
        id: claimed.id,
        runs: claimed.runs,
        status: 'failed',
        error: message,
        details: { kind: error instanceof AppError ? error.kind : 'UNEXPECTED', retryable: false },
      })
    }
  }

  async function reportProgress(): Promise<void> {
    if (running.size === 0) return
    const reports = [...running.values()].map((entry) => ({
      id: entry.claimed.id,
      runs: entry.claimed.runs,
      progress: Math.min(entry.fraction, 0.999),
    }))
    const { rows } = await pool.query<{ id: number }>('select report_progress($1, $2) as id', [
      id,
      JSON.stringify(reports),
    ])
    for (const entry of running.values()) {
      if (entry.fraction > entry.reported) notifier.touch(entry.claimed.pipeline, entry.claimed.subject_id)
      entry.reported = entry.fraction
    }
    for (const row of rows) running.get(row.id)?.controller.abort(new Stopped('the task was taken away'))
  }

  /** Tries again while the connection is what fails; a worker that cannot settle gives itself up, and its tasks are swept. */
  async function patiently<Value>(attempt: () => Promise<Value>): Promise<Value> {
    const until = Date.now() + SETTLE_PATIENCE_MS
    for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2_000)) {
      try {
        return await attempt()
      } catch (error) {
        if (!isConnectionError(error) && !isDeadlock(error)) throw error
        if (Date.now() > until) {
          giveUp(error instanceof Error ? error : new Error(String(error)))
          throw error
        }
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  function giveUp(error: Error): void {
    if (isStopping) return
    log.error('the worker gives up; its tasks will be taken back', { error })
    done.reject(error)
    void stop()
  }

  async function stop(): Promise<void> {
    if (isStopping) return await done.promise.catch(() => {})
    isStopping = true
    await Promise.all(runners.map((runner) => runner.stop().catch(() => {})))
    await stopProgress()
    await stopSweep()
    await notifier.close()
    await liveness.close()
    await removeWorkspaces(workFolder)
    log.info('worker stopped')
    done.resolve()
  }
}

function tookTooLong(stage: AnyStage, timeoutMs: number): AppError {
  return new AppError(
    'MEDIA_FAILED',
    `${stage.name} took longer than its ${timeoutMs / 1000} s: raise JOB_TIMEOUT_MS or give it less`,
    {
      retryable: true,
    },
  )
}

/** SQLSTATE classes 08 (connection) and 57P (shutdown), or a socket that broke. */
function isConnectionError(error: unknown): boolean {
  const code = (error as { code?: unknown })?.code
  if (typeof code === 'string') return /^(08|57P)/.test(code) || /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(code)
  return error instanceof Error && /Connection terminated|timeout exceeded when trying to connect/.test(error.message)
}

function isDeadlock(error: unknown): boolean {
  return ['40P01', '55P03'].includes((error as { code?: string })?.code ?? '')
}

async function removeWorkspaces(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

/** Workspaces of workers that no longer exist: left by a machine that lost power. */
async function removeForgottenWorkspaces(client: Client, workRoot: string): Promise<void> {
  const folders = await readdir(workRoot).catch(() => [])
  const { rows } = await client.pool.query<{ id: string }>('select id from workers')
  const alive = new Set(rows.map((row) => row.id))
  for (const folder of folders) if (!alive.has(folder)) await removeWorkspaces(join(workRoot, folder))
}
