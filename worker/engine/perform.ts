import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Client } from '../db/client.ts'
import { AppError, InvalidInput } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Providers } from '../providers/index.ts'
import type { Artifact } from './artifact.ts'
import type { ArtifactStore } from './artifacts.ts'
import { type Context, Skipped } from './context.ts'
import type { AnyStage, Pipeline } from './define.ts'
import { once } from './once.ts'
import { Stopped } from './running.ts'
import { spend } from './spend.ts'

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
    options.signal.throwIfAborted()
    const context = createContext(claimed, subject, workspace, kept, options)
    const output = await untilAborted(stage.run(claimed.inputs, context), stage, options.signal)
    options.signal.throwIfAborted()
    const parsed = stage.output.safeParse(output)
    if (!parsed.success) throw wrongOutput(stage, parsed.error.issues)
    const status = stage.isGate ? 'awaiting_review' : 'completed'
    return { result: { ...identity, status, output: parsed.data }, kept: [...kept.values()], subject }
  } catch (error) {
    if (error instanceof Skipped && stage.canSkip) {
      return { result: { ...identity, status: 'skipped', reason: error.message }, kept: [], subject }
    }
    const fault = error instanceof Skipped ? wrongSkip(stage, error) : error
    return { result: failure(claimed, fault, options), kept: [], subject }
  } finally {
    if (workspacePath) await removeWorkspace(workspacePath, options.log)
  }
}

/** A stage that does not end within this time of being told to is left behind; its result no longer counts. */
const ABANDON_MS = 5_000

async function untilAborted<Output>(run: Promise<Output>, stage: AnyStage, signal: AbortSignal): Promise<Output> {
  const abandoned = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = () => {
    timer = setTimeout(() => {
      abandoned.reject(new Error(`stage ${stage.name} does not listen to its signal`, { cause: signal.reason }))
    }, ABANDON_MS)
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([run, abandoned.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Files that cannot be removed are a nuisance, not a reason to leave the task unsettled. */
async function removeWorkspace(path: string, log: Log): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 })
  } catch (error) {
    log.warn('a workspace could not be removed', { path, error })
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
    progress: (fraction) => {
      if (Number.isFinite(fraction)) options.onProgress(Math.min(1, Math.max(0, fraction)))
    },
    async keep(path, { name, contentType }) {
      signal.throwIfAborted()
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
    async once(key, effect) {
      signal.throwIfAborted()
      return await once(client, claimed, key, effect)
    },
    async spend(usdMicros, reason) {
      signal.throwIfAborted()
      await spend(client, claimed, usdMicros, reason)
    },
  }
}

function wrongOutput(stage: AnyStage, issues: readonly { path: PropertyKey[]; message: string }[]): AppError {
  const faults = issues.map((issue) => `${issue.path.join('.') || 'output'}: ${issue.message}`)
  return new AppError('MEDIA_FAILED', `stage ${stage.name} made an output of the wrong shape: ${faults.join('; ')}`, {
    details: { faults },
  })
}

function wrongSkip(stage: AnyStage, skipped: Skipped): AppError {
  return new AppError(
    'MEDIA_FAILED',
    `stage ${stage.name} skipped (${skipped.message}) but is not declared to: give it canSkip: true`,
  )
}

/** Errors of ours know whether they can pass; any other error may, so it is tried again. */
function failure(claimed: Claimed, error: unknown, { config, log, signal }: PerformOptions): Result {
  const from = signal.aborted && signal.reason instanceof Error ? signal.reason : machineFault(error)
  const isApp = from instanceof AppError
  const mayPass = isApp ? from.retryable : true
  const delays = config.RETRY_DELAYS_SECONDS
  const delaySeconds = delays[Math.min(claimed.attempts, delays.length) - 1]
  // A task that was canceled, re-run or given back did not fail.
  if (!(from instanceof Stopped))
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

/** What the system says of itself (`ENOSPC: no space left on device, open '…'`) without the folders in it. */
function machineFault(error: unknown): unknown {
  const said =
    error instanceof Error && !(error instanceof AppError) ? /^(E[A-Z0-9]+): [^,]+/.exec(error.message) : null
  if (!said) return error
  const [words, code] = said
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return new Error(words, { cause: error })
  const message = 'the disk is full: make room in the folder of REFRAIN_DATA_DIR; the task is tried again'
  return new AppError('MEDIA_FAILED', message, { cause: error, retryable: true })
}
