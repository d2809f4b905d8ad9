import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Client } from '../db/client.ts'
import { AppError, BudgetExceeded, InvalidInput } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Providers } from '../providers/index.ts'
import type { Artifact } from './artifact.ts'
import type { ArtifactStore } from './artifacts.ts'
import { type Context, Skipped } from './context.ts'
import type { AnyStage, Pipeline } from './define.ts'

/** A task that this worker holds, with its inputs. */
export interface Claimed {
  readonly id: number
  readonly pipeline: string
  readonly subject_id: number
  readonly stage: string
  readonly item: string
  readonly attempts: number
  readonly max_attempts: number
  /** Fence: a result counts only while the row still has this number. */
  readonly runs: number
  readonly inputs: Record<string, unknown>
}

/** How a run ended, as `settle_tasks` reads it. */
export interface Result {
  readonly id: number
  readonly runs: number
  readonly status: 'completed' | 'awaiting_review' | 'skipped' | 'failed'
  readonly output?: unknown
  readonly error?: string
  readonly details?: Record<string, unknown>
  readonly reason?: string
  /** Set when the failure may pass: how long to wait before the next attempt. */
  readonly retryMs?: number
}

export interface Performed {
  readonly result: Result
  /** Files kept by this run, by the name they were kept under. */
  readonly kept: readonly Artifact[]
  readonly subject: unknown
}

export interface PerformOptions {
  readonly client: Client
  readonly config: Config
  readonly providers: Providers
  readonly artifacts: ArtifactStore
  readonly log: Log
  /** Folder of this worker's private workspaces. */
  readonly workFolder: string
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number) => void
}

/** Runs one stage for one claimed task in a private workspace. Never throws: whatever happens becomes a result. */
export async function perform(
  pipeline: Pipeline,
  stage: AnyStage,
  claimed: Claimed,
  options: PerformOptions,
): Promise<Performed> {
  const kept = new Map<string, Artifact>()
  const identity = { id: claimed.id, runs: claimed.runs }
  let subject: unknown = null
  let workspacePath: string | undefined
  // Made on first use: most light stages need none.
  const workspace = () => {
    if (!workspacePath) {
      mkdirSync(options.workFolder, { recursive: true, mode: 0o700 })
      workspacePath = mkdtempSync(join(options.workFolder, `karaoke_${stage.name}_${claimed.subject_id}_`))
    }
    return workspacePath
  }
  try {
    subject = await pipeline.loadSubject(options.client.database, claimed.subject_id)
    if (subject === null) throw new InvalidInput(`${pipeline.name} ${claimed.subject_id} is gone`)
    const context = createContext(claimed, subject, workspace, kept, options)
    const output = await stage.run(claimed.inputs, context)
    options.signal.throwIfAborted()
    const parsed = stage.output.safeParse(output)
    if (!parsed.success) throw wrongOutput(stage, parsed.error.issues)
    const status = stage.isGate ? 'awaiting_review' : 'completed'
    return { result: { ...identity, status, output: parsed.data }, kept: [...kept.values()], subject }
  } catch (error) {
    if (error instanceof Skipped && stage.canSkip) {
      return { result: { ...identity, status: 'skipped', reason: error.message }, kept: [], subject }
    }
    return { result: failure(claimed, error, options), kept: [], subject }
  } finally {
    if (workspacePath) await rm(workspacePath, { recursive: true, force: true })
  }
}

function createContext(
  claimed: Claimed,
  subject: unknown,
  workspace: () => string,
  kept: Map<string, Artifact>,
  options: PerformOptions,
): Context<unknown> {
  const { client, config, providers, artifacts, signal } = options
  const log = options.log.with({
    task: claimed.id,
    pipeline: claimed.pipeline,
    subject: claimed.subject_id,
    stage: claimed.stage,
    ...(claimed.item ? { item: claimed.item } : {}),
    attempt: claimed.attempts,
  })
  return {
    subject,
    task: { id: claimed.id, item: claimed.item, attempt: claimed.attempts, maxAttempts: claimed.max_attempts },
    config,
    providers,
    log,
    get workspacePath() {
      return workspace()
    },
    signal,
    progress: (fraction) => options.onProgress(Math.min(1, Math.max(0, fraction))),
    async keep(path, { name, contentType }) {
      if (kept.has(name))
        throw new Error(`stage ${claimed.stage} keeps two files named ${name}: give each its own name`)
      const artifact = { ...(await artifacts.keep(path, signal)), contentType, name }
      kept.set(name, artifact)
      return artifact
    },
    async open({ sha256 }) {
      if (!(await artifacts.has(sha256))) {
        throw new InvalidInput(`artifact ${sha256} is not in the store: run the stage that makes it again`)
      }
      return artifacts.pathOf(sha256)
    },
    skip(reason) {
      throw new Skipped(reason)
    },
    once: (key, effect) => once(client, claimed, key, effect),
    spend: (usdMicros, reason) => spend(client, claimed, usdMicros, reason),
  }
}

