import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import type { OnProgress } from '../progress.ts'
import type { Providers } from '../providers/index.ts'
import type { Artifact } from './artifact.ts'

/** What a stage's `run` receives besides its inputs. */
export interface Context<Subject> {
  readonly subject: Subject
  readonly task: { readonly id: number; readonly item: string; readonly attempt: number; readonly maxAttempts: number }
  readonly config: Config
  readonly providers: Providers
  readonly log: Log
  /** Private to this run, mode 0700, removed afterwards whatever happens. */
  readonly workspacePath: string
  /** Aborted on timeout, on cancel and on shutdown: everything that waits takes it. */
  readonly signal: AbortSignal
  readonly progress: OnProgress
  /** Moves a finished file of the workspace into the artifact store. */
  keep(path: string, options: { readonly name: string; readonly contentType: string }): Promise<Artifact>
  /** The local path of a stored artifact, for reading. */
  open(artifact: Pick<Artifact, 'sha256'>): Promise<string>
  /** Settles the task as skipped, with the reason. Only in a stage that `canSkip`. */
  skip(reason: string): never
  /**
   * Runs an effect that must happen once for this task, whatever crashes and re-runs: the result is stored before the stage
   * goes on. `idempotencyKey` is the same in every attempt; pass it to whoever performs the effect.
   */
  once<Result>(key: string, effect: (idempotencyKey: string) => Promise<Result>): Promise<Result>
  /** Reserves money under the subject's budget before anything paid. @throws BudgetExceeded */
  spend(usdMicros: number, reason: string): Promise<void>
}

/** Thrown by `context.skip`. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}
