import { type Hex, maxUint256, zeroAddress } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCatalogReader } from '../../api/catalog.ts'
import { openSubgraphs } from '../../worker/catalog/subgraphs.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls, DAY_SECONDS, nowSeconds, PRICE_WEI } from './catalog-calls.ts'
import { type CatalogWorld, startCatalogWorld } from './catalog-world.ts'

let chain: TestChain
let world: CatalogWorld
let calls: ReturnType<typeof catalogCalls>
beforeAll(async () => {
  chain = await startTestChain()
  calls = catalogCalls(chain)
  world = await startCatalogWorld(chain)
})
afterAll(() => world?.close())

const LOCK = `query ($address: String!) { catalogLock(address: $address) {
  address name priceWei priceEth currency durationSeconds maxKeys maxKeysPerAddress totalKeys version owner createdAt artist { id } } }`
const lockAt = async (address: string) => (await world.query(LOCK, { address })).catalogLock
const lower = ({ address }: { readonly address: string }) => address.toLowerCase()

test("a lock's terms are those that hold now: after a change of its price, its limits and its name, the new ones", async () => {
  const artist = chain.buyer(0)
  const lock = await calls.createLock(artist)
  const before = await lockAt(lock)
  expect(before).toEqual({
    address: lock,
    name: 'Lantern Road',
    priceWei: String(PRICE_WEI),
    priceEth: '0.0006',
    currency: zeroAddress,
    durationSeconds: String(30n * DAY_SECONDS),
    maxKeys: '1000',
    maxKeysPerAddress: '1',
    totalKeys: '0',
    version: 15,
    owner: lower(artist),
    createdAt: expect.stringMatching(/^20.*Z$/),
    artist: null,
  })
  await calls.atLock(lock, 'updateKeyPricing', [3n * PRICE_WEI, zeroAddress], artist)
  await calls.atLock(lock, 'updateLockConfig', [DAY_SECONDS, 7n, 2n], artist)
  await calls.atLock(lock, 'setLockMetadata', ['Second name', 'KEY', ''], artist)
  await calls.buy(lock, chain.buyer(1), 3n * PRICE_WEI)
  expect(await lockAt(lock.toUpperCase().replace('0X', '0x'))).toEqual({
    ...before,
    name: 'Second name',
    priceWei: String(3n * PRICE_WEI),
    priceEth: '0.0018',
    durationSeconds: String(DAY_SECONDS),
    maxKeys: '7',
    maxKeysPerAddress: '2',
    totalKeys: '1',
  })
  expect(await lockAt(lower(artist))).toBeNull()
})

const KEYS = `query ($owner: String!, $isActive: Boolean, $first: Int, $afterId: String) {
  catalogKeys(owner: $owner, isActive: $isActive, first: $first, afterId: $afterId) {
    id tokenId owner expiresAt isActive isCanceled lock { address name } } }`
interface Key {
  readonly id: string
  readonly tokenId: string
  readonly isActive: boolean
  readonly lock: { readonly address: string }
}
const keysOf = async (owner: string, more: Record<string, unknown> = {}): Promise<Key[]> =>
  (await world.query(KEYS, { owner, ...more })).catalogKeys

