import type pg from 'pg'
import { Blocked, Conflict, InvalidInput, NotFound } from '../errors.ts'
import type { AnyStage, Pipeline } from './define.ts'

/** Anything that runs SQL: a pool, or a connection inside a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>

export interface TaskKey {
  readonly id: number
  readonly pipeline: string
  readonly subjectId: number
  readonly stage: string
  readonly item: string
}

/**
 * Asks for one stage of a subject: inserts its task when it is ready and missing, starts it again when it has settled,
 * and leaves it alone when it already waits or runs.
 *
 * @returns the task and whether this call is what set it going
 * @throws NotFound for an unknown subject; Blocked, with the unmet condition, when its prerequisites have not settled
 */
export async function requestStage(
  db: Queryable,
  pipeline: string,
  subjectId: number,
  stage: string,
): Promise<{ readonly taskId: number; readonly wasAdded: boolean }> {
  const made = await db.query<{ id: number | null }>('select request_task($1, $2, $3) as id', [
    pipeline,
    subjectId,
    stage,
  ])
  if (made.rows[0]?.id) return { taskId: made.rows[0].id, wasAdded: true }
  const { rows } = await db.query<{ id: number; status: string }>(
    'select id, status from tasks where pipeline = $1 and subject_id = $2 and stage = $3 order by id',
    [pipeline, subjectId, stage],
  )
  if (rows.length === 0) {
    await assertSubject(db, pipeline, subjectId)
    throw new Blocked(await blockedMessage(db, pipeline, subjectId, stage), { details: { pipeline, subjectId, stage } })
  }
  const { rowCount } = await db.query(
    "update tasks set status = 'pending' where id = any($1) and status not in ('pending', 'running', 'awaiting_review')",
    [rows.map((row) => row.id)],
  )
  return { taskId: rows[0].id, wasAdded: (rowCount ?? 0) > 0 }
}

/**
 * Runs a stage again together with everything that stands on it.
 *
 * @returns the stages undone, the asked one first
 */
export async function rerunStage(
  db: Queryable,
  pipeline: string,
  subjectId: number,
  stage: string,
): Promise<readonly string[]> {
  await assertSubject(db, pipeline, subjectId)
  const { rows } = await db.query<{ undone: string[] }>('select rerun_stage($1, $2, $3) as undone', [
    pipeline,
    subjectId,
    stage,
  ])
  return rows[0].undone
}

/** Sends one failed, canceled, skipped or completed task back to pending. @throws NotFound, or Conflict when it waits or runs. */
export async function retryTask(db: Queryable, taskId: number): Promise<void> {
  const { rowCount } = await db.query(
    "update tasks set status = 'pending' where id = $1 and status in ('failed', 'canceled', 'skipped', 'completed')",
    [taskId],
  )
  if (rowCount === 1) return
  const status = await taskStatus(db, taskId)
  throw new Conflict(`task ${taskId} is ${status.replace('_', ' ')}: only a settled task can be retried`, {
    details: { taskId, status },
  })
}

/** Cancels every task of a subject that has not settled; running work stops within a second. */
export async function cancelSubject(
  db: Queryable,
  pipeline: string,
  subjectId: number,
  reason: string,
): Promise<number> {
  await assertSubject(db, pipeline, subjectId)
  const { rows } = await db.query<{ n: number }>('select cancel_subject($1, $2, $3) as n', [
    pipeline,
    subjectId,
    reason,
  ])
  return rows[0].n
}

/**
 * Confirms a gate, with a corrected output of the stage's shape or as it was drafted.
 *
 * @throws InvalidInput when the corrected output has another shape; Conflict when the task does not wait for review
 */
