/** One change of a subject, as a subscriber receives it. */
export interface SubjectEvent {
  readonly pipeline: string
  readonly subjectId: number
  /** Position in the subject's history; numbers follow each other without gaps. */
  readonly seq: number
  /** Whether it stands for everything up to `seq` instead of one change. */
  readonly isPresentState: boolean
  readonly taskId: number | null
  readonly stage: string | null
  readonly item: string | null
  readonly status: string | null
  readonly attempts: number | null
  readonly progress: number | null
  readonly milestone: string | null
  readonly at: Date
}

export const EVENT_COLUMNS = `pipeline, subject_id as "subjectId", seq, false as "isPresentState", task_id as "taskId",
  stage, item, status, attempts, progress, milestone, at`
