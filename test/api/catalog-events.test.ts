import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls } from './catalog-calls.ts'
import { subscribeSocket, subscribeStream, TRANSPORT_NAMES, TRANSPORTS, take } from './catalog-readers.ts'
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

const SEQS = 'subscription ($after: SafeInt) { catalogEvents(after: $after) { seq transactionHash } }'

interface Event {
  readonly seq: number
  readonly kind: string
  readonly transactionHash: string
}

const newest = async (): Promise<number> =>
  (await world.client.pool.query('select coalesce(max(seq), 0) as seq from catalog_events')).rows[0].seq
const lower = (account: { readonly address: string }) => account.address.toLowerCase()

test.each(TRANSPORT_NAMES)(
  'over %s, what happens on chain comes as it happens, joined with how things stand then',
  async (name) => {
    const open = (query: string, variables: object) => TRANSPORTS[name](world.url, query, { ...variables })
    const [artist, buyer] = [chain.buyer(0), chain.buyer(1)]
    const lock = await calls.createLock(artist, { name: 'Live' })
    await world.caughtUp()
    const start = await newest()
    const event = 'seq kind isRetracted retracts block at transactionHash clipHash lockAddress'
    const live = {
      clips: await open(
        `subscription ($after: SafeInt) { clipRegistered(after: $after) { ${event}
      clip { hash isRegistered encryption { lockAddress } } track { id } lock { name } } }`,
        { after: start },
      ),
      segments: await open(
        `subscription ($after: SafeInt) { segmentEncrypted(after: $after) { ${event}
      clip { hash encryption { manifestUri lock { priceEth } } } lock { name totalKeys } } }`,
        { after: start },
      ),
      keys: await open(
        `subscription ($after: SafeInt, $lock: String!, $buyer: String!) { keyPurchased(after: $after, lock: $lock) { ${event}
      tokenId from to lock { totalKeys opensFor(wallet: $buyer) } clip { hash } } }`,
        { after: start, lock, buyer: buyer.address },
      ),
    }
    try {
      const hash = await calls.register()
      const head = async () => await chain.client.getBlock()
      const registeredAt = await head()
      const [registered] = await take<object>(live.clips, 1)
      expect(registered).toEqual({
        seq: start + 1,
        kind: 'CLIP_REGISTERED',
        isRetracted: false,
        retracts: null,
        block: Number(registeredAt.number),
        at: new Date(Number(registeredAt.timestamp) * 1000).toISOString(),
        transactionHash: registeredAt.transactions[0],
        clipHash: hash,
        lockAddress: null,
        clip: { hash, isRegistered: true, encryption: null },
        track: null,
        lock: null,
      })
      await calls.encrypt(hash, lock)
      expect((await take<object>(live.segments, 1))[0]).toMatchObject({
        seq: start + 2,
        kind: 'SEGMENT_ENCRYPTED',
        clipHash: hash,
        lockAddress: lock,
        clip: { hash, encryption: { manifestUri: 'ipfs://manifest', lock: { priceEth: '0.0006' } } },
        lock: { name: 'Live', totalKeys: '0' },
      })
      // A key to another lock is none of this subscription's.
      await calls.buy(await calls.createLock(artist), buyer)
      await calls.buy(lock, buyer)
      expect((await take<object>(live.keys, 1))[0]).toMatchObject({
        kind: 'KEY_PURCHASED',
        lockAddress: lock,
        tokenId: '1',
        from: `0x${'0'.repeat(40)}`,
        to: lower(buyer),
        lock: { totalKeys: '1', opensFor: true },
        clip: null,
      })
    } finally {
      for (const one of Object.values(live)) one.close()
    }
  },
)

test('without `after` a subscription begins with what happens next; with kinds or a lock it brings only those', async () => {
  const [artist, buyer] = [chain.buyer(0), chain.buyer(2)]
  const lock = await calls.createLock(artist)
  await calls.register()
  await world.caughtUp()
  const start = await newest()
  const all = subscribeSocket(world.url, 'subscription { catalogEvents { seq kind } }')
  const some = await subscribeStream(
    world.url,
    'subscription ($lock: String!) { catalogEvents(lock: $lock, kinds: [LOCK_PRICING_CHANGED, KEY_CANCELED]) { seq kind } }',
    { lock },
  )
  const first = take<Event>(all, 1)
  // A subscription begins when the server has it, which says nothing: what is told until then is not of it.
  let seen = 0
  void first.then(() => seen++)
  while (seen === 0) {
    await calls.register()
    await world.caughtUp()
  }
  const [{ seq }] = await first
  expect(seq).toBeGreaterThan(start)
  await calls.buy(lock, buyer)
  await calls.atLock(lock, 'updateKeyPricing', [7n, `0x${'0'.repeat(40)}`], artist)
  await calls.atLock(lock, 'cancelAndRefund', [1n], buyer)
  expect((await take<Event>(some, 2)).map((event) => event.kind)).toEqual(['LOCK_PRICING_CHANGED', 'KEY_CANCELED'])
  await world.caughtUp()
  const rest = await take<Event>(all, (await newest()) - seq)
  expect(rest.map((event) => event.seq)).toEqual(rest.map((_event, n) => seq + 1 + n))
  all.close()
  some.close()
})

