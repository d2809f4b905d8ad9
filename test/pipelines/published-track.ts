import { createHash, randomBytes } from 'node:crypto'
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
import { addReadyTrack } from '../support/ready-track.ts'

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

  return {
    ...engine,
    api,
    providers,
    async addReadyTrack({ artist = 'Mika Söderström', songBytes = 300_000 } = {}) {
      const song = randomBytes(songBytes)
      const id = await addReadyTrack(engine, { title: 'Lantern Road', artist, song })
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
