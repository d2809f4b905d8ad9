import { toHex } from 'viem'
import { afterAll, expect, test } from 'vitest'
import { onChain } from '../../indexer/manifest.ts'
import type { IndexedBlock } from '../../indexer/store/deployments.ts'
import { readDeployment } from '../../indexer/store/deployments.ts'
import { EntityStore } from '../../indexer/store/entity-store.ts'
import { createColumnIndexes, qualifiedTable } from '../../indexer/store/layout.ts'
import { createIndexerTables, dropSuperseded, openDeployment } from '../../indexer/store/open-deployment.ts'
import { parseRow, selectText } from '../../indexer/store/read-rows.ts'
import type { EntityType } from '../../indexer/store/schema.ts'
import { BlockState, refersTo } from '../../indexer/store/state.ts'
import { parseDecimal } from '../../indexer/wasm/decimal.ts'
import { Missing } from '../../indexer/wasm/failure.ts'
import { idOf, type Row } from '../../indexer/wasm/rows.ts'
import type { Update } from '../../indexer/wasm/store-values.ts'
import { openClient } from '../../worker/db/client.ts'
import { createTestDatabase } from '../support/database.ts'
import { openProbe } from './probe.ts'
import { type Random, seeded } from './random.ts'

const database = await createTestDatabase()
const client = openClient(database.url)
afterAll(async () => {
  await client.close()
  await database.drop()
})
await createIndexerTables(client)
const { subgraph } = await openProbe()
const { schema } = subgraph
const everything = schema.entities.get('Everything')!
const once = schema.entities.get('Once')!
const chain = { id: 31337, genesisHash: toHex(1, { size: 32 }) }

async function openStore(name: string, cacheCapacity = 50) {
  const opened = await openDeployment(client, name, subgraph, chain)
  const { deployment } = opened
  const store = new EntityStore({
    client,
    place: { deploymentId: deployment.id, schema: deployment.schema, chainId: chain.id },
    schema,
    block: deployment.block,
    earliestBlock: deployment.earliestBlock,
    hasColumnIndexes: opened.hasColumnIndexes,
    sourceCount: opened.created.length,
    cacheCapacity,
  })
  await store.open()
  return { store, opened, deployment }
}

const blockAt = (number: number, branch = 0): IndexedBlock => ({
  number,
  hash: toHex(1_000_000 * (branch + 1) + number, { size: 32 }),
  parentHash: toHex(1_000_000 * (branch + 1) + number - 1, { size: 32 }),
  timestamp: 1_700_000_000 + number,
})

/** Awkward values of every type. */
function randomUpdate(random: Random, type: EntityType, id: string, ids: readonly string[]): Update {
  const value = (scalar: string): never => {
    const made = {
      ID: () => random.pick(ids),
      String: () => random.pick(['', 'plain', 'naïve 🎤', 'tab\t\\N\n\r"{},', 'x'.repeat(3_000)]),
      Bytes: () => toHex(random.bytes(random.whole(0, 40))),
      Boolean: () => random.chance(0.5),
      Int: () => random.whole(-2_147_483_648, 2_147_483_647),
      Int8: () => BigInt.asIntN(64, BigInt(toHex(random.bytes(8)))),
      Timestamp: () => BigInt(random.whole(0, 2_000_000_000)) * 1_000_001n,
      BigInt: () => (random.chance(0.5) ? -1n : 1n) * BigInt(toHex(random.bytes(random.whole(1, 40)))),
      BigDecimal: () =>
        parseDecimal(`${random.whole(-9_999, 9_999)}.${random.whole(0, 9_999)}e${random.whole(-40, 40)}`),
    }[scalar]
    return made?.() as never
  }
  return type.storedFields.map((field) => {
    if (field.name === 'id') return id
    if (!field.isRequired && random.chance(0.3)) return null
    const one = () =>
      field.kind === 'enum'
        ? random.pick(['RED', 'GREEN'])
        : field.kind === 'reference'
          ? random.pick(ids)
          : value(field.scalar)
    return field.isList ? Array.from({ length: random.whole(0, 3) }, one) : one()
  })
}

async function withLoads<Result>(store: EntityStore, work: () => Result): Promise<Result> {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      expect(await store.load([error.what])).toEqual([])
    }
  }
}