test.each(TRANSPORT_NAMES)(
  'over %s, a client that was away goes on after the last event it has seen, without gap or double',
  async (name) => {
    const query = 'subscription ($after: SafeInt) { catalogEvents(after: $after) { seq kind transactionHash } }'
    await world.caughtUp()
    const start = await newest()
    const [blocks, clips] = [12, 5]
    const telling = (async () => {
      for (let n = 0; n < blocks; n++) await calls.registerTogether(clips)
    })()
    const seen: Event[] = []
    // It breaks off again and again while more happens.
    while (seen.length < blocks * clips) {
      const live = await TRANSPORTS[name](world.url, query, { after: seen.at(-1)?.seq ?? start })
      seen.push(...(await take<Event>(live, Math.min(7, blocks * clips - seen.length))))
      live.close()
    }
    await telling
    await world.caughtUp()
    const { rows } = await world.client.pool.query<Event>(
      `select seq, upper(kind) as kind, transaction_hash as "transactionHash" from catalog_events where seq > $1 order by seq`,
      [start],
    )
    expect(rows).toHaveLength(blocks * clips)
    expect(seen).toEqual(rows)
  },
)

test.each(TRANSPORT_NAMES)(
  'over %s, a position that has not been reached is refused, and so is what is no position',
  async (name) => {
    const query = 'subscription ($after: SafeInt) { catalogEvents(after: $after) { seq } }'
    for (const after of [(await newest()) + 1, -1, 9_007_199_254_740_991]) {
      const live = await TRANSPORTS[name](world.url, query, { after })
      expect(await live.next(), `after ${after}`).toMatchObject({
        errors: [
          { extensions: { code: 'INVALID_INPUT', field: 'after' }, message: expect.stringContaining(`got ${after}`) },
        ],
      })
      live.close()
    }
    const lock = await TRANSPORTS[name](world.url, 'subscription { keyPurchased(lock: "0x1") { seq } }')
    expect(await lock.next()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_INPUT', field: 'lock' } }] })
    lock.close()
  },
)

test('a reader that stalls is waited for, harms nobody, and has lost nothing when it reads on', async () => {
  await world.caughtUp()
  const before = await newest()
  const count = 3_000
  const stalled = await openStalled(before)
  const reads = vi.spyOn(world.client.pool, 'query')
  /** How far events have been taken from the table. */
  const reached = () =>
    Math.max(
      ...reads.mock.calls.map(([text, values]: unknown[]) =>
        String(text).includes('where seq > $1') && Array.isArray(values) ? Number(values[0]) - before : 0,
      ),
    )
  // Written as the follower writes, and far more than the buffers of a socket hold.
  await world.client.pool.query(
    `insert into catalog_events (seq, source, event_id, kind, block_number, log_index, block_at, transaction_hash)
     select $1 + n, 'locks', 'crowd' || n, 'clip_toggled', 0, n, now(), repeat('0123456789abcdef', 400)
     from generate_series(1, $2::int) n`,
    [before, count],
  )
  await world.client.pool.query("notify catalog_events, 'locks'")
  try {
    let last = -1
    await expect
      .poll(() => last === (last = reached()) && last > 0, { interval: 700, timeout: 20_000, message: 'it stalls' })
      .toBe(true)
    expect(last).toBeLessThan(count)
    const awake = await subscribeStream(world.url, SEQS, { after: before })
    const seen = (await take<Event>(awake, count)).map((event) => event.seq)
    awake.close()
    expect(seen).toEqual(seen.map((_seq, n) => before + 1 + n))
    expect(reached()).toBe(count)
    expect(await stalled.rest(before + count)).toEqual(seen)
  } finally {
    reads.mockRestore()
    stalled.close()
    await world.client.pool.query("delete from catalog_events where event_id like 'crowd%'")
  }
})

/** A subscriber whose socket is not read until `rest` reads all that comes, up to a position. */
async function openStalled(after: number) {
  const query = `subscription { catalogEvents(after: ${after}) { seq transactionHash } }`
  const body = JSON.stringify({ query })
  const { port } = new URL(world.url)
  const socket = connect(Number(port), '127.0.0.1')
  const headers = ['content-type: application/json', 'accept: text/event-stream', `content-length: ${body.length}`]
  socket.write(`POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${headers.join('\r\n')}\r\n\r\n${body}`)
  await new Promise((resolve) => socket.once('readable', resolve))
  socket.pause()
  return {
    async rest(last: number): Promise<number[]> {
      const chunks: string[] = []
      for await (const chunk of socket) {
        chunks.push(chunk.toString('latin1'))
        if (chunks.slice(-2).join('').includes(`"seq":${last},`)) break
      }
      // The chunks of the transfer may break a line.
      const text = chunks.join('').replaceAll(/\r\n[0-9a-f]+\r\n/g, '')
      return [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))
    },
    close: () => void socket.destroy(),
  }
}
