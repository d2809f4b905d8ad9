import { encodeDeployData, encodePacked, type Hex, keccak256, pad } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogAbi, catalogBytecode } from '../../contracts/abi/catalog.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls } from './catalog-calls.ts'
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

interface Page {
  readonly edges: readonly { readonly node: { readonly hash: Hex; readonly registeredAtBlock: number } }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

async function page(first: number, after: string | null, filter: Record<string, unknown> = {}): Promise<Page> {
  const { catalogClips } = await world.query(
    `query ($first: Int!, $after: String, $isEnabled: Boolean, $catalogId: String) {
      catalogClips(first: $first, after: $after, isEnabled: $isEnabled, catalogId: $catalogId) {
        edges { node { hash registeredAtBlock } } pageInfo { hasNextPage endCursor } } }`,
    { first, after, ...filter },
  )
  return catalogClips
}
const hashesOf = ({ edges }: Page) => edges.map(({ node }) => node.hash)

/** Every clip, page by page; no page but the last is smaller than asked for. */
async function allPages(first: number): Promise<Page['edges'][number]['node'][]> {
  const nodes: Page['edges'][number]['node'][] = []
  for (let after: string | null = null; ; ) {
    const { edges, pageInfo }: Page = await page(first, after)
    nodes.push(...edges.map(({ node }) => node))
    if (!pageInfo.hasNextPage) return nodes
    expect(edges).toHaveLength(first)
    after = pageInfo.endCursor
  }
}

test('pages of clips go from the newest on without gap or double, also where one block has more of them than a page', async () => {
  const registered: Hex[] = []
  for (const amount of [1, 7, 2, 23, 1, 5, 3]) registered.push(...(await calls.registerTogether(amount)))
  for (const first of [2, 5, 42, 100]) {
    const nodes = await allPages(first)
    expect(nodes.map(({ hash }) => hash).toSorted(), `in pages of ${first}`).toEqual(registered.toSorted())
    const blocks = nodes.map(({ registeredAtBlock }) => registeredAtBlock)
    expect(blocks, `in pages of ${first}`).toEqual(blocks.toSorted((a, b) => b - a))
  }
  // What comes between two pages shifts nothing.
  const start = await page(10, null)
  await calls.registerTogether(6)
  const rest = await page(100, start.pageInfo.endCursor)
  expect([...hashesOf(start), ...hashesOf(rest)].toSorted()).toEqual(registered.toSorted())
})

test('clips can be narrowed to those shown, those hidden, and those of one track', async () => {
  const name = calls.fresh()
  const [shown, hidden] = [await calls.register(name), await calls.register()]
  const call = { address: chain.contracts.catalog, abi: catalogAbi } as const
  await chain.write({ ...call, functionName: 'toggleClip', args: [hidden, false] })
  const isHidden = hashesOf(await page(100, null, { isEnabled: false }))
  expect(isHidden).toEqual([hidden])
  const isShown = hashesOf(await page(100, null, { isEnabled: true }))
  expect([isShown.includes(shown), isShown.includes(hidden)]).toEqual([true, false])
  expect(hashesOf(await page(100, null, { catalogId: name }))).toEqual([shown])
  expect(hashesOf(await page(100, null, { catalogId: name, isEnabled: false }))).toEqual([])
  expect(hashesOf(await page(100, null, { catalogId: "'; drop table x; --" }))).toEqual([])
})

const CLIP = `query ($hash: String!) { catalogClip(hash: $hash) {
  hash isRegistered catalogId startMs registeredBy registeredAt audioUri timingUri translationCount track { id }
  encryption { catalogId ciphertextUri manifestUri keyGateUrl lockAddress lockChainId lock { name } } } }`

test('a song that is encrypted before its clip is registered is one clip in the end, and is listed from its registration on', async () => {
  const lock = await calls.createLock(chain.buyer(0))
  const name = calls.fresh()
  const hash = keccak256(encodePacked(['string', 'uint32'], [name, 1000]))
  await calls.encrypt(hash, lock)
  const { catalogClip: before } = await world.query(CLIP, { hash })
  expect(before).toMatchObject({ hash, isRegistered: false, startMs: null, registeredAt: null, catalogId: 'song' })
  expect(before.encryption).toMatchObject({ lockAddress: lock, lock: { name: 'Lantern Road' } })
  expect(hashesOf(await page(1, null))).not.toEqual([hash])

  expect(await calls.register(name)).toBe(hash)
  const call = { address: chain.contracts.catalog, abi: catalogAbi } as const
  await chain.write({ ...call, functionName: 'processClip', args: [hash, 'ipfs://audio', '', 2, ''] })
  const { catalogClip: after } = await world.query(CLIP, { hash: hash.toUpperCase().replace('0X', '0x') })
  expect(after).toEqual({
    hash,
    isRegistered: true,
    catalogId: name,
    startMs: 1000,
    registeredBy: chain.operator.address.toLowerCase(),
    registeredAt: expect.stringMatching(/^20/),
    audioUri: 'ipfs://audio',
    timingUri: null,
    translationCount: 2,
    track: null,
    encryption: before.encryption,
  })
  expect(hashesOf(await page(1, null))).toEqual([hash])
})

test('the older name of an encryption, told beside the newer, makes no second song and no second event', async () => {
  const lock = await calls.createLock(chain.buyer(0))
  const hash = await calls.register()
  const { logs } = await calls.encrypt(hash, lock, { alsoAsSong: true })
  expect(logs).toHaveLength(2)
  const { catalogClip } = await world.query(CLIP, { hash })
  expect(catalogClip.encryption).toMatchObject({
    ciphertextUri: 'ipfs://ciphertext',
    manifestUri: 'ipfs://manifest',
    // Nothing here was published by this server.
    keyGateUrl: null,
  })
  const { rows } = await world.client.pool.query('select kind from catalog_events where clip_hash = $1 order by seq', [
    hash,
  ])
  expect(rows).toEqual([{ kind: 'clip_registered' }, { kind: 'segment_encrypted' }])
})

test('what a contract of somebody else tells in the same words is never seen', async () => {
  const stranger = chain.buyer(5)
  const data = encodeDeployData({ abi: catalogAbi, bytecode: catalogBytecode, args: [stranger.address] })
  const { contractAddress } = await chain.send({ data, account: stranger })
  const foreign = { address: contractAddress as Hex, abi: catalogAbi, account: stranger } as const
  const [known, lock] = [await calls.register(), await calls.createLock(chain.buyer(0))]
  await calls.encrypt(known, lock)
  const position = async () =>
    (await world.client.pool.query('select max(seq) as seq from catalog_events')).rows[0].seq as number
  const { catalogClip: before } = await world.query(CLIP, { hash: known })
  const [clips, seq] = [await page(100, null), await position()]

  const name = calls.fresh()
  const clip = { grc20WorkId: '', spotifyTrackId: name, clipStartMs: 1000, clipEndMs: 2000, metadataUri: '' }
  const told = await chain.write({ ...foreign, functionName: 'registerClip', args: [clip] })
  expect(told.logs).toHaveLength(1)
  const segment = {
    clipHash: known,
    spotifyTrackId: 'stolen',
    encryptedFullUri: 'ipfs://stolen',
    encryptedManifestUri: 'ipfs://stolen',
    unlockLockAddress: stranger.address,
    unlockChainId: chain.chainId,
    metadataUri: '',
  }
  await chain.write({ ...foreign, functionName: 'encryptSegment', args: [segment, true] })
  await chain.write({ ...foreign, functionName: 'toggleClip', args: [known, false] })

  const hash = keccak256(encodePacked(['string', 'uint32'], [name, 1000]))
  expect(await world.query(CLIP, { hash })).toEqual({ catalogClip: null })
  expect(await world.query(CLIP, { hash: known })).toEqual({ catalogClip: before })
  expect([await page(100, null), await position()]).toEqual([clips, seq])
})

test('a lock on another chain is not taken for the one here that has its address', async () => {
  const lock = await calls.createLock(chain.buyer(1))
  const buyer = chain.buyer(2)
  await calls.buy(lock, buyer)
  const [here, elsewhere] = [await calls.register(), await calls.register()]
  await calls.encrypt(here, lock)
  await calls.encrypt(elsewhere, lock, { chainId: 8453 })
  const query = `query ($hash: String!, $wallet: String!) { catalogClip(hash: $hash) {
    encryption { lockAddress lockChainId opensFor(wallet: $wallet) lock { name } } } }`
  const encryption = async (hash: Hex) =>
    (await world.query(query, { hash, wallet: buyer.address })).catalogClip.encryption
  expect(await encryption(here)).toMatchObject({ opensFor: true, lock: { name: 'Lantern Road' } })
  expect(await encryption(elsewhere)).toEqual({
    lockAddress: lock,
    lockChainId: 8453,
    opensFor: false,
    lock: null,
  })
})

const clipsOf = (args: string) => `{ catalogClips(${args}) { edges { node { hash } } } }`
const REFUSED: readonly [string, string, string][] = [
  ['a hash that is none', '{ catalogClip(hash: "0x12") { hash } }', '0x and 64 hexadecimal digits'],
  ['a hash of another alphabet', `{ catalogClip(hash: "0x${'g'.repeat(64)}") { hash } }`, '0x and 64'],
  ['a hash of a megabyte', `{ catalogClip(hash: "0x${'0'.repeat(900_000)}") { hash } }`, '0x and 64'],
  ['an address that is none', '{ catalogLock(address: "vitalik.eth") { name } }', '0x and 40 hexadecimal digits'],
  ['a wallet that is none', '{ catalogKeys(owner: "0x") { id } }', '0x and 40 hexadecimal digits'],
  ['a key that is none', `{ catalogKeys(owner: "${pad('0x1', { size: 20 })}", afterId: "1 or 1=1") { id } }`, '104'],
  ['a cursor of nobody', clipsOf('after: "1 or 1=1"'), 'a cursor from an earlier page'],
  ['a cursor of another list', clipsOf('after: "12"'), 'a cursor from an earlier page'],
  ['a page read backwards', clipsOf('last: 5'), 'read forwards'],
  ['a track name with a zero byte', clipsOf('catalogId: "a\\u0000b"'), 'zero byte'],
]
test.each(REFUSED)('%s is refused with what was expected', async (_what, query, expected) => {
  const { errors } = await world.request(query)
  expect(errors).toEqual([expect.objectContaining({ extensions: expect.objectContaining({ code: 'INVALID_INPUT' }) })])
  expect(errors?.[0].message).toContain(expected)
  expect(errors?.[0].message.length).toBeLessThan(400)
})

test('a page is no larger than it may be, and an operation no costlier, whatever is asked for', async () => {
  await calls.registerTogether(120)
  await world.caughtUp()
  expect(hashesOf(await page(100_000, null))).toHaveLength(100)
  expect(hashesOf(await page(0, null))).toEqual([])
  expect((await world.request(clipsOf('first: -1'))).errors).toHaveLength(1)
  const asked = (count: number, one: string) => `{ ${Array.from({ length: count }, (_none, n) => `a${n}: ${one}`)} }`
  const aliased = await world.request(asked(16, 'catalogStatus { block }'))
  expect(aliased.errors?.[0]).toMatchObject({ extensions: { code: 'TOO_COSTLY' } })
  const owner = pad('0x1', { size: 20 })
  const costly = await world.request(
    asked(8, `catalogClips(first: 100) { edges { node { encryption { lock { keys(first: 100) { id } } } } } }`),
  )
  expect(costly.errors?.[0]).toMatchObject({ extensions: { code: 'TOO_COSTLY' } })
  const { data } = await world.request(`{ catalogKeys(owner: "${owner}", first: -5) { id } }`)
  expect(data).toEqual({ catalogKeys: [] })
})