async function storedAt(schemaName: string, type: EntityType, block: number | null): Promise<Map<string, Row>> {
  const held = block === null ? 'valid_to = 2147483647' : `valid_from <= ${block} and ${block} < valid_to`
  const { rows } = await client.pool.query({
    text: `select ${type.storedFields.map(selectText).join(', ')} from ${qualifiedTable(schemaName, type)} where ${held}`,
    rowMode: 'array',
  })
  const found = new Map(rows.map((row) => parseRow(type, row)).map((row) => [idOf(type, row), row]))
  expect(found.size).toBe(rows.length)
  return found
}

test.each([1, 2, 3])('random histories with re-orgs hold at every block what held then (seed %i)', async (seed) => {
  const random = seeded(seed)
  const { store, deployment } = await openStore(`history ${seed}`)
  const ids = Array.from({ length: 120 }, (_none, index) => toHex(index, { size: random.whole(2, 20) }))
  const parent = everything.fieldsByName.get('parent')!
  /** By number: the block, and everything as it was after it. */
  const past: { readonly block: IndexedBlock; readonly entities: ReadonlyMap<string, Row> }[] = []
  const entitiesNow = () => past.at(-1)?.entities ?? new Map<string, Row>()

  for (let step = 0; step < 120; step++) {
    const state = new BlockState(store, schema)
    let entities = new Map(entitiesNow())
    for (let handlers = random.whole(0, 8); handlers > 0; handlers--) {
      const handled = new Map(entities)
      for (let writes = random.whole(1, 3); writes > 0; writes--) {
        const id = random.pick(ids)
        if (random.chance(0.2)) {
          state.remove(everything, id)
          handled.delete(id)
        } else {
          const held = handled.get(id)
          const update = held && random.chance(0.2) ? [...held] : randomUpdate(random, everything, id, ids)
          await withLoads(store, () => state.set(everything, id, update))
          handled.set(id, update as Row)
        }
      }
      if (random.chance(0.8)) {
        state.keep()
        entities = handled
      } else state.drop()
    }
    const block = blockAt(past.length, step)
    const changes = await withLoads(store, () => state.changes())
    store.add(block, changes, [], -1)
    past.push({ block, entities })

    const written = random.next()
    if (written < 0.3) await store.flush({ headNumber: block.number, state: 'syncing' })
    else if (written < 0.6) void store.flush({ headNumber: block.number, state: 'syncing' })
    if (random.chance(0.1) && past.length > 13) {
      await store.flush({ headNumber: block.number, state: 'syncing' })
      past.length -= random.pick([1, 3, 12])
      await store.revert(past.at(-1)!.block)
    }

    const id = random.pick(ids)
    const asking = new BlockState(store, schema)
    expect(await withLoads(store, () => asking.get(everything, id))).toEqual(entitiesNow().get(id) ?? null)
    const related = await withLoads(store, () => asking.related(everything, parent, id))
    const wanted = [...entitiesNow().values()].filter((row) => refersTo(row[parent.position], id))
    expect(related.map((row) => idOf(everything, row))).toEqual(wanted.map((row) => idOf(everything, row)).sort())
  }

  await store.flush({ headNumber: past.length, state: 'following' })
  for (const { block, entities } of past) {
    expect(await storedAt(deployment.schema, everything, block.number), `block ${block.number}`).toEqual(entities)
  }
  expect(await storedAt(deployment.schema, everything, null)).toEqual(entitiesNow())
  expect((await readDeployment(client.pool, `history ${seed}`))?.block).toEqual(past.at(-1)?.block)
  // A process that begins anew knows the same.
  const { store: reopened } = await openStore(`history ${seed}`)
  for (const id of ids) {
    const asking = new BlockState(reopened, schema)
    expect(await withLoads(reopened, () => asking.get(everything, id))).toEqual(entitiesNow().get(id) ?? null)
  }
})

test('entities that are new cost no question, also after a restart with others stored', async () => {
  const { store } = await openStore('new ids', 10)
  const add = (from: number, to: number, into: EntityStore) => {
    const state = new BlockState(into, schema)
    for (let number = from; number < to; number++) state.set(once, `id ${number}`, [`id ${number}`, 'text'])
    state.keep()
    into.add(blockAt(from), state.changes(), [], -1)
  }
  add(0, 500, store)
  await store.flush({ headNumber: 0, state: 'syncing' })
  add(500, 1_000, store)
  await store.flush({ headNumber: 0, state: 'syncing' })
  const { store: reopened } = await openStore('new ids', 10)
  add(1_000, 1_500, reopened)
  expect(() => add(0, 1, reopened)).toThrow(
    expect.objectContaining({ what: expect.objectContaining({ kind: 'entity' }) }),
  )
})

