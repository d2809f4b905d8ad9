import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type Api, startApi } from '../../api/server.ts'
import { readConfig } from '../../worker/config.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { type ArtifactStore, openArtifactStore } from '../../worker/engine/artifacts.ts'
import { definePipeline, type Pipeline, stagesOf } from '../../worker/engine/define.ts'
import { createLog } from '../../worker/log.ts'
import type { Catalogue } from '../../worker/providers/catalogue/contract.ts'
import { createTestDatabase } from '../support/database.ts'

const trackStage = stagesOf<{ id: number }>('track')
const run = async () => {
  throw new Error('these tests settle tasks by hand')
}
const download = trackStage({
  name: 'download',
  description: 'Fetches the audio',
  output: z.object({}),
  milestone: 'audio_ready',
  run,
})
const align = trackStage({
  name: 'align',
  description: 'Times the words',
  after: [download],
  output: z.object({ words: z.number() }),
  milestone: 'aligned',
  run,
})
const review = trackStage({
  name: 'review',
  description: 'Lets a person correct the lyrics',
  after: [align],
  output: z.object({ text: z.string() }),
  isGate: true,
  run,
})
const translate = trackStage({
  name: 'translate',
  description: 'Translates the lyrics',
  after: [review],
  output: z.object({}),
  milestone: 'ready',
  weight: 3,
  run,
})

/** A track pipeline with a milestone, a gate and nothing that works. */
export const testPipelines = [
  definePipeline({
    name: 'track',
    description: 'A song becomes what the tests need',
    milestones: ['audio_ready', 'aligned', 'ready'],
    stages: [download, align, review, translate],
    loadSubject: async (_transaction, id) => ({ id }),
  }),
]

export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly data: any
  readonly errors?: readonly {
    readonly message: string
    readonly extensions?: Record<string, unknown>
    readonly path?: readonly (string | number)[]
  }[]
  readonly status: number
}

export interface TestApi extends Api {
  readonly client: Client
  readonly artifacts: ArtifactStore
  readonly dataPath: string
  /** Log lines written so far. */
  readonly log: string[]
  request(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>
  /** Adds a track and answers its global id and its row number. */
  addTrack(title?: string): Promise<{ readonly id: string; readonly row: number }>
  /** Settles the task of a stage as a worker would. */
  settle(row: number, stage: string, status?: string, output?: unknown): Promise<void>
}

/** A whole API on loopback, with a database and a store of its own. */
export async function startTestApi(
  environment: Record<string, string> = {},
  options: { catalogue?: Catalogue; pipelines?: readonly Pipeline[] } = {},
): Promise<TestApi> {
  const database = await createTestDatabase()
  const dataPath = await mkdtemp(join(tmpdir(), 'refrain-api-'))
  const client = openClient(database.url)
  const log: string[] = []
  const artifacts = openArtifactStore(join(dataPath, 'artifacts'))
  const api = await startApi({
    config: readConfig({ PORT: '0', REFRAIN_DATA_DIR: dataPath, SHUTDOWN_GRACE_MS: '500', ...environment }),
    client,
    pipelines: testPipelines,
    artifacts,
    log: createLog('debug', (line) => log.push(line)),
    ...options,
  })
  const request = async (query: string, variables = {}, headers = {}): Promise<Answer> => {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    })
    return { ...((await response.json()) as Omit<Answer, 'status'>), status: response.status }
  }
  return {
    ...api,
    client,
    artifacts,
    dataPath,
    log,
    request,
    async addTrack(title = 'Song') {
      const { data } = await request(
        `mutation ($title: String!) { addTrack(input: { title: $title, artists: ["Somebody"], source: { url: "https://example.org/a.mp3" } }) { ... on Track { id } ... on Error { message } } }`,
        { title },
      )
      return { id: data.addTrack.id, row: Number(data.addTrack.id.split(':')[1]) }
    },
    async settle(row, stage, status = 'completed', output = {}) {
      await client.pool.query(
        `update tasks set status = $3, output = $4, progress = 1, settled_at = now(), started_at = now() - interval '2 seconds'
         where pipeline = 'track' and subject_id = $1 and stage = $2`,
        [row, stage, status, JSON.stringify(output)],
      )
    },
    async close() {
      await api.close()
      await client.close()
      await database.drop()
      await rm(dataPath, { recursive: true, force: true })
    },
  }
}
