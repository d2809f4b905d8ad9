import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls } from './catalog-calls.ts'
import { subscribeStream, take } from './catalog-readers.ts'
import { type CatalogWorld, startCatalogWorld } from './catalog-world.ts'

const LOCK_CHAIN_ID = 84_532
let clipChain: TestChain
let lockChain: TestChain
let world: CatalogWorld
beforeAll(async () => {
  ;[clipChain, lockChain] = await Promise.all([startTestChain(), startTestChain({ chainId: LOCK_CHAIN_ID })])
  world = await startCatalogWorld(clipChain, { lockChain })
})
afterAll(() => world?.close())

test('clips of one chain and locks of another are joined by address and chain, each part at its own block', async () => {
  const [artist, buyer] = [lockChain.buyer(0), lockChain.buyer(1)]
  const [here, there] = [catalogCalls(clipChain), catalogCalls(lockChain)]
  const lock = await there.createLock(artist)
  // The same account's first lock has the same address on every chain.
  expect(await here.createLock(clipChain.buyer(0), { name: 'Of the other chain' })).toBe(lock)
  await there.buy(lock, buyer)
  const [right, wrong] = [await here.register(), await here.register()]
  await here.encrypt(right, lock, { chainId: LOCK_CHAIN_ID })
  await here.encrypt(wrong, lock)
  await lockChain.mine(5)
  const clip = (hash: string) => `catalogClip(hash: "${hash}") { encryption {
    lockAddress lockChainId opensFor(wallet: "${buyer.address}") lock { name totalKeys } } }`
  const data = await world.query(
    `{ right: ${clip(right)} wrong: ${clip(wrong)} catalogStatus { part block blocksBehind } }`,
  )
  expect(data.right.encryption).toEqual({
    lockAddress: lock,
    lockChainId: LOCK_CHAIN_ID,
    opensFor: true,
    lock: { name: 'Lantern Road', totalKeys: '1' },
  })
  expect(data.wrong.encryption).toEqual({
    lockAddress: lock,
    lockChainId: clipChain.chainId,
    opensFor: false,
    lock: null,
  })
  const blocks = await Promise.all(
    [clipChain, lockChain].map(async ({ client }) => Number(await client.getBlockNumber())),
  )
  expect(blocks[0]).not.toBe(blocks[1])
  expect(data.catalogStatus).toEqual([
    { part: 'CLIPS', block: blocks[0], blocksBehind: 0 },
    { part: 'LOCKS', block: blocks[1], blocksBehind: 0 },
  ])
})

test('one subscription tells what happens on both chains, and a re-organisation of one takes back only its own', async () => {
  await world.caughtUp()
  const { rows } = await world.client.pool.query('select max(seq) as seq from catalog_events')
  const query = `subscription ($after: SafeInt) { catalogEvents(after: $after) { seq kind retracts lock { name } clip { hash } } }`
  const live = await subscribeStream(world.url, query, { after: rows[0].seq })
  const [here, there] = [catalogCalls(clipChain), catalogCalls(lockChain)]
  const hash = await here.register()
  const [clip] = await take<{ seq: number }>(live, 1)
  expect(clip).toMatchObject({ kind: 'CLIP_REGISTERED', retracts: null, clip: { hash }, lock: null })
  await there.createLock(lockChain.buyer(2), { name: 'Second' })
  const [lock] = await take<{ seq: number }>(live, 1)
  expect(lock).toMatchObject({ kind: 'LOCK_CREATED', retracts: null, clip: null, lock: { name: 'Second' } })
  await lockChain.reorg(1)
  expect(await take(live, 1)).toMatchObject([{ kind: 'LOCK_CREATED', retracts: lock.seq, lock: null }])
  await here.encrypt(hash, '0x00000000000000000000000000000000000000aa', { chainId: LOCK_CHAIN_ID })
  expect(await take(live, 1)).toMatchObject([{ kind: 'SEGMENT_ENCRYPTED', retracts: null, clip: { hash } }])
  live.close()
})
