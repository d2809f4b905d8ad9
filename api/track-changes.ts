import type pg from 'pg'
import { type Client, inTransaction } from '../worker/db/client.ts'
import type { Pipeline } from '../worker/engine/define.ts'
import { cancelSubject, rerunStage } from '../worker/engine/tasks.ts'
import { Conflict, InvalidInput, NotFound } from '../worker/errors.ts'
import { parseInput, text } from './input.ts'
import { LONGEST_LYRICS_CHARACTERS } from './track-input.ts'

const LOCK_NOT_AVAILABLE = '55P03'

/** Stages that read the submitted lyrics. */
const LYRICS_READERS = ['align', 'normalize']

/** Replaces a track's lyrics, and runs again what was made from them. */
export async function replaceLyrics(
  client: Client,
  pipeline: Pipeline,
  trackId: number,
  lyrics: string,
): Promise<readonly string[]> {
  const raw = parseInput(text(LONGEST_LYRICS_CHARACTERS), lyrics)
  return changingTrack(client, trackId, async (connection) => {
    const undone = new Set<string>()
    for (const stage of pipeline.stages) {
      if (!LYRICS_READERS.includes(stage.name)) continue
      for (const name of await rerunStage(connection, 'track', trackId, stage.name)) undone.add(name)
    }
    const { rowCount } = await connection.query(
      `insert into lyrics (track_id, raw, source) select id, $2, 'submitted' from tracks where id = $1
       on conflict (track_id) do update set raw = excluded.raw, source = excluded.source, normalized_lyrics = null, updated_at = now()`,
      [trackId, raw],
    )
    if (rowCount === 0) throw new NotFound(`there is no track ${trackId}`)
    return [...undone]
  })
}

/** Runs a stage of a track again together with everything that stands on it. @returns the stages undone, that one first */
export function rerunTrack(client: Client, trackId: number, from: string): Promise<readonly string[]> {
  return changingTrack(client, trackId, (connection) => rerunStage(connection, 'track', trackId, from))
}

/** Removes a track and everything that belongs to it. Running work stops; stored files stay, others may share them. */
export async function deleteTrack(client: Client, trackId: number): Promise<void> {
  await changingTrack(client, trackId, async (connection) => {
    await connection.query("select lock_subject('track', $1)", [trackId])
    const { rowCount } = await connection.query('delete from tracks where id = $1', [trackId])
    if (rowCount === 0) throw new NotFound(`there is no track ${trackId}`)
  })
}

/** Stops everything of a track that has not settled. @returns how many tasks were canceled */
export function cancelTrack(client: Client, trackId: number, reason: string): Promise<number> {
  return changingTrack(client, trackId, (connection) => cancelSubject(connection, 'track', trackId, reason))
}

/** @throws Conflict when others keep the track locked for seconds */
async function changingTrack<Result>(
  client: Client,
  trackId: number,
  work: (connection: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  try {
    return await inTransaction(client, work)
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error
    throw new Conflict(`track ${trackId} is busy: try again`, { cause: error })
  }
}

export interface FailedTasksFilter {
  readonly trackId?: number | undefined
  readonly stages?: readonly string[] | undefined
  readonly pipeline?: string | undefined
}

/**
 * Sends failed tasks back to the backlog.
 *
 * @returns how many
 * @throws InvalidInput when the filter is empty: everything at once is never meant
 */
export async function retryFailedTasks(client: Client, filter: FailedTasksFilter): Promise<number> {
  if (filter.trackId === undefined && filter.pipeline === undefined && !filter.stages?.length) {
    throw new InvalidInput('filter: expected a track, a pipeline or stages; an empty filter would retry everything', {
      details: { field: 'filter' },
    })
  }
  const { rowCount } = await client.pool.query(
    `with failed as materialized (
       select id from tasks
       where status = 'failed' and ($1::bigint is null or pipeline = 'track' and subject_id = $1)
         and ($2::text[] is null or stage = any ($2)) and ($3::text is null or pipeline = $3)
       order by id for update
     )
     update tasks t set status = 'pending' from failed where t.id = failed.id and t.status = 'failed'`,
    [filter.trackId ?? null, filter.stages?.length ? filter.stages : null, filter.pipeline ?? null],
  )
  return rowCount ?? 0
}
