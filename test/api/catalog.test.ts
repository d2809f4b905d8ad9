import { numberToHex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { artist } from '../../worker/pipelines/artist/index.ts'
import { track } from '../../worker/pipelines/track/index.ts'
import { createPublishingEngine, type PublishingEngine } from '../pipelines/published-track.ts'
import { localChain } from '../providers/local-chain.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { catalogCalls, nowSeconds } from './catalog-calls.ts'
import { type CatalogWorld, startCatalogWorld } from './catalog-world.ts'

let chain: TestChain
let engine: PublishingEngine
let world: CatalogWorld
/** Row numbers of two tracks of one artist and one of another. */
let rows: readonly number[]

beforeAll(async () => {
  chain = await startTestChain()
  engine = await createPublishingEngine(localChain(chain))
  const { url: databaseUrl, folder } = engine
  world = await startCatalogWorld(chain, { databaseUrl, folder, pipelines: [track, artist] })
  const added = []
  for (const name of ['Mika Söderström', 'Mika Söderström', 'Iris Vale'])
    added.push((await engine.addReadyTrack({ artist: name })).id)
  rows = added
  const worker = await engine.startWorker()
  await engine.untilIdle('artist', 60)
  await engine.untilIdle('track', 60)
  await worker.stop()
})
afterAll(async () => {
  await world?.close()
  await engine?.close()
})

const JOINED = `query ($id: ID!, $wallet: String!) {
  track(id: $id) {
    title isPublished isEncrypted
    segments { clipEvents { clipHash registeredBlock } encryption { lockAddress lockChainId ciphertextUri } }
    published { kind cid }
    artist { id name wallet { address } catalogLock { address name } }
    catalogClip {
      hash isRegistered isEnabled catalogId startMs endMs audioUri timingUri metadataUri translationCount registeredBy registeredAtBlock
      track { id }
      encryption {
        ciphertextUri manifestUri keyGateUrl lockAddress lockChainId encryptedAtBlock opensFor(wallet: $wallet)
        lock { address name priceWei priceEth currency durationSeconds maxKeys maxKeysPerAddress totalKeys version
          opensFor(wallet: $wallet) artist { id name } keys { owner isActive isCanceled expiresAt } }
      }
    }
  }
  catalogStatus { part block headBlock blocksBehind hasIndexingErrors fault }
}`
const joined = (row: number, wallet: string) => world.query(JOINED, { id: `Track:${row}`, wallet })
const opens = async (row: number, wallet: string) => {
  const { track: found } = await joined(row, wallet)
  const { opensFor, lock } = found.catalogClip.encryption
  expect(lock.opensFor).toBe(opensFor)
  return opensFor
}

test('one request joins a track with its clip, its encrypted song, the lock with its terms, the artist and whether a wallet has a key', async () => {
  const [row] = rows
  const buyer = chain.buyer(0)
  const { track: found, catalogStatus } = await joined(row, buyer.address)
  const [{ clipEvents, encryption }] = found.segments
  const cidOf = (kind: string) => found.published.find((file: { kind: string }) => file.kind === kind).cid
  expect(found).toMatchObject({ title: 'Lantern Road', isPublished: true, isEncrypted: true })
  expect(found.catalogClip).toMatchObject({
    hash: clipEvents.clipHash,
    isRegistered: true,
    isEnabled: true,
    startMs: 1000,
    endMs: 61_000,
    audioUri: `ipfs://${cidOf('CLIP')}`,
    timingUri: `ipfs://${cidOf('TIMING')}`,
    metadataUri: `ipfs://${cidOf('METADATA')}`,
    registeredBy: chain.operator.address.toLowerCase(),
    registeredAtBlock: clipEvents.registeredBlock,
    track: { id: `Track:${row}` },
    encryption: {
      ciphertextUri: encryption.ciphertextUri,
      // The server that answers, not the one that encrypted.
      keyGateUrl: `${world.url}/keys`,
      lockAddress: encryption.lockAddress,
      lockChainId: chain.chainId,
      opensFor: false,
      lock: {
        address: encryption.lockAddress,
        priceWei: '600000000000000',
        priceEth: '0.0006',
        durationSeconds: String(30 * 86_400),
        version: 15,
        name: expect.stringContaining('Mika Söderström'),
        artist: { id: found.artist.id, name: 'Mika Söderström' },
      },
    },
  })
  expect(found.artist.catalogLock.address).toBe(encryption.lockAddress)
  const block = Number(await chain.client.getBlockNumber())
  expect(catalogStatus).toEqual(
    ['CLIPS', 'LOCKS'].map((part) => ({
      part,
      block,
      headBlock: block,
      blocksBehind: 0,
      hasIndexingErrors: false,
      fault: null,
    })),
  )
})

test('what the clip on chain names can be read where it stays: its audio, its word timings, its description', async () => {
  const { track: found } = await joined(rows[0], chain.buyer(0).address)
  const read = async (uri: string) => {
    const response = await fetch(`${world.url}/ipfs/${uri.replace('ipfs://', '')}`)
    expect(response.status, uri).toBe(200)
    return await response.text()
  }
  const { audioUri, timingUri, metadataUri } = found.catalogClip
  expect(JSON.parse(await read(timingUri))).toMatchObject({ format: 'refrain-lyrics' })
  expect(JSON.parse(await read(metadataUri))).toMatchObject({
    title: 'Lantern Road',
    clip: { uri: audioUri },
    timing: { uri: timingUri },
  })
  expect((await read(audioUri)).length).toBeGreaterThan(0)
})

test('a wallet opens the songs of an artist while its key is valid: not before the purchase, nor after its time has run out', async () => {
  const [first, second, other] = rows
  const buyer = chain.buyer(1)
  expect(await Promise.all(rows.map((row) => opens(row, buyer.address)))).toEqual([false, false, false])
  const { track: found } = await joined(first, buyer.address)
  const { lock } = found.catalogClip.encryption
  const { buy } = catalogCalls(chain)
  const tokenId = await buy(lock.address, buyer, BigInt(lock.priceWei))
  expect([await opens(first, buyer.address), await opens(second, buyer.address)]).toEqual([true, true])
  expect(await opens(first, buyer.address.toLowerCase())).toBe(true)
  expect([await opens(other, buyer.address), await opens(first, chain.buyer(2).address)]).toEqual([false, false])

  const expiresAt = nowSeconds() + 6n
  await asArtist(found.artist.wallet.address, lock.address, tokenId, expiresAt)
  const { track: shortly, catalogStatus: before } = await joined(first, buyer.address)
  expect(shortly.catalogClip.encryption.lock.keys.find((key: { owner: string }) => key.owner === lower(buyer))).toEqual(
    {
      owner: lower(buyer),
      isActive: true,
      isCanceled: false,
      expiresAt: new Date(Number(expiresAt) * 1000).toISOString(),
    },
  )
  await expect.poll(() => opens(first, buyer.address), { timeout: 12_000, interval: 200 }).toBe(false)
  expect(nowSeconds()).toBeGreaterThanOrEqual(expiresAt)
  const { track: after, catalogStatus } = await joined(first, buyer.address)
  expect(after.catalogClip.encryption.lock.keys).toContainEqual(
    expect.objectContaining({ owner: lower(buyer), isActive: false, isCanceled: false }),
  )
  // Nothing has happened on chain: time alone ended it.
  expect(catalogStatus).toEqual(before)
})

test('while the subgraph is away a track is answered all the same, but for its part on chain', async () => {
  await world.stopQueries()
  const query = 'query ($id: ID!) { track(id: $id) { title isEncrypted catalogClip { hash } } }'
  const { data, errors } = await world.request(query, { id: `Track:${rows[0]}` })
  expect(data).toEqual({ track: { title: 'Lantern Road', isEncrypted: true, catalogClip: null } })
  expect(errors).toMatchObject([{ path: ['track', 'catalogClip'], extensions: { code: 'PROVIDER_UNAVAILABLE' } }])
})

const lower = ({ address }: { readonly address: string }) => address.toLowerCase()

/** Changes the end of a key as the artist, whose key the node does not have. */
async function asArtist(wallet: `0x${string}`, lock: `0x${string}`, tokenId: bigint, expiration: bigint) {
  await chain.rpc('anvil_impersonateAccount', [wallet])
  await chain.rpc('anvil_setBalance', [wallet, numberToHex(10n ** 18n)])
  const account = { address: wallet, type: 'json-rpc' } as const
  await catalogCalls(chain).atLock(lock, 'setKeyExpiration', [tokenId, expiration], account as never)
}
