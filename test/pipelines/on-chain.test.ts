import { parseEventLogs } from 'viem'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { parseManifest } from '../../client/index.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import type { Chain } from '../../worker/chain/contract.ts'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { localChain } from '../providers/local-chain.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { createPublishingEngine, type PublishingEngine, sha256Hex } from './published-track.ts'

let chain: TestChain
let engine: PublishingEngine
beforeAll(async () => {
  chain = await startTestChain()
})
afterAll(() => chain?.stop())
afterEach(() => engine?.close())

const settled = async () => {
  await engine.untilIdle('artist', 60)
  await engine.untilIdle('track', 60)
}
/** What the catalog contract has emitted since a block, in order. */
async function emitted(fromBlock: bigint) {
  // A range must begin on the chain, also when nothing has happened.
  await chain.mine(1)
  const logs = await chain.client.getLogs({ address: chain.contracts.catalog, fromBlock })
  return parseEventLogs({ abi: catalogAbi, logs }).map(({ eventName, args }) => ({
    eventName,
    args: args as Record<string, unknown>,
  }))
}
const nextBlock = async () => (await chain.client.getBlockNumber({ cacheTime: 0 })) + 1n
/** The same operator for another database is another sender of orders. */
const freshChain = (): Chain => localChain(chain)

test('a track whose artist has a lock is announced, encrypted and proven, each event once', async () => {
  engine = await createPublishingEngine(freshChain())
  const from = await nextBlock()
  const { id, song } = await engine.addReadyTrack()
  await engine.startWorker()
  await settled()
  const rows = await engine.rows('track', id)
  for (const stage of ['publish', 'register_clip', 'encrypt', 'prove_access'])
    expect(rows[stage], `${stage}: ${rows[stage]?.error_message ?? rows[stage]?.reason}`).toMatchObject({
      status: 'completed',
      runs: 1,
    })

  const events = await emitted(from)
  expect(events.map((event) => event.eventName).toSorted()).toEqual([
    'ClipProcessed',
    'ClipRegistered',
    'SegmentEncrypted',
  ])
  const [segment] = await engine.query<Record<string, string>>('select * from karaoke_segments')
  const [encryption] = await engine.query<Record<string, string>>('select * from encryptions')
  const [lock] = await engine.query<{ lock_address: string }>('select lock_address from lens_accounts')
  const sealed = events.find((event) => event.eventName === 'SegmentEncrypted')
  expect(sealed?.args).toMatchObject({
    encryptedFullUri: segment.encrypted_full_url,
    encryptedManifestUri: segment.encryption_manifest_url,
    unlockLockAddress: lock.lock_address,
    unlockChainId: 31337,
  })
  expect(encryption).toMatchObject({
    lock_address: lock.lock_address.toLowerCase(),
    content_sha256: sha256Hex(song),
    proof: { refusal: 'NO_KEY', decrypted: { sizeBytes: song.length, sha256: sha256Hex(song) } },
  })
  // What is published is not the song, and says who may open it.
  const get = async (cid: string) => Buffer.from(await (await fetch(`${engine.api.url}/ipfs/${cid}`)).arrayBuffer())
  const ciphertext = await get(segment.encrypted_full_cid)
  expect(ciphertext.includes(song.subarray(0, 64))).toBe(false)
  const manifest = parseManifest((await get(segment.encryption_manifest_url.replace('ipfs://', ''))).toString())
  expect(manifest).toMatchObject({
    content: { sha256: sha256Hex(song), kind: 'enhanced instrumental, full' },
    lock: { address: lock.lock_address.toLowerCase(), chainId: 31337 },
    song: { title: 'Lantern Road', clipHash: sealed?.args.clipHash },
  })
  expect(segment.encryption_accs).toEqual(manifest.accessControlConditions)
  expect(JSON.stringify(rows)).not.toContain('contentKey')

  const { track } = await engine.graphql<{ track: object }>(
    `query ($id: ID!) { track(id: $id) { isPublished isEncrypted segments { clipEvents { clipHash registeredTransaction registeredBlock }
      encryption { keyId transactionHash proof provedAt } } } tracks(isEncrypted: true) { edges { node { id } } } }`,
    { id: `Track:${id}` },
  )
  expect(track).toMatchObject({
    isPublished: true,
    isEncrypted: true,
    segments: [{ clipEvents: { clipHash: sealed?.args.clipHash } }],
  })
})

