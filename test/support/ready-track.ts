import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type pg from 'pg'
import { type Client, inTransaction } from '../../worker/db/client.ts'
import type { ArtifactStore } from '../../worker/engine/artifacts.ts'

interface Place {
  readonly client: Client
  readonly artifacts: ArtifactStore
}

export interface ReadyTrack {
  readonly title: string
  readonly artist: string | null
  /** The enhanced accompaniment. */
  readonly song: Buffer
}

/** Stages of sound and words that what comes after does not wait for. */
const SKIPPED = [
  'sources',
  'enrich',
  'align',
  'normalize',
  'translate',
  'screens',
  'render',
  'package',
  'karaoke_lines',
]

/**
 * Inserts a track whose clip has been cut; small files stand for what the stages before made. In one transaction, so that no worker
 * sees the track before its stages of sound have settled.
 *
 * @returns its row
 */
export async function addReadyTrack(place: Place, track: ReadyTrack): Promise<number> {
  const files = {
    audio: await keep(place, randomBytes(2_000), 'source.flac', 'audio/flac'),
    enhanced: await keep(place, track.song, 'instrumental-enhanced.flac', 'audio/flac'),
    clip: await keep(place, randomBytes(5_000), 'clip.m4a', 'audio/mp4'),
    lyrics: await keep(place, Buffer.from('{"format":"refrain-lyrics"}'), 'clip.json', 'application/json'),
  }
  return await inTransaction(place.client, (connection) => insert(connection, track, files))
}

type Kept = Awaited<ReturnType<typeof keep>>

async function keep({ artifacts }: Place, bytes: Buffer, name: string, contentType: string) {
  const path = await artifacts.temporaryPath()
  await writeFile(path, bytes)
  return { ...(await artifacts.keep(path)), contentType, name }
}

async function insert(
  connection: pg.PoolClient,
  { title, artist }: ReadyTrack,
  { audio, enhanced, clip, lyrics }: Readonly<Record<'audio' | 'enhanced' | 'clip' | 'lyrics', Kept>>,
): Promise<number> {
  for (const { sha256, sizeBytes, contentType } of [audio, enhanced, clip, lyrics])
    await connection.query(
      'insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, $3) on conflict do nothing',
      [sha256, sizeBytes, contentType],
    )
  const { rows } = await connection.query<{ id: number }>(
    `insert into tracks (title, artists, primary_artist_name, source_type) values ($1, $2, $3, 'upload') returning id`,
    [title, JSON.stringify(artist ? [{ name: artist }] : []), artist],
  )
  const [{ id }] = rows
  const settle = (stage: string, output: object) =>
    connection.query(
      "update tasks set status = 'completed', output = $3 where pipeline = 'track' and subject_id = $1 and stage = $2",
      [id, stage, JSON.stringify(output)],
    )
  const skipRest = () =>
    connection.query(
      "update tasks set status = 'skipped', reason = 'not needed' where pipeline = 'track' and subject_id = $1 and stage = any ($2) and status = 'pending'",
      [id, SKIPPED],
    )
  const bounds = { startMs: 1_000, endMs: 61_000 }
  await settle('download', { source: audio, audio, durationMs: 90_000 })
  await settle('separate', { vocals: audio, instrumental: audio, method: 'test' })
  await settle('enhance', { audio: enhanced, method: 'test', loudnessLufs: -14, truePeakDbtp: -1 })
  // Skipping one stage makes the next ones ready.
  for (let round = 0; round < 4; round++) await skipRest()
  await connection.query(
    'insert into song_audio (track_id, source_cid, audio_cid, format, codec, duration_ms, sample_rate_hz, channels, enhanced_cid) values ($1, $2, $2, $3, $3, 90000, 48000, 2, $4)',
    [id, audio.sha256, 'flac', enhanced.sha256],
  )
  await connection.query('insert into karaoke_segments (track_id, start_ms, end_ms) values ($1, $2, $3)', [
    id,
    bounds.startMs,
    bounds.endMs,
  ])
  await settle('segment', bounds)
  await skipRest()
  await settle('clip', { audio: clip, lyrics, ...bounds, durationMs: 60_000 })
  await skipRest()
  return id
}
