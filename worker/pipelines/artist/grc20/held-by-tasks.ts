import type { Queryable } from '../../../engine/tasks.ts'
import type { EncodedEdit } from './edit.ts'
import { MINTING_STAGES } from './mint-unminted.ts'

/** Rows that tasks publish at this moment, or have begun to publish before they failed. */
export interface HeldByTasks {
  readonly artists: ReadonlySet<number>
  /** By their tracks. */
  readonly works: ReadonlySet<number>
}

/** A task that runs holds its subject; an edit that a task has made and nobody has confirmed or refused holds its rows. */
export async function heldByTasks(db: Queryable): Promise<HeldByTasks> {
  const { rows } = await db.query<{ kind: 'artist' | 'work'; id: number }>(
    `select 'artist' as kind, t.subject_id as id from tasks t
     where t.pipeline = 'artist' and t.stage = any ($1) and t.status = 'running'
     union
     select 'work', w.track_id from tasks t join grc20_works w on w.artist_id = t.subject_id
     where t.pipeline = 'artist' and t.stage = any ($1) and t.status = 'running'
     union
     select 'work', t.subject_id from tasks t
     where t.pipeline = 'track' and t.stage = any ($1) and t.status = 'running'
     union
     select r."table", r.id from effects e
     cross join lateral jsonb_to_recordset(e.result -> 'rows') r("table" text, id bigint)
     where e.stage = any ($1) and e.key like 'edit %'
       and not exists (select from grc20_edits g where g.edit_id = e.result ->> 'editId' and g.confirmed_at is not null)
       and not exists (
         select from effects p
         where p.pipeline = e.pipeline and p.subject_id = e.subject_id and p.stage = e.stage and p.item = e.item
           and p.key = 'publish ' || substr(e.key, length('edit ') + 1) and p.result ? 'refused')`,
    [MINTING_STAGES],
  )
  const idsOf = (kind: string) => new Set(rows.filter((row) => row.kind === kind).map((row) => row.id))
  return { artists: idsOf('artist'), works: idsOf('work') }
}

/** Whether no task publishes the rows of an edit. None begins to until the transaction ends. */
export async function isFreeOfTasks(connection: Queryable, { rows }: EncodedEdit): Promise<boolean> {
  const idsOf = (table: string) => rows.flatMap((row) => (row.table === table ? [row.id] : []))
  const works = rows.flatMap((row) => (row.table === 'work' ? [row] : []))
  await connection.query(
    `select from tasks t
     where t.stage = any ($1)
       and (t.pipeline = 'artist' and t.subject_id = any ($2) or t.pipeline = 'track' and t.subject_id = any ($3))
     order by t.id for share`,
    [MINTING_STAGES, [...new Set([...idsOf('artist'), ...works.map((work) => work.artistId)])], idsOf('work')],
  )
  const held = await heldByTasks(connection)
  return !rows.some(
    (row) => (row.table === 'artist' && held.artists.has(row.id)) || (row.table === 'work' && held.works.has(row.id)),
  )
}
