import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { z } from 'zod'
import type { Subgraph } from '../../worker/catalog/client.ts'
import { followOnce, startCatalogFollower } from '../../worker/catalog/follow.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { ProviderUnavailable } from '../../worker/errors.ts'
import { createLog } from '../../worker/log.ts'
import { seeded } from '../media/random.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const { signal } = new AbortController()
let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
})
afterAll(async () => {
  await client?.close()
  await database?.drop()
})
beforeEach(async () => {
  await client.pool.query('truncate catalog_events, catalog_positions')
})

interface Happening {
  readonly transaction: string
  readonly kind: 'REGISTERED' | 'ENCRYPTED'
  /** Of which clip; one and the same unless named. */
  readonly clip?: string
}
interface Block {
  readonly hash: string
  readonly happenings: readonly Happening[]
}

/** A chain and the subgraph that has indexed all of it, which can lose its newest blocks. */
function createModel() {
  let blocks: Block[] = [{ hash: '0xgenesis', happenings: [] }]
  let count = 0
  let deployment = 'Qm1'
  const next = () => `0x${(++count).toString(16).padStart(64, '0')}`
  const model = {
    requests: 0,
    isDown: false,
    hasIndexingErrors: false,
    next,
    mine(...happenings: Happening[]) {
      blocks.push({ hash: next(), happenings })
    },
    /** Takes the newest blocks away and returns what was in them. */
    lose(depth: number): Happening[] {
      const lost = blocks.slice(-depth)
      blocks = blocks.slice(0, -depth)
      return lost.flatMap((block) => block.happenings)
    },
    redeploy() {
      deployment += 'x'
    },
    get height() {
      return blocks.length - 1
    },
    events: () =>
      blocks.flatMap(({ happenings }, block) =>
        happenings.map(({ transaction, kind, clip = '0xclip' }, logIndex) => ({
          id: transaction,
          kind,
          clip,
          block,
          logIndex,
        })),
      ),
  }
  const subgraph: Subgraph = {
    async query<Schema extends z.ZodType>(text: string, schema: Schema, { variables = {} }: { variables?: object }) {
      model.requests++
      if (model.isDown) throw new ProviderUnavailable('subgraph', 'the connection was refused')
      return schema.parse(text.includes('_meta') ? meta() : { rows: rows(text, variables as Variables) })
    },
  }
  interface Variables {
    readonly where: { readonly block_gte: string; readonly block_lte: string; readonly id_gt?: string }
    readonly at: string
  }
  function meta() {
    const number = blocks.length - 1
    const block = {
      number,
      hash: blocks[number].hash,
      parentHash: blocks[number - 1]?.hash ?? null,
      timestamp: 1_700_000_000 + number,
    }
    return { _meta: { block, deployment, hasIndexingErrors: model.hasIndexingErrors } }
  }
  function rows(text: string, { where, at }: Variables) {
    if (at !== blocks.at(-1)?.hash) throw new ProviderUnavailable('subgraph', 'block not found')
    if (!text.includes('clipEvents')) return []
    return model
      .events()
      .filter((event) => event.block >= Number(where.block_gte) && event.block <= Number(where.block_lte))
      .filter((event) => where.id_gt === undefined || event.id > where.id_gt)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, 1000)
      .map(({ id, kind, clip, block, logIndex }) => ({
        id,
        kind,
        block: String(block),
        logIndex,
        timestamp: String(1_700_000_000 + block),
        transaction: id,
        clip: { id: clip },
        lockAddress: null,
      }))
  }
  return { model, followed: { name: 'clips' as const, parts: ['clips' as const, 'locks' as const], subgraph } }
}

/** What somebody knows who has read every row in order. */
async function replay(): Promise<string[]> {
  const { rows } = await client.pool.query<{
    seq: number
    event_id: string
    block_number: number
    retracts: number | null
  }>('select seq, event_id, block_number, retracts from catalog_events order by seq')
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, at) => at + 1))
  const known = new Map<number, string>()
  for (const row of rows) {
    if (row.retracts === null) known.set(row.seq, `${row.event_id} ${row.block_number}`)
    else expect(known.delete(row.retracts), `row ${row.seq} takes back what was told`).toBe(true)
  }
  return [...known.values()].toSorted()
}
const standingIn = (model: ReturnType<typeof createModel>['model']) =>
  model
    .events()
    .map((event) => `${event.id} ${event.block}`)
    .toSorted()

test('random histories with re-organisations end in exactly what stands on the chain', async () => {
  const { next: random } = seeded(7)
  const { model, followed } = createModel()
  for (let round = 0; round < 150; round++) {
    const lost = random() < 0.35 ? model.lose(Math.min(model.height, [1, 1, 3, 12][Math.floor(random() * 4)])) : []
    const blocks = Math.floor(random() * 4)
    for (let at = 0; at < blocks; at++) {
      // What fell out of the chain may come back in another block.
      const back = lost.splice(0, Math.floor(random() * 3))
      const fresh = Array.from({ length: Math.floor(random() * 4) }, () => ({
        transaction: model.next(),
        kind: random() < 0.5 ? ('REGISTERED' as const) : ('ENCRYPTED' as const),
      }))
      model.mine(...back, ...fresh)
    }
    if (random() < 0.8) await followOnce(client, followed, signal)
    if (round % 10 === 0) {
      await followOnce(client, followed, signal)
      expect(await replay()).toEqual(standingIn(model))
    }
  }
  await followOnce(client, followed, signal)
  expect(await replay()).toEqual(standingIn(model))
  const { rows } = await client.pool.query<{ n: number }>(
    'select count(*)::int as n from catalog_events where retracts is not null',
  )

  expect(rows[0].n).toBeGreaterThan(20)
})