export async function reviewTask(db: Queryable, stage: AnyStage, taskId: number, corrected?: unknown): Promise<void> {
  let output: string | null = null
  if (corrected !== undefined) {
    const parsed = stage.output.safeParse(corrected)
    if (!parsed.success) {
      const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'output'}: ${issue.message}`)
      throw new InvalidInput(`the corrected ${stage.name} has the wrong shape: ${faults.join('; ')}`, {
        details: { faults },
      })
    }
    output = JSON.stringify(parsed.data)
  }
  const { rows } = await db.query<{ id: number | null }>('select review_task($1, $2) as id', [taskId, output])
  if (rows[0].id) return
  const status = await taskStatus(db, taskId)
  throw new Conflict(`task ${taskId} is ${status.replace('_', ' ')}: only a task that awaits review can be approved`, {
    details: { taskId, status },
  })
}

export interface WaitingReason {
  readonly stage: string
  readonly item: string
  readonly taskId: number | null
  /** A task status, or `not_ready` while the stage has no task yet. */
  readonly status: string
  readonly reason: string
}

/** For every stage that has not settled well: the condition it waits for, in words. */
export async function waitingReasons(
  db: Queryable,
  pipeline: string,
  subjectId: number,
): Promise<readonly WaitingReason[]> {
  const { rows } = await db.query<WaitingReason>(
    'select stage, item, task_id as "taskId", status, reason from waiting_reasons($1, $2)',
    [pipeline, subjectId],
  )
  return rows
}

/** What a stage gets that declares no attempts or time limit of its own. */
export interface StageDefaults {
  readonly attempts: number
  readonly timeoutSeconds: number
}

/**
 * Writes the declared graphs into `stages` and `stage_prerequisites`, from where Postgres advances pipelines by itself,
 * then inserts the tasks that a changed graph makes ready. Several processes may call it at once.
 */
export async function syncPipelines(
  pool: pg.Pool,
  pipelines: readonly Pipeline[],
  defaults: StageDefaults = { attempts: 3, timeoutSeconds: 900 },
): Promise<void> {
  const connection = await pool.connect()
  try {
    await connection.query('begin')
    await connection.query("select pg_advisory_xact_lock(hashtextextended('sync_pipelines', 0))")
    for (const pipeline of pipelines) await syncPipeline(connection, pipeline, defaults)
    await syncRequirements(connection, pipelines)
    await connection.query('select backfill_tasks()')
    await connection.query('commit')
  } catch (error) {
    await connection.query('rollback')
    throw error
  } finally {
    connection.release()
  }
}

async function syncPipeline(connection: Queryable, pipeline: Pipeline, defaults: StageDefaults): Promise<void> {
  const rows = pipeline.stages.map((stage, position) => ({
    pipeline: pipeline.name,
    name: stage.name,
    position,
    description: stage.description,
    is_gate: stage.isGate,
    each_stage: stage.each?.of.name ?? null,
    each_path: stage.each ? `$.${stage.each.path}` : null,
    max_attempts: stage.attempts ?? defaults.attempts,
    timeout_seconds: stage.timeoutSeconds ?? defaults.timeoutSeconds,
    queue: stage.queue,
    weight: stage.weight,
    milestone: stage.milestone,
    milestone_rank: stage.milestone === null ? null : pipeline.milestones.indexOf(stage.milestone),
  }))
  const prerequisites = pipeline.stages.flatMap((stage) => [
    ...stage.after.map((prerequisite) => ({
      pipeline: pipeline.name,
      stage: stage.name,
      prerequisite: prerequisite.name,
      is_optional: false,
    })),
    ...stage.optionalAfter.map((prerequisite) => ({
      pipeline: pipeline.name,
      stage: stage.name,
      prerequisite: prerequisite.name,
      is_optional: true,
    })),
  ])
  await connection.query('delete from stages where pipeline = $1 and name <> all ($2)', [
    pipeline.name,
    rows.map((row) => row.name),
  ])
  await connection.query(
    `insert into stages select * from jsonb_populate_recordset(null::stages, $1)
     on conflict (pipeline, name) do update set position = excluded.position, description = excluded.description,
       is_gate = excluded.is_gate, each_stage = excluded.each_stage, each_path = excluded.each_path,
       max_attempts = excluded.max_attempts, timeout_seconds = excluded.timeout_seconds, queue = excluded.queue,
       weight = excluded.weight, milestone = excluded.milestone, milestone_rank = excluded.milestone_rank
     where stages is distinct from excluded`,
    [JSON.stringify(rows)],
  )
  await connection.query(
    `delete from stage_prerequisites p where p.pipeline = $1 and not exists (
       select from jsonb_populate_recordset(null::stage_prerequisites, $2) d where d is not distinct from p)`,
    [pipeline.name, JSON.stringify(prerequisites)],
  )
  await connection.query(
    `insert into stage_prerequisites select * from jsonb_populate_recordset(null::stage_prerequisites, $1) on conflict do nothing`,
    [JSON.stringify(prerequisites)],
  )
}

/** Requirements point from one pipeline to another, so they are written when all stages are. */
async function syncRequirements(connection: Queryable, pipelines: readonly Pipeline[]): Promise<void> {
  const requirements = pipelines.flatMap(({ name, stages }) =>
    stages.flatMap((stage) =>
      stage.requires.map((required) => ({
        pipeline: name,
        stage: stage.name,
        required_pipeline: required.pipeline,
        required_stage: required.name,
      })),
    ),
  )
  const known = new Set(pipelines.flatMap(({ name, stages }) => stages.map((stage) => `${name}.${stage.name}`)))
  for (const { stage, required_pipeline, required_stage } of requirements) {
    if (!known.has(`${required_pipeline}.${required_stage}`))
      throw new Error(
        `stage ${stage} requires ${required_stage} of the pipeline ${required_pipeline}, which is not in the list`,
      )
  }
  await connection.query(
    `delete from stage_requirements r where r.pipeline = any ($1) and not exists (
       select from jsonb_populate_recordset(null::stage_requirements, $2) d where d is not distinct from r)`,
    [pipelines.map(({ name }) => name), JSON.stringify(requirements)],
  )
  await connection.query(
    `insert into stage_requirements select * from jsonb_populate_recordset(null::stage_requirements, $1) on conflict do nothing`,
    [JSON.stringify(requirements)],
  )
}

async function assertSubject(db: Queryable, pipeline: string, subjectId: number): Promise<void> {
  const { rowCount } = await db.query('select from subjects where pipeline = $1 and id = $2', [pipeline, subjectId])
  if (rowCount === 0) throw new NotFound(`there is no ${pipeline} ${subjectId}`, { details: { pipeline, subjectId } })
}

async function taskStatus(db: Queryable, taskId: number): Promise<string> {
  const { rows } = await db.query<{ status: string }>('select status from tasks where id = $1', [taskId])
  if (!rows[0]) throw new NotFound(`there is no task ${taskId}`, { details: { taskId } })
  return rows[0].status
}

async function blockedMessage(db: Queryable, pipeline: string, subjectId: number, stage: string): Promise<string> {
  const waiting = (await waitingReasons(db, pipeline, subjectId)).find((reason) => reason.stage === stage)
  return `${stage} cannot run yet: ${waiting?.reason ?? 'it is not a stage of this pipeline'}`
}
