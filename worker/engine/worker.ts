import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type { Config } from '../config.ts'
import type { Client } from '../db/client.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Providers } from '../providers/index.ts'
import type { ArtifactStore } from './artifacts.ts'
import type { AnyStage, Pipeline, Queue } from './define.ts'
import { every, type Liveness, startLiveness } from './liveness.ts'
import { startNotifier } from './notifier.ts'
import { isConnectionError, patiently } from './patience.ts'
import { type Claimed, type Performed, perform, type Result } from './perform.ts'
import { createPump } from './pump.ts'
import { createRunningTasks, Stopped } from './running.ts'
import { settleBatch, settleWithRows } from './settle.ts'
import { removeForgottenWorkspaces, removeWorkspaces } from './workspaces.ts'

const PROGRESS_MS = 500
const HOUR_MS = 3_600_000
/** Longer than any attempt may take: a file kept by a running task has no row yet. */
const UNKNOWN_FILE_MS = 25 * HOUR_MS
/** Tasks held in the table but not run for this long: the answer to a claim or a settle was lost. */
const STRAY_INTERVAL_MS = 30_000
/** A settle that meets a broken database is tried this long before the worker gives itself up. */
const SETTLE_PATIENCE_MS = 30_000

export interface RunningWorker {
  readonly id: string
  /** Resolves after a stop; rejects when the worker had to give up, for example because its database went away. */
  readonly done: Promise<void>
  /** Lets running tasks finish for the configured grace, gives the others back unharmed, and leaves nothing locked. */
  stop(): Promise<void>
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
  let liveness: Liveness | undefined
  let runners: readonly Runner[] = []
  let loops: readonly (() => Promise<void>)[] = []
  let stopped: Promise<void> | undefined
  let lost: Error | undefined
  const done = Promise.withResolvers<void>()
  done.promise.catch(() => {})

  const notifier = startNotifier(pool, log)
  const running = createRunningTasks(pool, id, notifier)
  const stubbornly = <Value>(attempt: () => Promise<Value>) => patiently(attempt, SETTLE_PATIENCE_MS, giveUp)
  liveness = await startLiveness({
    url: client.url,
    pool,
    workerId: id,
    queues: config.WORKER_QUEUES,
    sweepIntervalMs: config.SWEEP_INTERVAL_MS,
    log,
    onLost: giveUp,
    onDead: (workerIds) => void removeWorkspaces(workRoot, workerIds),
  })
  await removeForgottenWorkspaces(pool, workRoot)

  if (lost) throw lost

  const claim = createPump<number, Claimed | null>(async (ids) => {
    const { rows } = await stubbornly(() => pool.query<Claimed>('select * from claim_tasks($1, $2)', [id, ids]))
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const row of rows) notifier.touch(row.pipeline, row.subject_id)
    return ids.map((task) => {
      const claimed = byId.get(task) ?? null
      byId.delete(task)
      return claimed
    })
  })

  runners = await Promise.all(config.WORKER_QUEUES.map(startRunner))
  for (const runner of runners) runner.promise.then(() => giveUp(new Error('graphile-worker ended by itself')), giveUp)
  loops = [
    every(PROGRESS_MS, () => running.report(), log),
    every(STRAY_INTERVAL_MS, releaseStrays, log),
    every(HOUR_MS, async () => void (await artifacts.sweep(pool, UNKNOWN_FILE_MS)), log),
  ]
  if (lost) {
    await stopOnce()
    throw lost
  }
  log.info('worker started', { queues: config.WORKER_QUEUES })

  return { id, done: done.promise, stop }

  async function startRunner(queue: Queue): Promise<Runner> {
    const concurrency = {
      light: config.LIGHT_CONCURRENCY,
      lookup: config.LOOKUP_CONCURRENCY,
      heavy: config.HEAVY_CONCURRENCY,
      encode: config.ENCODE_CONCURRENCY,
    }[queue]
    const events: WorkerEvents = new EventEmitter()
    events.on('pool:create', ({ workerPool }) => liveness?.addPool(workerPool.id))
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
            // Light tasks share few connections by design: claims and settles go in batches.
            if (message.includes('having maxPoolSize')) return
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

  /**
   * Each returned task goes to exactly one runner, or it would hang as running. Two lanes: while Postgres settles one
   * batch, this process runs what the other has handed on.
   */
  function createSettlePump(queue: Queue) {
    return createPump<Result, Claimed | null>(
      async (results) => {
        const { taken } = await stubbornly(() => settleBatch(pool, id, stopped ? null : queue, results))
        return results.map((_result, index) => taken[index] ?? null)
      },
      { max: 100, lanes: 2 },
    )
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
    const run = running.start(claimed)
    const { controller } = run
    const timeoutMs = stage.timeoutSeconds === null ? config.JOB_TIMEOUT_MS : stage.timeoutSeconds * 1000
    const timer = setTimeout(() => controller.abort(tookTooLong(stage, timeoutMs)), timeoutMs)
    const onShutdown = () => controller.abort(new Stopped('the worker stops'))
    if (shutdown?.aborted) onShutdown()
    shutdown?.addEventListener('abort', onShutdown, { once: true })
    if (lost) onShutdown()
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
          run.fraction = Math.max(run.fraction, fraction)
        },
      })
      if (controller.signal.aborted && controller.signal.reason instanceof Stopped) {
        // Given back unharmed on shutdown; canceled, re-run or swept tasks are no longer ours and this does nothing.
        await stubbornly(() => pool.query('select release_task($1, $2, $3)', [id, claimed.id, claimed.runs]))
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
      running.end(run)
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
    try {
      if (!hasRows) return await settleTogether(performed.result)
      const { taken } = await stubbornly(() =>
        settleWithRows(client, id, stopped ? null : queue, stage, claimed, performed),
      )
      return taken[0] ?? null
    } catch (error) {
      if (isConnectionError(error)) throw error
      // What the stage returned or wanted to record was refused: the task fails with the reason, and nothing of it stays.
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

  async function releaseStrays(): Promise<void> {
    const { rows } = await pool.query<{ n: number }>("select release_strays($1, $2, interval '30 seconds') as n", [
      id,
      running.taskIds(),
    ])
    if (rows[0].n > 0) log.warn('tasks held but not run were given back', { tasks: rows[0].n })
  }

  /** Others may hold our tasks already, so what runs is aborted at once. */
  function giveUp(error: Error): void {
    if (stopped) return
    lost = error
    log.error('the worker gives up; its tasks will be taken back', { error })
    done.reject(error)
    running.abortAll(new Stopped('the worker gave up'))
    void stop()
  }

  function stop(): Promise<void> {
    return (stopped ??= stopOnce())
  }

  async function stopOnce(): Promise<void> {
    await Promise.all(runners.map((runner) => runner.stop().catch(() => {})))
    await Promise.all(loops.map((stopLoop) => stopLoop()))
    await notifier.close()
    await liveness?.close()
    await removeWorkspaces(workRoot, [id])
    log.info('worker stopped')
    done.resolve()
  }
}

function tookTooLong(stage: AnyStage, timeoutMs: number): AppError {
  return new AppError(
    'MEDIA_FAILED',
    `${stage.name} took longer than its ${timeoutMs / 1000} s: raise JOB_TIMEOUT_MS or give it less`,
    { retryable: true },
  )
}
