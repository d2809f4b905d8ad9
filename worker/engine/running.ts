import type pg from 'pg'
import type { Notifier } from './notifier.ts'
import type { Claimed } from './perform.ts'

/** Why a running task was stopped other than by its own fault. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/** One run of a claimed task in this process. */
export interface Run {
  readonly claimed: Claimed
  readonly controller: AbortController
  /** 0…1, never falls. */
  fraction: number
  reported: number
}

/** What this worker runs at the moment. A task that was re-run may be here twice for a moment: the old run ends by its abort. */
export interface RunningTasks {
  start(claimed: Claimed): Run
  end(run: Run): void
  taskIds(): number[]
  abortAll(reason: Error): void
  /** Writes the progress of every run, and aborts those whose task is no longer ours. */
  report(): Promise<void>
}

export function createRunningTasks(pool: pg.Pool, workerId: string, notifier: Notifier): RunningTasks {
  const running = new Map<string, Run>()
  const keyOf = ({ id, runs }: { readonly id: number; readonly runs: number }) => `${id}:${runs}`

  return {
    start(claimed) {
      const run = { claimed, controller: new AbortController(), fraction: 0, reported: 0 }
      running.set(keyOf(claimed), run)
      return run
    },
    end(run) {
      running.delete(keyOf(run.claimed))
    },
    taskIds: () => [...running.values()].map((run) => run.claimed.id),
    abortAll(reason) {
      for (const run of running.values()) run.controller.abort(reason)
    },
    async report() {
      if (running.size === 0) return
      const reported = [...running.values()].map((run) => ({ run, fraction: run.fraction }))
      const reports = reported.map(({ run, fraction }) => ({
        id: run.claimed.id,
        runs: run.claimed.runs,
        progress: Math.min(fraction, 0.999),
      }))
      const { rows } = await pool.query<{ id: number; runs: number }>('select id, runs from report_progress($1, $2)', [
        workerId,
        JSON.stringify(reports),
      ])
      for (const { run, fraction } of reported) {
        if (fraction > run.reported) notifier.touch(run.claimed.pipeline, run.claimed.subject_id)
        run.reported = fraction
      }
      for (const row of rows) running.get(keyOf(row))?.controller.abort(new Stopped('the task was taken away'))
    },
  }
}