test('the keys of a wallet are listed page by page, with those that are valid told from those that are not', async () => {
  const [artist, buyer, friend] = [chain.buyer(0), chain.buyer(2), chain.buyer(3)]
  const locks: Hex[] = []
  for (const name of ['A', 'B', 'C', 'D']) locks.push(await calls.createLock(artist, { name }))
  const [canceled, given, forever, plain] = locks
  for (const lock of locks) await calls.buy(lock, buyer)
  await calls.atLock(canceled, 'cancelAndRefund', [1n], buyer)
  await calls.atLock(given, 'transferFrom', [buyer.address, friend.address, 1n], buyer)
  await calls.atLock(forever, 'setKeyExpiration', [1n, maxUint256], artist)
  const keys = await keysOf(buyer.address)
  expect(keys.map(({ id }) => id)).toEqual(keys.map(({ id }) => id).toSorted())
  const byLock = Object.fromEntries(keys.map((key) => [key.lock.address, key]))
  expect(Object.keys(byLock).toSorted()).toEqual([canceled, forever, plain].toSorted())
  expect(byLock[canceled]).toMatchObject({ isActive: false, isCanceled: true, lock: { name: 'A' } })
  expect(byLock[forever]).toMatchObject({ isActive: true, isCanceled: false, expiresAt: null })
  expect(byLock[plain]).toMatchObject({ isActive: true, tokenId: '1', owner: lower(buyer) })
  expect((await keysOf(friend.address)).map((key) => key.lock.address)).toEqual([given])

  const paged: Key[] = []
  for (let afterId: string | undefined; ; ) {
    const next: Key[] = await keysOf(buyer.address, { first: 2, afterId })
    paged.push(...next)
    if (next.length < 2) break
    afterId = next[1].id
  }
  expect(paged).toEqual(keys)
  expect(await keysOf(buyer.address, { isActive: true })).toEqual(keys.filter((key) => key.isActive))
  expect(await keysOf(buyer.address, { first: 0 })).toEqual([])
})

test('a key that was burned opens nothing and for nobody, though its time has not run out', async () => {
  const buyer = chain.buyer(4)
  const lock = await calls.createLock(chain.buyer(0))
  await calls.buy(lock, buyer)
  await calls.atLock(lock, 'burn', [1n], buyer)
  const query = `query ($address: String!, $buyer: String!) { catalogLock(address: $address) { totalKeys
    forBuyer: opensFor(wallet: $buyer) forNobody: opensFor(wallet: "${zeroAddress}")
    keys { owner isActive } active: keys(isActive: true) { owner } } }`
  expect((await world.query(query, { address: lock, buyer: buyer.address })).catalogLock).toEqual({
    totalKeys: '0',
    forBuyer: false,
    forNobody: false,
    keys: [{ owner: zeroAddress, isActive: false }],
    active: [],
  })
  expect(await keysOf(zeroAddress, { isActive: true })).toEqual([])
})

test('thousands of keys that a wallet was given to one lock do not hide its one key to another', async () => {
  const [artist, buyer] = [chain.buyer(0), chain.buyer(5)]
  // The order of addresses is that of their keys, which must not decide.
  const locks = [await calls.createLock(artist), await calls.createLock(artist)]
  const [crowded, single] = locks.toSorted()
  await calls.atLock(crowded, 'updateLockConfig', [DAY_SECONDS, 5000n, 5000n], artist)
  const grants = 200
  const filled = <Value>(value: Value) => Array.from({ length: grants }, () => value)
  const until = nowSeconds() + 1000n * DAY_SECONDS
  for (let round = 0; round < 6; round++) {
    const args = [filled(buyer.address), filled(until), filled(zeroAddress)]
    await calls.atLock(crowded, 'grantKeys', args, artist)
  }
  await calls.buy(single, buyer)
  await world.caughtUp()
  const one = (address: Hex) => `catalogLock(address: "${address}") { totalKeys opensFor(wallet: "${buyer.address}") }`
  expect(await world.query(`{ crowded: ${one(crowded)} single: ${one(single)} }`)).toEqual({
    crowded: { totalKeys: '1200', opensFor: true },
    single: { totalKeys: '1', opensFor: true },
  })
})

test('more clips and locks than a page of the dialect has rows can be asked for at once', async () => {
  const hashes: Hex[] = []
  for (let round = 0; round < 11; round++) hashes.push(...(await calls.registerTogether(100)))
  const lock = await calls.createLock(chain.buyer(0))
  await world.caughtUp()
  const reader = createCatalogReader(openSubgraphs({ SUBGRAPH_URL: world.subgraphUrl }))
  const clips = await Promise.all(hashes.map((hash) => reader.clip(hash)))
  expect(clips.map((clip) => clip?.id)).toEqual(hashes)
  const addresses = [...hashes.map((hash) => hash.slice(0, 42)), lock]
  const locks = await Promise.all(addresses.map((address) => reader.lock(address)))
  expect(locks.flatMap((found) => found?.id ?? [])).toEqual([lock])
})
