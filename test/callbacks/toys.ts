import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { z } from 'zod'
import { type Callbacks, startCallbacks } from '../../worker/callbacks/callbacks.ts'
import { readConfig } from '../../worker/config.ts'
import { definePipeline, stagesOf } from '../../worker/engine/define.ts'
import { createLog } from '../../worker/log.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'
import { type Reply, startVendor, type Vendor } from '../support/vendor.ts'

export const SECRET = 'a secret of sixteen letters or more'

/** What the toy stages and the receiver do; as at first before every test. */
export const toys: { sing: () => { text: string }; answer: () => Reply } = {
  sing: () => ({ text: 'la' }),
  answer: () => ({ status: 204 }),
}

const Text = z.object({ text: z.string() })
const folkStage = stagesOf<object>('folk_song')
const draft = folkStage({
  name: 'draft',
  description: 'writes',
  output: Text,
  milestone: 'written',
  attempts: 1,
  run: async () => toys.sing(),
})
export const review = folkStage({
  name: 'review',
  description: 'asks a person',
  after: [draft],
  output: Text,
  isGate: true,
  run: async ({ draft }) => draft,
})
const folkSong = definePipeline({
  name: 'folk_song',
  description: 'asks before it is done',
  milestones: ['written'],
  stages: [draft, review],
  loadSubject: async () => ({}),
})
const tuneStage = stagesOf<object>('tune')
const hum = tuneStage({
  name: 'hum',
  description: 'hums',
  output: Text,
  attempts: 1,
  milestone: 'hummed',
  run: async () => toys.sing(),
})
const tune = definePipeline({
  name: 'tune',
  description: 'one stage',
  milestones: ['hummed'],
  stages: [hum],
  loadSubject: async () => ({}),
})

export interface DeliveryRow {
  id: string
  status: string
  attempts: number
  error_message: string | null
  in_seconds: number
}

export let engine: TestEngine
export let receiver: Vendor
/** Log lines of the callbacks. */
export let logged: string[]
let running: { stop(): Promise<void> }[]

/** For each test file: an engine of its own with two toy pipelines, and for each test a receiver. */
export function useCallbacks(): void {
  beforeAll(async () => {
    engine = await createTestEngine([folkSong, tune])
    // Toy subjects have no column for it.
    await engine.query('create table toy_callbacks (pipeline text, subject_id bigint, url text)')
    await engine.query(
      `create or replace view callbacks as
     select 'track' as pipeline, id as subject_id, callback_url as url from tracks where callback_url is not null
     union all select * from toy_callbacks`,
    )
  })
  afterAll(() => engine.close())

  beforeEach(async () => {
    toys.sing = () => ({ text: 'la' })
    toys.answer = () => ({ status: 204 })
    running = []
    logged = []
    receiver = await startVendor({ 'POST /hook': () => toys.answer() })
  })
  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()))
    await receiver.close()
    for (const table of ['tunes', 'folk_songs', 'tracks', 'toy_callbacks']) await engine.query(`delete from ${table}`)
    await engine.query('truncate graphile_worker._private_jobs')
  })
}

export function start(environment: Record<string, string> = {}): Callbacks {
  const config = readConfig({
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_SECRET: SECRET,
    WEBHOOK_RETRY_DELAYS_SECONDS: '0.2,0.2,0.2,0.2',
    SHUTDOWN_GRACE_MS: '200',
    ...environment,
  })
  const callbacks = startCallbacks({
    client: engine.client,
    config,
    log: createLog('debug', (line) => logged.push(line)),
  })
  running.push(callbacks)
  return callbacks
}

export async function startEngine(): Promise<void> {
  running.push(await engine.startWorker())
}

export async function addWithCallback(pipeline: string, url = `${receiver.url}/hook?key=hidden-1`): Promise<number> {
  const [id] = await engine.add(pipeline)
  await engine.query('insert into toy_callbacks values ($1, $2, $3)', [pipeline, id, url])
  return id
}

export const deliveries = () =>
  engine.query<DeliveryRow>(
    `select id, status, attempts, error_message, extract(epoch from next_attempt_at - now())::float8 as in_seconds
     from webhook_deliveries order by created_at, event_seq`,
  )
export const record = () => engine.query<{ n: number }>('select record_deliveries(100) as n')
export const untilStatus = (status: string, seconds?: number) =>
  engine.until<DeliveryRow>('select * from webhook_deliveries where status = $1', [status], seconds)

/** A delivery that is due, without a worker. */
export async function addDelivery(url?: string): Promise<void> {
  await addWithCallback('tune', url)
  await engine.query("update tasks set status = 'completed' where status = 'pending'")
  await record()
}
