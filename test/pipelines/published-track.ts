import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { type Api, startApi } from '../../api/server.ts'
import type { Chain } from '../../worker/chain/contract.ts'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { track } from '../../worker/pipelines/track/index.ts'
import { openProviders, type Providers } from '../../worker/providers/index.ts'
import { openVault } from '../../worker/vault/open.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

/** What the stages before made: small files, for what comes after does not listen to them. */
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

export interface PublishingEngine extends TestEngine {
  readonly api: Api
  readonly providers: Providers
  /** A track whose clip has been cut, and the bytes of its enhanced song. */
  addReadyTrack(options?: { artist?: string | null; songBytes?: number }): Promise<{ id: number; song: Buffer }>
  /** Rows of the tasks of a subject by stage. */
  rows(
    pipeline: string,
    id: number,
  ): Promise<
    Readonly<
      Record<
        string,
        {
          status: string
          reason: string | null
          error_message: string | null
          output: Record<string, unknown> | null
          runs: number
        }
      >
    >
  >
  graphql<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>
}

/** The track and artist pipelines with embedded providers over one chain, and the API that players and the proof ask. */
export async function createPublishingEngine(
  chain: Chain | null,
  environment: Record<string, string> = {},
): Promise<PublishingEngine> {
  const providers = {} as Providers
  const engine = await createTestEngine([track, artist], { environment, providers })
  const chains = chain ? { clips: chain, locks: chain } : undefined
  const vault = openVault({ client: engine.client, secretKey: randomBytes(32) })
  const given = { REFRAIN_DATA_DIR: engine.folder, ...environment }
  const deps = { ...(chains ? { chains: () => chains } : {}), vault: () => vault }
  const client = openClient(engine.url)
  const api = await startApi({
    config: readConfig({ ...given, PORT: '0', SHUTDOWN_GRACE_MS: '200' }),
    client,
    pipelines: [track, artist],
    artifacts: engine.artifacts,
    log: createLog('silent'),
    ...(chains
      ? { chains, vault, encryption: openProviders({ ...given, PUBLIC_URL: 'http://127.0.0.1' }, deps).encryption }
      : {}),
  })
  Object.assign(providers, openProviders({ ...given, PUBLIC_URL: api.url }, deps))

  async function keep(bytes: Buffer, name: string, contentType: string) {
    const path = await engine.artifacts.temporaryPath()
    await writeFile(path, bytes)
    const { sha256, sizeBytes } = await engine.artifacts.keep(path)
    await engine.query(
      'insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, $3) on conflict do nothing',
      [sha256, sizeBytes, contentType],
    )
    return { sha256, sizeBytes, contentType, name }
  }

  return {
    ...engine,
    api,
    providers,
    async addReadyTrack({ artist = 'Mika Söderström', songBytes = 300_000 } = {}) {
      const song = randomBytes(songBytes)
      const audio = await keep(randomBytes(2_000), 'source.flac', 'audio/flac')
      const enhanced = await keep(song, 'instrumental-enhanced.flac', 'audio/flac')
      const clipAudio = await keep(randomBytes(5_000), 'clip.m4a', 'audio/mp4')
      const lyrics = await keep(Buffer.from('{"format":"refrain-lyrics"}'), 'clip.json', 'application/json')
      const [{ id }] = await engine.query<{ id: number }>(
        `insert into tracks (title, artists, primary_artist_name, source_type) values ($1, $2, $3, 'upload') returning id`,
        ['Lantern Road', JSON.stringify(artist ? [{ name: artist }] : []), artist],
      )
      const settle = (stage: string, output: object) =>
        engine.query(
          "update tasks set status = 'completed', output = $3 where pipeline = 'track' and subject_id = $1 and stage = $2",
          [id, stage, JSON.stringify(output)],
        )
      const skipRest = () =>
        engine.query(
          "update tasks set status = 'skipped', reason = 'not needed' where pipeline = 'track' and subject_id = $1 and stage = any ($2) and status = 'pending'",
          [id, SKIPPED],
        )
      await settle('download', { source: audio, audio, durationMs: 90_000 })
      await settle('separate', { vocals: audio, instrumental: audio, method: 'test' })
      await settle('enhance', { audio: enhanced, method: 'test', loudnessLufs: -14, truePeakDbtp: -1 })
      // Skipping one stage makes the next ones ready.
      for (let round = 0; round < 4; round++) await skipRest()
      await engine.query(
        'insert into song_audio (track_id, source_cid, audio_cid, format, codec, duration_ms, sample_rate_hz, channels, enhanced_cid) values ($1, $2, $2, $3, $3, 90000, 48000, 2, $4)',
        [id, audio.sha256, 'flac', enhanced.sha256],
      )
      await engine.query('insert into karaoke_segments (track_id, start_ms, end_ms) values ($1, 1000, 61000)', [id])
      await settle('segment', { startMs: 1000, endMs: 61_000 })
      await skipRest()
      await settle('clip', { audio: clipAudio, lyrics, startMs: 1000, endMs: 61_000, durationMs: 60_000 })
      await skipRest()
      return { id, song }
    },
    async rows(pipeline, id) {
      const rows = await engine.query<{
        stage: string
        status: string
        reason: string | null
        error_message: string | null
        output: Record<string, unknown> | null
        runs: number
      }>(
        'select stage, status, reason, error_message, output, runs from tasks where pipeline = $1 and subject_id = $2',
        [pipeline, id],
      )
      return Object.fromEntries(rows.map((row) => [row.stage, row]))
    },
    async graphql<Data>(query: string, variables = {}) {
      const response = await fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      })
      const answer = (await response.json()) as { data: Data; errors?: unknown }
      if (answer.errors) throw new Error(JSON.stringify(answer.errors))
      return answer.data
    },
    async close() {
      await engine.close()
      await api.close()
      await client.close()
    },
  }
}

export const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
