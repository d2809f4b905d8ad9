import { type Address, type Hex, keccak256, toHex, zeroAddress } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { say } from '../conformance/catalog-history.ts'
import { type Cry, cry, LOUDSPEAKER } from '../conformance/loudspeaker.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { type IndexedChain, indexChain } from './indexed-chain.ts'

const LOCK: Address = '0x00000000000000000000000000000000000000aa'
const CHAIN_ID = 31337n
/** Named by the data source's context; never let in by the contract. */
const NAMED = 5

let chain: TestChain
let indexed: IndexedChain
let clips = 0

beforeAll(async () => {
  chain = await startTestChain()
  // A catalog that refuses nothing, as its predecessor did.
  await chain.rpc('anvil_setCode', [chain.contracts.catalog, LOUDSPEAKER])
  indexed = await indexChain(chain, [chain.buyer(NAMED).address])
})

afterAll(() => indexed.stop())

const newClip = () => keccak256(toHex(`clip ${clips++}`))
const text = (value: string) => toHex(value)
const tell = (cries: readonly Cry[], account = chain.operator) =>
  chain.send({ to: chain.contracts.catalog, data: cry(...cries), account })

const register = (clipHash: Hex, changes: Record<string, Hex | bigint> = {}) =>
  say('ClipRegistered', {
    clipHash,
    grc20WorkId: text('work'),
    spotifyTrackId: text('song'),
    clipStartMs: 1000n,
    clipEndMs: 31_000n,
    metadataUri: text('ipfs://registered'),
    registeredBy: chain.operator.address,
    timestamp: 1n,
    ...changes,
  })
const process = (clipHash: Hex, metadataUri = 'ipfs://processed') =>
  say('ClipProcessed', {
    clipHash,
    instrumentalUri: text('ipfs://instrumental'),
    alignmentUri: text('ipfs://alignment'),
    translationCount: 3n,
    metadataUri: text(metadataUri),
    timestamp: 1n,
  })
const toggle = (clipHash: Hex, enabled: boolean) => say('ClipToggled', { clipHash, enabled, timestamp: 1n })
const encrypt = (
  clipHash: Hex,
  name: 'SegmentEncrypted' | 'SongEncrypted' = 'SegmentEncrypted',
  changes: Record<string, Hex | bigint> = {},
) =>
  say(name, {
    clipHash,
    spotifyTrackId: text('song'),
    encryptedFullUri: text('ipfs://encrypted'),
    encryptedManifestUri: text('ipfs://manifest'),
    unlockLockAddress: LOCK,
    unlockChainId: CHAIN_ID,
    metadataUri: text('ipfs://segment'),
    timestamp: 1n,
    ...changes,
  })

const FIELDS = `
  isRegistered isEnabled grc20WorkId spotifyTrackId startMs endMs metadataUri registeredBy instrumentalUri alignmentUri translationCount
  segments { spotifyTrackId encryptedFullUri manifestUri metadataUri lockAddress lockChainId lock { id } }
`

test('in whatever order its events come, a clip ends the same', async () => {
  const tellings = [register, process, (clip: Hex) => toggle(clip, false), encrypt] as ((clip: Hex) => Cry)[]
  const ids: Hex[] = []
  for (const order of permutations(tellings)) {
    const clip = newClip()
    ids.push(clip)
    for (const telling of order) await tell([telling(clip)])
  }
  const { clips } = await indexed.query<{ clips: object[] }>(
    `{ clips(first: 100, where: { id_in: ${list(ids)} }) { ${FIELDS} } }`,
  )
  expect(ids).toHaveLength(24)
  expect(clips).toHaveLength(24)
  expect(new Set(clips.map((clip) => JSON.stringify(clip)))).toHaveLength(1)
  expect(clips[0]).toEqual({
    isRegistered: true,
    isEnabled: false,
    grc20WorkId: 'work',
    spotifyTrackId: 'song',
    startMs: 1000,
    endMs: 31_000,
    metadataUri: 'ipfs://processed',
    registeredBy: chain.operator.address.toLowerCase(),
    instrumentalUri: 'ipfs://instrumental',
    alignmentUri: 'ipfs://alignment',
    translationCount: 3,
    segments: [
      {
        spotifyTrackId: 'song',
        encryptedFullUri: 'ipfs://encrypted',
        manifestUri: 'ipfs://manifest',
        metadataUri: 'ipfs://segment',
        lockAddress: LOCK,
        lockChainId: Number(CHAIN_ID),
        lock: null,
      },
    ],
  })
})

test('a clip that was processed without a description keeps that of its registration, in either order', async () => {
  const [first, second] = [newClip(), newClip()]
  await tell([register(first), process(first, '')])
  await tell([process(second, ''), register(second)])
  const query = `{ clips(where: { id_in: ${list([first, second])} }) { metadataUri } }`
  expect((await indexed.query<{ clips: object[] }>(query)).clips).toEqual([
    { metadataUri: 'ipfs://registered' },
    { metadataUri: 'ipfs://registered' },
  ])
})