test('events come in the order of the chain, and what is undone is undone from the newest on, before what replaces it', async () => {
  const { model, followed } = createModel()
  const [a, b, c, d] = [1, 2, 3, 4].map(() => ({ transaction: model.next(), kind: 'REGISTERED' as const }))
  // Ids that fall while blocks rise.
  model.mine(d, c)
  model.mine(b)
  await followOnce(client, followed, signal)
  model.lose(2)
  model.mine(d)
  model.mine(a)
  model.mine()
  await followOnce(client, followed, signal)
  const { rows } = await client.pool.query('select event_id, retracts from catalog_events order by seq')
  expect(rows).toEqual([
    { event_id: d.transaction, retracts: null },
    { event_id: c.transaction, retracts: null },
    { event_id: b.transaction, retracts: null },
    { event_id: b.transaction, retracts: 3 },
    { event_id: c.transaction, retracts: 2 },
    { event_id: a.transaction, retracts: null },
  ])
})

test('a transaction that is mined again at the same height and does the same is no news, and is told anew when it does something else', async () => {
  const { model, followed } = createModel()
  const [a, b] = [1, 2].map(() => ({ transaction: model.next(), kind: 'REGISTERED' as const, clip: '0xone' }))
  model.mine(a)
  model.mine(b)
  await followOnce(client, followed, signal)
  model.lose(2)
  model.mine(a)
  model.mine({ ...b, clip: '0xother' })
  await followOnce(client, followed, signal)
  const { rows } = await client.pool.query('select event_id, clip_hash, retracts from catalog_events order by seq')
  expect(rows).toEqual([
    { event_id: a.transaction, clip_hash: '0xone', retracts: null },
    { event_id: b.transaction, clip_hash: '0xone', retracts: null },
    { event_id: b.transaction, clip_hash: '0xone', retracts: 2 },
    { event_id: b.transaction, clip_hash: '0xother', retracts: null },
  ])
})

test('a head that stands on the last one asks for its own events only; the same head asks for nothing', async () => {
  const { model, followed } = createModel()
  for (let at = 0; at < 30; at++) model.mine({ transaction: model.next(), kind: 'REGISTERED' })
  expect(await followOnce(client, followed, signal)).toBe(true)
  model.requests = 0
  expect(await followOnce(client, followed, signal)).toBe(false)
  expect(model.requests).toBe(1)
  model.mine({ transaction: model.next(), kind: 'ENCRYPTED' })
  expect(await followOnce(client, followed, signal)).toBe(true)
  expect(await replay()).toEqual(standingIn(model))
})

test('a long history is read in parts, each page whole', async () => {
  const { model, followed } = createModel()
  const many = () => Array.from({ length: 1_300 }, () => ({ transaction: model.next(), kind: 'REGISTERED' as const }))
  model.mine(...many())
  for (let at = 0; at < 6_000; at++) model.mine()
  model.mine(...many())
  await followOnce(client, followed, signal)
  expect(await replay()).toEqual(standingIn(model))
  expect((await replay()).length).toBe(2_600)
})

test('a subgraph deployed anew is compared from the first block, and repeats nothing', async () => {
  const { model, followed } = createModel()
  for (let at = 0; at < 400; at++) model.mine({ transaction: model.next(), kind: 'REGISTERED' })
  await followOnce(client, followed, signal)
  model.redeploy()
  await followOnce(client, followed, signal)
  const { rows } = await client.pool.query<{ n: number }>('select count(*)::int as n from catalog_events')
  expect(rows[0].n).toBe(400)
})

test('two followers at once write each event once', async () => {
  const { model, followed } = createModel()
  for (let at = 0; at < 50; at++) model.mine({ transaction: model.next(), kind: 'REGISTERED' })
  await Promise.all(Array.from({ length: 4 }, () => followOnce(client, followed, signal)))
  expect(await replay()).toEqual(standingIn(model))
})

test('a subgraph that goes away is asked again; meanwhile what is wrong can be read', async () => {
  const { model, followed } = createModel()
  model.isDown = true
  const follower = startCatalogFollower({ client, followed: [followed], intervalMs: 20, log: createLog('silent') })
  const position = async () =>
    (await client.pool.query('select error_message, block_number from catalog_positions')).rows[0]
  try {
    await expect.poll(position).toMatchObject({ error_message: expect.stringContaining('refused') })
    model.isDown = false
    model.mine({ transaction: model.next(), kind: 'REGISTERED' })
    await expect.poll(position).toMatchObject({ error_message: null, block_number: 1 })
    model.hasIndexingErrors = true
    await expect
      .poll(async () => (await client.pool.query('select has_indexing_errors from catalog_positions')).rows[0])
      .toEqual({ has_indexing_errors: true })
  } finally {
    await follower.stop()
  }
  expect(await replay()).toEqual(standingIn(model))
})
