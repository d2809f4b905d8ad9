import { z } from 'zod'
import type { Config } from '../worker/config.ts'
import type { Client } from '../worker/db/client.ts'
import { Blocked } from '../worker/errors.ts'
import { metadata } from '../worker/providers/metadata/index.ts'
import { parseInput } from './input.ts'

const Request = z.object({
  limit: z.number().int().min(1, 'expected at least 1 track').max(1_000, 'expected at most 1000 tracks'),
})

/**
 * Has one source asked about tracks of which it has told nothing yet; those whose asking lies longest back come first.
 * A track that was submitted before the source was configured has it listed again, which asks it.
 *
 * @param options.hasSpotifyId only tracks that have one
 * @returns how many tracks it will be asked about
 * @throws InvalidInput when `limit` is not from 1 to 1000; Blocked when the source is not configured
 */
export async function askSource(
  client: Client,
  config: Config,
  source: string,
  options: { readonly limit: number; readonly hasSpotifyId?: boolean },
): Promise<number> {
  const { limit } = parseInput(Request, { limit: options.limit })
  const choice = metadata.choose(config.environment)
  if (!choice.ok || !choice.provider.split(',').includes(source)) {
    throw new Blocked(`${source} is not asked: add it to ${metadata.variable}, here and where the workers run`)
  }
  const { rowCount } = await client.pool.query(
    `with wanted as (
       select coalesce(e.id, s.id) as task_id
       from tracks k
       left join tasks e on e.pipeline = 'track' and e.subject_id = k.id and e.stage = 'enrich' and e.item = $1
       left join tasks s on s.pipeline = 'track' and s.subject_id = k.id and s.stage = 'sources'
       where not exists (select from track_metadata m where m.track_id = k.id and m.source = $1)
         and (k.spotify_track_id is not null or not $2)
         and case when e.id is null then s.status else e.status end in ('completed', 'skipped', 'failed')
       order by coalesce(e.settled_at, s.settled_at) nulls first, k.id
       limit $3
     ), held as materialized (
       select t.id from tasks t join wanted w on w.task_id = t.id order by t.id for update of t
     )
     update tasks t set status = 'pending' from held
     where t.id = held.id and t.status in ('completed', 'skipped', 'failed')`,
    [source, options.hasSpotifyId ?? false, limit],
  )
  return rowCount ?? 0
}