test('the registration names the track, whatever an encryption before or after it says', async () => {
  const [first, second] = [newClip(), newClip()]
  const other = { spotifyTrackId: text('other') }
  await tell([encrypt(first, 'SegmentEncrypted', other)])
  const before = await indexed.query<{ clip: object }>(
    `{ clip(id: "${first}") { isRegistered isEnabled spotifyTrackId } }`,
  )
  expect(before.clip).toEqual({ isRegistered: false, isEnabled: true, spotifyTrackId: 'other' })
  await tell([register(first), register(second), encrypt(second, 'SegmentEncrypted', other)])
  const query = `{ clips(where: { id_in: ${list([first, second])} }) { spotifyTrackId segments { spotifyTrackId } } }`
  expect((await indexed.query<{ clips: object[] }>(query)).clips).toEqual(
    Array(2).fill({ spotifyTrackId: 'song', segments: [{ spotifyTrackId: 'other' }] }),
  )
})

test('what is told twice changes nothing but the history', async () => {
  const clip = newClip()
  const once = [register(clip), process(clip), encrypt(clip), toggle(clip, false)]
  await tell(once)
  const query = `{ clip(id: "${clip}") { ${FIELDS} registeredAt registeredAtBlock segments { encryptedAt } } }`
  const before = await indexed.query(query)
  await tell([...once, ...once])
  expect(await indexed.query(query)).toEqual(before)
  const { clipEvents } = await indexed.query<{ clipEvents: { kind: string }[] }>(
    `{ clipEvents(where: { clip: "${clip}" }, orderBy: block) { kind } }`,
  )
  const counts = new Map<string, number>()
  for (const { kind } of clipEvents) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  expect(Object.fromEntries(counts)).toEqual({ REGISTERED: 3, PROCESSED: 3, TOGGLED: 3, ENCRYPTED: 1 })
})

test('a clip registered anew has the new content, and keeps who did it first and when', async () => {
  const clip = newClip()
  await tell([register(clip)])
  const query = `{ clip(id: "${clip}") { endMs registeredAt registeredAtBlock registeredBy } }`
  const { clip: before } = await indexed.query<{ clip: { endMs: number } }>(query)
  await tell([register(clip, { clipEndMs: 41_000n, registeredBy: chain.buyer(NAMED).address })])
  expect((await indexed.query<{ clip: object }>(query)).clip).toEqual({ ...before, endMs: 41_000 })
})

test('SongEncrypted is SegmentEncrypted by its older name: alone it counts, beside it it is no second encryption', async () => {
  const ids = [newClip(), newClip(), newClip(), newClip()]
  const [alone, beside, before, later] = ids
  await tell([encrypt(alone, 'SongEncrypted')])
  await tell([encrypt(beside), encrypt(beside, 'SongEncrypted')])
  await tell([encrypt(before, 'SongEncrypted'), encrypt(before)])
  await tell([encrypt(later)])
  await tell([encrypt(later, 'SongEncrypted')])
  const { clips } = await indexed.query<{ clips: { events: object[]; segments: object[] }[] }>(
    `{ clips(where: { id_in: ${list(ids)} }) { segments { encryptedFullUri lockAddress } events { kind lockAddress } } }`,
  )
  expect(clips).toHaveLength(4)
  for (const clip of clips) {
    expect(clip.segments).toEqual([{ encryptedFullUri: 'ipfs://encrypted', lockAddress: LOCK }])
    expect(clip.events).toEqual([{ kind: 'ENCRYPTED', lockAddress: LOCK }])
  }
})

test('an encryption that says something new replaces the segment and is an event of its own', async () => {
  const clip = newClip()
  await tell([encrypt(clip)])
  await tell([encrypt(clip, 'SongEncrypted', { encryptedFullUri: text('ipfs://again') })])
  const { clip: found } = await indexed.query<{ clip: { segments: object[]; events: object[] } }>(
    `{ clip(id: "${clip}") { segments { encryptedFullUri encryptedAtBlock } events { kind } } }`,
  )
  const head = String(await chain.client.getBlockNumber())
  expect(found.segments).toEqual([{ encryptedFullUri: 'ipfs://again', encryptedAtBlock: head }])
  expect(found.events).toHaveLength(2)
})