test('indexes that only queries need are made once, when indexing has settled in', async () => {
  const { store, deployment, opened } = await openStore('settling')
  const count = async () => {
    const { rows } = await client.pool.query<{ count: number }>(
      "select count(*)::integer as count from pg_indexes where schemaname = $1 and indexname ~ '_c[0-9]+$'",
      [deployment.schema],
    )
    return rows[0].count
  }
  expect([opened.hasColumnIndexes, await count()]).toEqual([false, 0])
  await store.settleIn()
  expect(await count()).toBe(createColumnIndexes('sg', schema).length)
  const reopened = await openStore('settling')
  expect(reopened.opened.hasColumnIndexes).toBe(true)
  await reopened.store.settleIn()
  expect(await count()).toBe(createColumnIndexes('sg', schema).length)
})

test('history that is not wanted is left out, and what holds now stays', async () => {
  const { store, deployment } = await openStore('short history')
  const id = '0x0001'
  for (let number = 0; number < 30; number++) {
    const state = new BlockState(store, schema)
    const update = randomUpdate(seeded(number), everything, id, [id])
    await withLoads(store, () => state.set(everything, id, update))
    state.keep()
    store.add(blockAt(number), state.changes(), [], 20)
    if (number % 7 === 6) await store.flush({ headNumber: number, state: 'syncing' })
  }
  await store.flush({ headNumber: 30, state: 'following' })
  await store.prune(25)
  const { rows } = await client.pool.query(
    `select valid_from, valid_to from ${qualifiedTable(deployment.schema, everything)} order by valid_from`,
  )
  expect(rows).toEqual(
    [25, 26, 27, 28, 29].map((from) => ({ valid_from: from, valid_to: from === 29 ? 2147483647 : from + 1 })),
  )
  expect((await readDeployment(client.pool, 'short history'))?.earliestBlock).toBe(25)
})

test('two that move the same deployment cannot both: the later one is told', async () => {
  const { store: first } = await openStore('contended')
  const { store: second } = await openStore('contended')
  first.add(blockAt(0), [], [], -1)
  second.add(blockAt(0, 1), [], [], -1)
  await first.flush({ headNumber: 0, state: 'syncing' })
  await expect(second.flush({ headNumber: 0, state: 'syncing' })).rejects.toThrow('moved by another process')
  expect((await readDeployment(client.pool, 'contended'))?.block).toEqual(blockAt(0))
})

test('another chain or another build is another deployment, and the old one goes when it is no longer needed', async () => {
  const { deployment: old } = await openStore('moving')
  const { deployment: other } = await openDeployment(client, 'moving', subgraph, {
    ...chain,
    genesisHash: toHex(2, { size: 32 }),
  })
  const { deployment: third } = await openDeployment(client, 'moving', { ...subgraph, sha256: 'other' }, chain)
  expect(new Set([old.id, other.id, third.id]).size).toBe(3)
  expect((await readDeployment(client.pool, 'moving'))?.id).toBe(third.id)
  // Back to the first: what it had is still there.
  expect((await openStore('moving')).deployment.id).toBe(old.id)
  expect((await dropSuperseded(client, 'moving')).sort()).toEqual([other.id, third.id].sort())
  const { rows } = await client.pool.query('select nspname from pg_namespace where nspname = any($1)', [
    [old.schema, other.schema, third.schema],
  ])
  expect(rows).toEqual([{ nspname: old.schema }])
  expect(onChain(subgraph, 8453).sources[0].context?.chainId?.value).toBe(8453)
})

test('answers of contracts are kept for every deployment of the chain', async () => {
  const { store } = await openStore('asking')
  const [to, blockHash] = [toHex(5, { size: 20 }), toHex(6, { size: 32 })]
  const asked = ['0x12', '0x13'].map((data) => ({ method: 'call', to, data, blockHash }) as const)
  const missing = asked.map((call) => ({ kind: 'call', call }) as const)
  expect(await store.load(missing)).toEqual(asked)
  store.learn(asked[0], 1, '0x00ff')
  store.learn(asked[1], 1, null)
  store.add(blockAt(1), [], [], -1)
  await store.flush({ headNumber: 1, state: 'syncing' })
  const { store: other } = await openStore('asking too')
  expect(await other.load(missing)).toEqual([])
  expect(asked.map((call) => other.answerOf(call))).toEqual(['0x00ff', null])
})
