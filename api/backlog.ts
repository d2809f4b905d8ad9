import type pg from 'pg'
import type { Pipeline } from '../worker/engine/define.ts'

export interface StageBacklogRow {
  readonly pipeline: string
  readonly stage: string
  readonly queue: string
  readonly pending: number
  readonly running: number
  readonly failed: number
  readonly awaitingReview: number
  /** Subjects whose next work is at this stage. */
  readonly subjects: number
  readonly medianSeconds: number | null
  readonly etaSeconds: number | null
}

/** What waits at every stage of the given pipelines, in their order. */
export async function readBacklog(pool: pg.Pool, pipelines: readonly Pipeline[]): Promise<readonly StageBacklogRow[]> {
  const names = pipelines.map((pipeline) => pipeline.name)
  const { rows } = await pool.query<StageBacklogRow>(
    `select b.pipeline, b.stage, b.queue, b.pending, b.running, b.failed, b.awaiting_review as "awaitingReview",
       (select count(distinct t.subject_id) from tasks t
         where t.pipeline = b.pipeline and t.stage = b.stage and t.status in ('pending', 'running', 'awaiting_review'))
       + (select count(*) from missing_tasks m where m.pipeline = b.pipeline and m.stage = b.stage) as subjects,
       b.median_seconds::float8 as "medianSeconds", b.eta_seconds::float8 as "etaSeconds"
     from stage_backlog b where b.pipeline = any ($1)
     order by array_position($1, b.pipeline), b.position`,
    [names],
  )
  return rows
}

/** Two backlogs with the same fingerprint have the same counts. */
export function backlogFingerprint(rows: readonly StageBacklogRow[]): string {
  return rows.map((row) => [row.stage, row.pending, row.running, row.failed, row.awaitingReview].join(':')).join(',')
}