async function once<Output>(
  client: Client,
  claimed: Claimed,
  key: string,
  effect: (idempotencyKey: string) => Promise<Output>,
): Promise<Output> {
  const identity = [claimed.pipeline, claimed.subject_id, claimed.stage, claimed.item, key]
  const read = async () =>
    (
      await client.pool.query<{ result: Output }>(
        'select result from effects where pipeline = $1 and subject_id = $2 and stage = $3 and item = $4 and key = $5',
        identity,
      )
    ).rows[0]
  const before = await read()
  if (before) return before.result
  const result = await effect(identity.join('-'))
  await client.pool.query(
    'insert into effects (pipeline, subject_id, stage, item, key, result) values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
    [...identity, JSON.stringify(result ?? null)],
  )
  return (await read())?.result ?? result
}

async function spend(client: Client, claimed: Claimed, usdMicros: number, reason: string): Promise<void> {
  if (!Number.isSafeInteger(usdMicros) || usdMicros < 0)
    throw new RangeError(`expected whole micro-dollars ≥ 0, got ${usdMicros}`)
  const connection = await client.pool.connect()
  try {
    await connection.query('begin')
    const subject = [claimed.pipeline, claimed.subject_id]
    const { rows } = await connection.query<{ budget: number | null; spent: number }>(
      `select s.budget_usd_micros as budget,
         (select coalesce(sum(usd_micros), 0)::bigint from ledger l where l.pipeline = s.pipeline and l.subject_id = s.id) as spent
       from subjects s where s.pipeline = $1 and s.id = $2 for update`,
      subject,
    )
    const { budget, spent } = rows[0]
    if (budget !== null && spent + usdMicros > budget) {
      throw new BudgetExceeded(
        `${reason} costs ${usdMicros / 1e6} USD, ${spent / 1e6} of ${budget / 1e6} USD are spent: raise the budget and retry`,
        { details: { usdMicros, spent, budget } },
      )
    }
    await connection.query(
      'insert into ledger (pipeline, subject_id, task_id, usd_micros, reason) values ($1, $2, $3, $4, $5)',
      [...subject, claimed.id, usdMicros, reason],
    )
    await connection.query('commit')
  } catch (error) {
    await connection.query('rollback')
    throw error
  } finally {
    connection.release()
  }
}

function wrongOutput(stage: AnyStage, issues: readonly { path: PropertyKey[]; message: string }[]): AppError {
  const faults = issues.map((issue) => `${issue.path.join('.') || 'output'}: ${issue.message}`)
  return new AppError('MEDIA_FAILED', `stage ${stage.name} made an output of the wrong shape: ${faults.join('; ')}`, {
    details: { faults },
  })
}

/** Errors of ours know whether they can pass; any other error may, so it is tried again. */
function failure(claimed: Claimed, error: unknown, { config, log, signal }: PerformOptions): Result {
  const from = signal.aborted && signal.reason instanceof Error ? signal.reason : error
  const isApp = from instanceof AppError
  const mayPass = isApp ? from.retryable : true
  const delays = config.RETRY_DELAYS_SECONDS
  const delaySeconds = delays[Math.min(claimed.attempts, delays.length) - 1]
  log.warn('task failed', { task: claimed.id, stage: claimed.stage, subject: claimed.subject_id, error: from })
  return {
    id: claimed.id,
    runs: claimed.runs,
    status: 'failed',
    error: from instanceof Error ? from.message : String(from),
    details: { kind: isApp ? from.kind : 'UNEXPECTED', retryable: mayPass, ...(isApp ? from.details : {}) },
    // A little jitter keeps tasks that failed together from coming back together.
    ...(mayPass ? { retryMs: Math.round(delaySeconds * 1000 * (1 + Math.random() * 0.1)) } : {}),
  }
}
