import { encodeFunctionData, type Hex, zeroAddress } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { publicLockAbi } from '../../contracts/unlock.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls, PRICE_WEI } from './catalog-calls.ts'
import { subscribeSocket, subscribeStream, take } from './catalog-readers.ts'
import { type CatalogWorld, startCatalogWorld } from './catalog-world.ts'
import type { Subscription } from './sse.ts'

let chain: TestChain
let world: CatalogWorld
let calls: ReturnType<typeof catalogCalls>
let start: number
beforeAll(async () => {
  chain = await startTestChain()
  calls = catalogCalls(chain)
  world = await startCatalogWorld(chain)
})
beforeEach(async () => {
  await chain.mine()
  await world.caughtUp()
  start = (await world.client.pool.query('select coalesce(max(seq), 0) as seq from catalog_events')).rows[0].seq
})
afterAll(() => world?.close())

interface Event {
  readonly seq: number
  readonly kind: string
  readonly isRetracted: boolean
  readonly retracts: number | null
  readonly block: number
  readonly clipHash: Hex | null
  readonly tokenId: string | null
  readonly to: string | null
  readonly clip: { readonly hash: Hex } | null
}
const EVENTS = `subscription ($after: SafeInt) { catalogEvents(after: $after) {
  seq kind isRetracted retracts block clipHash tokenId to clip { hash isRegistered } } }`
const registrations = (after: number) =>
  subscribeStream(
    world.url,
    'subscription ($after: SafeInt) { clipRegistered(after: $after) { seq kind isRetracted retracts block clipHash clip { hash isRegistered } } }',
    { after },
  )
const clipAt = async (hash: Hex) => {
  const query = 'query ($hash: String!) { catalogClip(hash: $hash) { hash isRegistered registeredAtBlock } }'
  return (await world.query(query, { hash })).catalogClip
}
const listed = async (): Promise<Hex[]> =>
  (await world.query('{ catalogClips(first: 100) { edges { node { hash } } } }')).catalogClips.edges.map(
    ({ node }: { node: { hash: Hex } }) => node.hash,
  )

test.each([1, 3])(
  'a re-organisation of %i blocks takes its events back, newest first, and what is mined again is new',
  async (depth) => {
    const live = await registrations(start)
    const stays = await calls.register()
    const names = Array.from({ length: depth }, () => calls.fresh())
    const hashes: Hex[] = []
    for (const name of names) hashes.push(await calls.register(name))
    const happened = await take<Event>(live, depth + 1)
    expect(happened.map((event) => event.clipHash)).toEqual([stays, ...hashes])
    const lost = happened.slice(1)

    await chain.reorg(depth)
    const undone = await take<Event>(live, depth)
    expect(undone).toEqual(
      lost.toReversed().map((event, n) => ({
        ...event,
        seq: start + depth + 2 + n,
        isRetracted: true,
        retracts: event.seq,
        clip: null,
      })),
    )
    for (const hash of hashes) expect(await clipAt(hash)).toBeNull()
    expect(await clipAt(stays)).toMatchObject({ hash: stays, isRegistered: true })
    const left = await listed()
    expect([left.includes(stays), hashes.some((hash) => left.includes(hash))]).toEqual([true, false])

    for (const name of names) await calls.register(name)
    const again = await take<Event>(live, depth)
    live.close()
    expect(
      again.map(({ seq, clipHash, isRetracted, retracts, clip }) => ({ seq, clipHash, isRetracted, retracts, clip })),
    ).toEqual(
      hashes.map((hash, n) => ({
        seq: start + 2 * depth + 2 + n,
        clipHash: hash,
        isRetracted: false,
        retracts: null,
        clip: { hash, isRegistered: true },
      })),
    )
    expect(await clipAt(hashes[0])).toMatchObject({ registeredAtBlock: again[0].block })
  },
)

test('a chain that was set back to an earlier block and went on otherwise is told likewise, over WebSocket too', async () => {
  const snapshot = await chain.snapshot()
  const live = subscribeSocket(world.url, EVENTS, { after: start })
  const [artist, buyer] = [chain.buyer(0), chain.buyer(1)]
  const lock = await calls.createLock(artist)
  const hash = await calls.register()
  await calls.encrypt(hash, lock)
  await calls.buy(lock, buyer)
  const happened = await take<Event>(live, 4)
  const opens = async () =>
    (await world.query(`{ catalogLock(address: "${lock}") { opensFor(wallet: "${buyer.address}") } }`)).catalogLock
  expect(await opens()).toEqual({ opensFor: true })

  await chain.revert(snapshot)
  const other = await calls.register()
  const after = await take<Event>(live, 5)
  live.close()
  expect(after.map(({ kind, retracts }) => ({ kind, retracts }))).toEqual([
    ...happened.toReversed().map(({ kind, seq }) => ({ kind, retracts: seq })),
    { kind: 'CLIP_REGISTERED', retracts: null },
  ])
  expect(after[4]).toMatchObject({ clipHash: other, clip: { hash: other } })
  expect([await opens(), await clipAt(hash)]).toEqual([null, null])
})

