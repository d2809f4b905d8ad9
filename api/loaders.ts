import { and, asc, eq, inArray, or, sql } from 'drizzle-orm'
import { artistMetadata, artists, lensAccounts, pkpAccounts } from '../worker/db/artist-tables.ts'
import type { Client } from '../worker/db/client.ts'
import { encryptions, publishedClips } from '../worker/db/publication-tables.ts'
import {
  karaokeLines,
  karaokeSegments,
  lyrics,
  lyricsTranslations,
  songAudio,
  tasks,
  trackMetadata,
  tracks,
  wordAlignments,
} from '../worker/db/tables.ts'
import { createBatch, groupBy, indexBy } from './batch.ts'
import { loadPublishedFiles } from './published-files.ts'
import {
  type ArtifactRow,
  alignmentColumns,
  artistColumns,
  segmentColumns,
  taskColumns,
  trackColumns,
  type WaitingRow,
} from './rows.ts'

export type Loaders = ReturnType<typeof createLoaders>

/** One batched loader for each nested field: however many tracks a query lists, each field costs one statement. */
export function createLoaders({ database, pool }: Client) {
  return {
    publishedFiles: loadPublishedFiles({ pool }),
    track: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select(trackColumns)
          .from(tracks)
          .where(inArray(tracks.id, [...ids])),
        (row) => row.id,
      ),
    ),
    artist: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select(artistColumns)
          .from(artists)
          .leftJoin(pkpAccounts, eq(pkpAccounts.artistId, artists.id))
          .leftJoin(lensAccounts, eq(lensAccounts.artistId, artists.id))
          .where(inArray(artists.id, [...ids])),
        (row) => row.id,
      ),
    ),
    artistMetadata: createBatch(async (ids: readonly number[]) =>
      groupBy(
        ids,
        await database
          .select()
          .from(artistMetadata)
          .where(inArray(artistMetadata.artistId, [...ids]))
          .orderBy(asc(artistMetadata.source)),
        (row) => row.artistId,
      ),
    ),
    task: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select(taskColumns)
          .from(tasks)
          .where(inArray(tasks.id, [...ids])),
        (row) => row.id,
      ),
    ),
    taskOutput: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select({ id: tasks.id, output: tasks.output })
          .from(tasks)
          .where(inArray(tasks.id, [...ids])),
        (row) => row.id,
      ),
    ),
    /** By subject, as `track:12`. */
    tasksOf: createBatch(async (subjects: readonly string[]) => {
      const rows = await database
        .select(taskColumns)
        .from(tasks)
        .where(
          or(
            ...[...subjectsByPipeline(subjects)].map(([pipeline, ids]) =>
              and(eq(tasks.pipeline, pipeline), inArray(tasks.subjectId, ids)),
            ),
          ),
        )
        .orderBy(asc(tasks.id))
      return groupBy(subjects, rows, (row) => `${row.pipeline}:${row.subjectId}`)
    }),
    audio: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select()
          .from(songAudio)
          .where(inArray(songAudio.trackId, [...ids])),
        (row) => row.trackId,
      ),
    ),
    lyrics: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select()
          .from(lyrics)
          .where(inArray(lyrics.trackId, [...ids])),
        (row) => row.trackId,
      ),
    ),
    alignment: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select(alignmentColumns)
          .from(wordAlignments)
          .where(inArray(wordAlignments.trackId, [...ids])),
        (row) => row.trackId,
      ),
    ),
    alignmentLines: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select({ trackId: wordAlignments.trackId, lines: wordAlignments.lines })
          .from(wordAlignments)
          .where(inArray(wordAlignments.trackId, [...ids])),
        (row) => row.trackId,
      ),
    ),
    metadata: createBatch(async (ids: readonly number[]) =>
      groupBy(
        ids,
        await database
          .select()
          .from(trackMetadata)
          .where(inArray(trackMetadata.trackId, [...ids]))
          .orderBy(asc(trackMetadata.source)),
        (row) => row.trackId,
      ),
    ),
    translations: createBatch(async (ids: readonly number[]) =>
      groupBy(
        ids,
        await database
          .select()
          .from(lyricsTranslations)
          .where(inArray(lyricsTranslations.trackId, [...ids]))
          .orderBy(asc(lyricsTranslations.language)),
        (row) => row.trackId,
      ),
    ),
    segments: createBatch(async (ids: readonly number[]) =>
      groupBy(
        ids,
        await database
          .select(segmentColumns)
          .from(karaokeSegments)
          .where(inArray(karaokeSegments.trackId, [...ids]))
          .orderBy(asc(karaokeSegments.segmentIndex)),
        (row) => row.trackId,
      ),
    ),
    /** The artist whose lock is at an address, in lower case. */
    artistByLock: createBatch(async (addresses: readonly string[]) =>
      indexBy(
        await database
          .select(artistColumns)
          .from(artists)
          .leftJoin(pkpAccounts, eq(pkpAccounts.artistId, artists.id))
          .innerJoin(lensAccounts, eq(lensAccounts.artistId, artists.id))
          .where(inArray(sql`lower(${lensAccounts.lockAddress})`, [...addresses])),
        (row) => row.lock?.address?.toLowerCase() ?? '',
      ),
    ),
    publishedByTrack: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select()
          .from(publishedClips)
          .where(and(inArray(publishedClips.trackId, [...ids]), eq(publishedClips.segmentIndex, 0))),
        (row) => row.trackId,
      ),
    ),
    encryptionByTrack: createBatch(async (ids: readonly number[]) =>
      indexBy(
        await database
          .select()
          .from(encryptions)
          .where(and(inArray(encryptions.trackId, [...ids]), eq(encryptions.segmentIndex, 0))),
        (row) => row.trackId,
      ),
    ),
    publishedByHash: createBatch(async (hashes: readonly string[]) =>
      indexBy(
        await database
          .select({ trackId: publishedClips.trackId, clipHash: publishedClips.clipHash })
          .from(publishedClips)
          .where(inArray(publishedClips.clipHash, [...hashes])),
        (row) => row.clipHash,
      ),
    ),
    karaokeLines: createBatch(async (ids: readonly number[]) =>
      groupBy(
        ids,
        await database
          .select()
          .from(karaokeLines)
          .where(inArray(karaokeLines.trackId, [...ids]))
          .orderBy(asc(karaokeLines.lineIndex)),
        (row) => row.trackId,
      ),
    ),
    artifactsOfTask: createBatch(async (ids: readonly number[]) => {
      const { rows } = await pool.query<ArtifactRow & { taskId: number }>(
        `select f.task_id as "taskId", f.name, a.sha256, a.size_bytes as "sizeBytes", a.content_type as "contentType"
         from task_artifacts f join artifacts a using (sha256) where f.task_id = any ($1) order by f.name`,
        [ids],
      )
      return groupBy(ids, rows, (row) => row.taskId)
    }),
    artifact: createBatch(async (hashes: readonly string[]) => {
      const { rows } = await pool.query<ArtifactRow>(
        `select a.sha256, a.size_bytes as "sizeBytes", a.content_type as "contentType", coalesce(min(f.name), a.sha256) as name
         from artifacts a left join task_artifacts f using (sha256) where a.sha256 = any ($1) group by a.sha256`,
        [hashes],
      )
      return indexBy(rows, (row) => row.sha256)
    }),
    waiting: createBatch(async (subjects: readonly string[]) => {
      const { rows } = await pool.query<WaitingRow>(
        `select s.pipeline, s.id as "subjectId", w.stage, w.item, w.task_id as "taskId", w.status, w.reason
         from (select split_part(key, ':', 1) as pipeline, split_part(key, ':', 2)::bigint as id from unnest($1::text[]) key) s
         cross join lateral waiting_reasons(s.pipeline, s.id) w`,
        [subjects],
      )
      return groupBy(subjects, rows, (row) => `${row.pipeline}:${row.subjectId}`)
    }),
    /** How much of a subject's work is done, 0 to 1, each stage by its weight; by subject, as `track:12`. */
    progress: createBatch(async (subjects: readonly string[]) => {
      const { rows } = await pool.query<{ key: string; progress: number }>(
        `select k.key, coalesce(sum(s.weight * c.done) / nullif(sum(s.weight), 0), 0)::float8 as progress
         from (select key, split_part(key, ':', 1) as pipeline, split_part(key, ':', 2)::bigint as id from unnest($1::text[]) key) k
         join stages s on s.pipeline = k.pipeline
         cross join lateral (
           select coalesce(avg(case t.status when 'completed' then 1 when 'skipped' then 1 else t.progress end), 0) as done
           from tasks t where t.pipeline = k.pipeline and t.subject_id = k.id and t.stage = s.name
         ) c
         group by k.key`,
        [subjects],
      )
      return indexBy(rows, (row) => row.key)
    }),
  }
}

function subjectsByPipeline(subjects: readonly string[]): ReadonlyMap<string, number[]> {
  const ids = new Map<string, number[]>()
  for (const subject of subjects) {
    const [pipeline, id] = subject.split(':')
    ids.set(pipeline, [...(ids.get(pipeline) ?? []), Number(id)])
  }
  return ids
}