test('who is not let in is told apart as foreign, and changes nothing', async () => {
  const [clip, unheard] = [newClip(), newClip()]
  await tell([register(clip)])
  const query = `{ clip(id: "${clip}") { ${FIELDS} events { kind } } }`
  const before = await indexed.query(query)
  const stranger = chain.buyer(0)
  await tell([process(clip), toggle(clip, false), encrypt(clip), encrypt(unheard, 'SongEncrypted')], stranger)
  // The stranger says that somebody else has registered it: the event's word, not the signer's, is whose it is.
  await tell([register(unheard, { registeredBy: stranger.address })])
  expect(await indexed.query(query)).toEqual(before)
  const { clip: none, foreignEvents } = await indexed.query<{ clip: null; foreignEvents: object[] }>(
    `{ clip(id: "${unheard}") { id } foreignEvents(where: { clipHash_in: ${list([clip, unheard])} }, orderBy: name) { name clipHash emitter } }`,
  )
  expect(none).toBeNull()
  const emitter = stranger.address.toLowerCase()
  expect(foreignEvents).toEqual([
    { name: 'ClipProcessed', clipHash: clip, emitter },
    { name: 'ClipRegistered', clipHash: unheard, emitter },
    { name: 'ClipToggled', clipHash: clip, emitter },
    { name: 'SegmentEncrypted', clipHash: clip, emitter },
    { name: 'SongEncrypted', clipHash: unheard, emitter },
  ])
})

test('an emitter counts from when it is let in until it is shut out', async () => {
  const emitter = chain.buyer(1)
  const clips = [newClip(), newClip(), newClip()]
  const by = (clip: Hex) => register(clip, { registeredBy: emitter.address })
  await tell([by(clips[0])])
  await tell([say('EmitterChanged', { emitter: emitter.address, isAllowed: true }), by(clips[1])])
  await tell([say('EmitterChanged', { emitter: emitter.address, isAllowed: false }), by(clips[2])])
  const found = await indexed.query<{ clips: object[]; emitter: object }>(
    `{ clips(where: { id_in: ${list(clips)} }) { id } emitter(id: "${emitter.address}") { isAllowed } }`,
  )
  expect(found).toEqual({ clips: [{ id: clips[1] }], emitter: { isAllowed: false } })
})

test("who is named by the data source's context counts on a contract that keeps no list", async () => {
  const clip = newClip()
  await tell([toggle(clip, false)], chain.buyer(NAMED))
  expect(await indexed.query(`{ clip(id: "${clip}") { isEnabled events { emitter } } }`)).toEqual({
    clip: { isEnabled: false, events: [{ emitter: chain.buyer(NAMED).address.toLowerCase() }] },
  })
})

test('numbers beyond an Int become the largest Int, and odd text stops nothing', async () => {
  const clip = newClip()
  const odd = { grc20WorkId: '0xfffe41', spotifyTrackId: '0x', metadataUri: toHex('x'.repeat(20_000)) } as const
  await tell([
    register(clip, { ...odd, clipStartMs: 2n ** 31n, clipEndMs: 2n ** 32n - 1n }),
    encrypt(clip, 'SegmentEncrypted', { unlockChainId: 2n ** 32n - 1n, encryptedFullUri: '0x610062' }),
  ])
  const { clip: found } = await indexed.query<{ clip: Record<string, unknown> }>(
    `{ clip(id: "${clip}") { startMs endMs spotifyTrackId metadataUri segments { lockChainId encryptedFullUri lock { id } } } }`,
  )
  expect(found).toEqual({
    startMs: 2 ** 31 - 1,
    endMs: 2 ** 31 - 1,
    // What is empty is none.
    spotifyTrackId: null,
    metadataUri: 'x'.repeat(20_000),
    // Postgres stores no NUL.
    segments: [{ lockChainId: 2 ** 31 - 1, encryptedFullUri: 'ab', lock: null }],
  })
})

test('an event that does not decode is passed over', async () => {
  const clip = newClip()
  const { topics, data } = toggle(clip, false)
  await tell([{ topics, data: data.slice(0, 66) as Hex }, toggle(clip, true)])
  expect(await indexed.query(`{ clip(id: "${clip}") { isEnabled events { kind } } }`)).toEqual({
    clip: { isEnabled: true, events: [{ kind: 'TOGGLED' }] },
  })
})

test('a segment without a lock, or with one on another chain, has none here', async () => {
  const clips = [newClip(), newClip()].toSorted()
  await tell([
    encrypt(clips[0], 'SegmentEncrypted', { unlockLockAddress: zeroAddress }),
    encrypt(clips[1], 'SegmentEncrypted', { unlockChainId: 8453n }),
  ])
  const query = `{ segments(where: { id_in: ${list(clips)} }) { lockAddress lockChainId lock { id } } bare: segments(where: { id_in: ${list(clips)}, lock: null }) { id } }`
  expect(await indexed.query(query)).toEqual({
    segments: [
      { lockAddress: zeroAddress, lockChainId: Number(CHAIN_ID), lock: null },
      { lockAddress: LOCK, lockChainId: 8453, lock: null },
    ],
    bare: clips.map((id) => ({ id })),
  })
})

const list = (ids: readonly Hex[]) => JSON.stringify(ids)

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}