test('a purchase that is mined again at the same height and issues another key is taken back and told anew', async () => {
  const [artist, first, second] = [chain.buyer(0), chain.buyer(2), chain.buyer(3)]
  const lock = await calls.createLock(artist)
  const live = await subscribeStream(
    world.url,
    'subscription ($after: SafeInt, $lock: String!) { keyPurchased(after: $after, lock: $lock) { seq isRetracted retracts block tokenId to } }',
    { after: start, lock },
  )
  await calls.buy(lock, first)
  const raw = await signPurchase(lock, second)
  await chain.rpc('eth_sendRawTransaction', [raw])
  const [lost, moved] = await take<Event>(live, 2)
  expect([lost, moved]).toMatchObject([{ tokenId: '1' }, { tokenId: '2' }])

  // Two blocks are replaced: the first by an empty one, the second by one with the same transaction in it.
  await chain.rpc('anvil_reorg', [2, [[raw, 1]]])
  expect(Number(await chain.client.getBlockNumber())).toBe(moved.block)
  const told = await take<Event>(live, 3)
  live.close()
  expect(told).toEqual([
    { ...moved, seq: moved.seq + 1, isRetracted: true, retracts: moved.seq },
    { ...lost, seq: moved.seq + 2, isRetracted: true, retracts: lost.seq },
    { ...moved, seq: moved.seq + 3, tokenId: '1' },
  ])
  const { catalogLock } = await world.query(
    `{ catalogLock(address: "${lock}") { totalKeys keys { tokenId owner } first: opensFor(wallet: "${first.address}") second: opensFor(wallet: "${second.address}") } }`,
  )
  expect(catalogLock).toEqual({
    totalKeys: '1',
    keys: [{ tokenId: '1', owner: second.address.toLowerCase() }],
    first: false,
    second: true,
  })
})

test('who was away during a re-organisation, and who saw all of it, know the same in the end', async () => {
  const witness = subscribeSocket(world.url, EVENTS, { after: start })
  const leaver = await subscribeStream(world.url, EVENTS, { after: start })
  await calls.registerTogether(3)
  const seen = await take<Event>(leaver, 3)
  leaver.close()
  await calls.registerTogether(2)
  await world.caughtUp()
  await chain.reorg(2)
  await calls.registerTogether(4)
  await world.caughtUp()
  const { rows } = await world.client.pool.query('select max(seq) as seq from catalog_events')
  const last: number = rows[0].seq
  const whole = await take<Event>(witness, last - start)
  const back = await subscribeStream(world.url, EVENTS, { after: seen[2].seq })
  const resumed = [...seen, ...(await take<Event>(back, last - seen[2].seq))]
  const late: Subscription = await subscribeStream(world.url, EVENTS, { after: start })
  const replayed = await take<Event>(late, last - start)
  for (const one of [witness, back, late]) one.close()

  expect(resumed.map((event) => event.seq)).toEqual(whole.map((event) => event.seq))
  const known = [whole, resumed, replayed].map(clipsKnownTo)
  expect(known[1]).toEqual(known[0])
  expect(known[2]).toEqual(known[0])
  expect(known[0]).toHaveLength(4)
  expect((await listed()).slice(0, 4).toSorted()).toEqual(known[0])
})

/** What is there for somebody who applies one event after the other. */
function clipsKnownTo(events: readonly Event[]): (Hex | null)[] {
  const there = new Map<number, Hex | null>()
  for (const event of events) {
    if (event.retracts === null) there.set(event.seq, event.clipHash)
    else expect(there.delete(event.retracts), `event ${event.retracts} was there`).toBe(true)
  }
  return [...there.values()].toSorted()
}

async function signPurchase(lock: Hex, account: TestChain['operator']): Promise<Hex> {
  const args = [[PRICE_WEI], [account.address], [zeroAddress], [zeroAddress], ['0x']] as const
  const data = encodeFunctionData({ abi: publicLockAbi, functionName: 'purchase', args })
  const wallet = chain.walletOf(account)
  // The first purchase of a lock takes more gas than those after it.
  const request = await wallet.prepareTransactionRequest({ to: lock, data, value: PRICE_WEI, gas: 1_000_000n })
  return await wallet.signTransaction(request)
}