test('asked for again, an encrypted track is neither encrypted nor announced again', async () => {
  engine = await createPublishingEngine(freshChain())
  const { id } = await engine.addReadyTrack({ artist: 'Twice' })
  await engine.startWorker()
  await settled()
  const before = await engine.query('select key_id, ciphertext_sha256, manifest_sha256, encrypted_tx from encryptions')
  const from = await nextBlock()
  await rerunStage(engine.client.pool, 'track', id, 'register_clip')
  await rerunStage(engine.client.pool, 'track', id, 'encrypt')
  await settled()
  expect(
    await engine.query('select key_id, ciphertext_sha256, manifest_sha256, encrypted_tx from encryptions'),
  ).toEqual(before)
  expect(await emitted(from)).toEqual([])
})

test('to encrypt anew takes a fresh key and tells the chain once more', async () => {
  engine = await createPublishingEngine(freshChain())
  const { id } = await engine.addReadyTrack({ artist: 'Anew' })
  const ask = () =>
    engine.graphql<{ reencryptTrack: object }>(
      'mutation ($id: ID!) { reencryptTrack(trackId: $id) { __typename ... on Error { message } ... on RerunTrack { undone } } }',
      { id: `Track:${id}` },
    )
  expect((await ask()).reencryptTrack).toMatchObject({ __typename: 'BlockedError' })
  await engine.startWorker()
  await settled()
  const [before] = await engine.query<Record<string, string>>('select * from encryptions')
  const from = await nextBlock()
  expect((await ask()).reencryptTrack).toMatchObject({
    __typename: 'RerunTrack',
    undone: ['ENCRYPT', 'PROMOTE', 'PROVE_ACCESS'],
  })
  await settled()
  const [after] = await engine.query<Record<string, string>>('select * from encryptions')
  expect(after.key_id).not.toBe(before.key_id)
  expect(after.ciphertext_sha256).not.toBe(before.ciphertext_sha256)
  expect(after.proof).toMatchObject({ keyId: after.key_id })
  expect((await emitted(from)).map((event) => event.eventName)).toEqual(['SegmentEncrypted'])
})

test('a track waits for the lock of its own artist, says so, and goes on when it is there; other artists do not count', async () => {
  engine = await createPublishingEngine(freshChain())
  const { id } = await engine.addReadyTrack({ artist: 'Waits' })
  await engine.addReadyTrack({ artist: 'Other' })
  await engine.query(
    "update tasks set status = 'canceled' where pipeline = 'artist' and subject_id = (select artist_id from tracks where id = $1)",
    [id],
  )
  await engine.startWorker()
  await settled()
  expect((await engine.rows('track', id)).encrypt).toBeUndefined()
  const { track } = await engine.graphql<{ track: { waiting: { stage: string; reason: string }[] } }>(
    'query ($id: ID!) { track(id: $id) { waiting { stage reason } } }',
    { id: `Track:${id}` },
  )
  expect(track.waiting.find((one) => one.stage === 'ENCRYPT')?.reason).toBe(
    'waits for deploy_unlock of its artist (not ready yet)',
  )
  const refused = await engine.graphql<{ runTrackEncrypt: object }>(
    'mutation ($id: ID!) { runTrackEncrypt(trackId: $id) { __typename ... on BlockedError { reason } } }',
    { id: `Track:${id}` },
  )
  expect(refused.runTrackEncrypt).toMatchObject({
    __typename: 'BlockedError',
    reason: expect.stringContaining('deploy_unlock of its artist'),
  })
  await engine.query("update tasks set status = 'pending' where pipeline = 'artist' and status = 'canceled'")
  await settled()
  expect((await engine.rows('track', id)).encrypt).toMatchObject({ status: 'completed' })
})

test('emission after encryption registers the clip with its song, and the older name is emitted on request', async () => {
  engine = await createPublishingEngine(freshChain(), {
    CLIP_EMISSION: 'after-encryption',
    EMIT_SONG_ENCRYPTED: 'true',
  })
  const from = await nextBlock()
  const { id } = await engine.addReadyTrack({ artist: 'Later' })
  await engine.startWorker()
  await settled()
  expect((await engine.rows('track', id)).register_clip).toMatchObject({
    status: 'skipped',
    reason: expect.stringContaining('CLIP_EMISSION'),
  })
  expect((await emitted(from)).map((event) => event.eventName)).toEqual([
    'ClipRegistered',
    'ClipProcessed',
    'SegmentEncrypted',
    'SongEncrypted',
  ])
  expect(await engine.query('select count(*)::int as n from published_clips')).toEqual([{ n: 1 }])
})

test('players on the sites that the configuration names are answered by the key gate, those of other sites are not', async () => {
  engine = await createPublishingEngine(freshChain(), { KEY_GATE_DOMAINS: 'player.example' })
  const ask = (origin: string) =>
    fetch(`${engine.api.url}/keys/nonce`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: '{}',
    })
  const [named, other] = [await ask('https://player.example'), await ask('https://other.example')]
  expect([named.status, named.headers.get('access-control-allow-origin')]).toEqual([200, 'https://player.example'])
  expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null])
})
