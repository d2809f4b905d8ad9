import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zeroAddress } from 'viem'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createCatalogReader } from '../../api/catalog.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { loadSubgraph } from '../../indexer/manifest.ts'
import { openSubgraphs } from '../../worker/catalog/subgraphs.ts'
import { openChains } from '../../worker/chain/open.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { copyBuild } from '../conformance/build-copy.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { catalogCalls, PRICE_WEI } from './catalog-calls.ts'
import { subscribeStream } from './catalog-readers.ts'
import { type CatalogWorld, startCatalogWorld } from './catalog-world.ts'
import { startTestApi } from './test-api.ts'

let chain: TestChain
let calls: ReturnType<typeof catalogCalls>
let world: CatalogWorld | undefined
beforeAll(async () => {
  chain = await startTestChain()
  calls = catalogCalls(chain)
})
afterAll(() => chain?.stop())
afterEach(async () => {
  await world?.close()
  world = undefined
})

const STATUS = '{ catalogStatus { part block blockHash blockAt headBlock blocksBehind hasIndexingErrors fault } }'
const headOf = async ({ client }: TestChain) => Number(await client.getBlockNumber())

test('the status names the block that answers are of, and how many blocks the chain is ahead of it', async () => {
  world = await startCatalogWorld(chain)
  const lock = await calls.createLock(chain.buyer(0))
  const { catalogStatus: fresh } = await world.query(STATUS)
  const block = await chain.client.getBlock()
  const at = {
    block: Number(block.number),
    blockHash: block.hash,
    blockAt: new Date(Number(block.timestamp) * 1000).toISOString(),
    hasIndexingErrors: false,
    fault: null,
  }
  expect(fresh).toEqual(
    ['CLIPS', 'LOCKS'].map((part) => ({ part, ...at, headBlock: Number(block.number), blocksBehind: 0 })),
  )
  await world.stopIndexing()
  await calls.atLock(lock, 'updateKeyPricing', [2n * PRICE_WEI, zeroAddress], chain.buyer(0))
  await chain.mine(2)
  const { data } = await world.request(`{ catalogLock(address: "${lock}") { priceEth } ${STATUS.slice(1)}`)
  expect(data.catalogLock).toEqual({ priceEth: '0.0006' })
  expect(data.catalogStatus[1]).toEqual({ part: 'LOCKS', ...at, headBlock: Number(block.number) + 3, blocksBehind: 3 })
})

test('everything that one request reads is of one block, whatever happens on chain meanwhile', async () => {
  world = await startCatalogWorld(chain)
  const artist = chain.buyer(0)
  const lock = await calls.createLock(artist)
  await world.caughtUp()
  const reader = createCatalogReader(openSubgraphs({ SUBGRAPH_URL: world.subgraphUrl }))
  const { blockNumber } = await reader.position('locks')
  await calls.atLock(lock, 'updateKeyPricing', [2n * PRICE_WEI, zeroAddress], artist)
  const hash = await calls.register()
  await world.caughtUp()
  expect((await reader.lock(lock))?.price).toBe(String(PRICE_WEI))
  expect(await reader.clip(hash)).toBeUndefined()
  expect((await reader.position('clips')).blockNumber).toBe(blockNumber)
  reader.refresh()
  expect((await reader.lock(lock))?.price).toBe(String(2n * PRICE_WEI))
  expect((await reader.clip(hash))?.id).toBe(hash)
})

test('while the node is away the catalog answers as before, and the status says what is wrong without the address of the node', async () => {
  const passing = await startTestChain()
  const database = await createTestDatabase()
  const client = openClient(database.url)
  try {
    const chains = openChains({
      config: { CHAIN_RPC_URL: `${passing.rpcUrl}/?apikey=sesame-sesame` },
      client,
      log: createLog('silent'),
    })
    world = await startCatalogWorld(passing, { databaseUrl: database.url, reader: chains?.clips })
    const own = catalogCalls(passing)
    const [hash, lock] = [await own.register(), await own.createLock(passing.buyer(0))]
    await own.encrypt(hash, lock)
    const clip = `catalogClip(hash: "${hash}") { hash encryption { lock { name } } }`
    const { catalogClip } = await world.query(`{ ${clip} }`)
    const block = await headOf(passing)
    await passing.stop('SIGKILL')
    const begun = Date.now()
    const { data, errors } = await world.request(`{ ${clip} ${STATUS.slice(1)}`)
    expect(Date.now() - begun).toBeLessThan(6_000)
    expect([errors, data.catalogClip]).toEqual([undefined, catalogClip])
    for (const status of data.catalogStatus)
      expect(status).toMatchObject({
        block,
        headBlock: null,
        blocksBehind: null,
        hasIndexingErrors: false,
        fault: "the chain's node does not answer",
      })
    expect(JSON.stringify([data, world.log])).not.toMatch(/sesame|node-\d|\?apikey/)
  } finally {
    await world?.close()
    world = undefined
    await client.close()
    await database.drop()
  }
})

test('while the subgraph is away the rest of a request is answered, and each part of the catalog says so', async () => {
  world = await startCatalogWorld(chain)
  const hash = await calls.register()
  await world.query(STATUS)
  await world.stopQueries()
  const { data, errors } = await world.request(
    `{ taskSummary { tasks } tracks { edges { cursor } }
       catalogClip(hash: "${hash}") { hash } catalogClips { edges { node { hash } } }
       catalogLock(address: "${zeroAddress}") { name } catalogKeys(owner: "${zeroAddress}") { id } ${STATUS.slice(1)}`,
  )
  expect(data).toMatchObject({ tracks: { edges: [] }, catalogClip: null, catalogClips: null, catalogKeys: null })
  expect(data.taskSummary).toEqual(expect.anything())
  expect(errors?.map((error) => error.path?.join('.')).toSorted()).toEqual([
    'catalogClip',
    'catalogClips',
    'catalogKeys',
    'catalogLock',
  ])
  for (const error of errors ?? []) {
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' })
    expect(error.message).toMatch(/^subgraph: could not be reached/)
  }
  for (const status of data.catalogStatus) {
    expect(status).toMatchObject({ block: null, blockHash: null, blocksBehind: null, hasIndexingErrors: false })
    expect(status.headBlock).toBe(await headOf(chain))
    expect(status.fault).toMatch(/^subgraph: could not be reached/)
    expect(status.fault).not.toContain('://')
  }
})

test('an error of the indexing is shown, and what was indexed before it can be read on', async () => {
  // A handler that takes the event of another: it fails at the first one.
  const folder = await mkdtemp(join(tmpdir(), 'refrain-subgraph-'))
  const { catalog: Catalog, accounts: Accounts, unlock: Unlock } = chain.contracts
  await copyBuild(folder, { Catalog, Accounts, Unlock })
  const path = join(folder, 'build/subgraph.yaml')
  const manifest = await readFile(path, 'utf8')
  expect(manifest).toContain('handleClipToggled')
  await writeFile(path, manifest.replace('handleClipToggled', 'handleClipRegistered'))
  const subgraph = await loadSubgraph(join(folder, 'build'), 'subgraph.yaml', {})
  await rm(folder, { recursive: true })
  world = await startCatalogWorld(chain, { subgraph })
  const hash = await calls.register()
  await world.caughtUp()
  const block = await headOf(chain)
  const call = { address: chain.contracts.catalog, abi: catalogAbi } as const
  await chain.write({ ...call, functionName: 'toggleClip', args: [hash, false] })
  const status = async () => (await world?.request(STATUS))?.data.catalogStatus[0]
  await expect.poll(status).toMatchObject({
    block,
    headBlock: block + 1,
    blocksBehind: 1,
    hasIndexingErrors: true,
    fault: 'the indexing stopped at an error',
  })
  const { data, errors } = await world.request(
    `{ catalogClip(hash: "${hash}") { hash isEnabled } catalogClips(first: 1) { edges { node { hash } } } }`,
  )
  expect(errors).toBeUndefined()
  expect(data).toEqual({
    catalogClip: { hash, isEnabled: true },
    catalogClips: { edges: [{ node: { hash } }] },
  })
})

test('where no chain is configured the status is empty, a track has no clip on chain, and whatever asks for the catalog is told', async () => {
  const api = await startTestApi()
  try {
    const { id } = await api.addTrack()
    const { data, errors } = await api.request(
      `query ($id: ID!) { catalogStatus { block } track(id: $id) { id catalogClip { hash } } catalogClips { edges { cursor } } }`,
      { id },
    )
    expect(data).toEqual({ catalogStatus: [], track: { id, catalogClip: null }, catalogClips: null })
    expect(errors).toEqual([
      expect.objectContaining({
        path: ['catalogClips'],
        message: expect.stringContaining('CHAIN_RPC_URL is off'),
        extensions: { code: 'BLOCKED' },
      }),
    ])
    const live = await subscribeStream(api.url, 'subscription { catalogEvents { seq } }')
    expect(await live.next()).toMatchObject({ errors: [{ extensions: { code: 'BLOCKED' } }] })
  } finally {
    await api.close()
  }
})

test('the key that a gateway takes in its path is in no message', async () => {
  const key = '0123456789abcdef0123456789abcdef'
  const gateway = createServer((request, response) =>
    response.writeHead(301, { location: `https://elsewhere.example${request.url}` }).end(),
  )
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  const { port } = gateway.address() as AddressInfo
  try {
    const sources = openSubgraphs({ SUBGRAPH_URL: `http://127.0.0.1:${port}/api/${key}/subgraphs/id/1` })
    const error = await createCatalogReader(sources)
      .position('clips')
      .catch((fault: unknown) => fault)
    expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED', message: expect.stringContaining('redirect') })
    expect(String(error)).not.toContain(key)
  } finally {
    gateway.close()
  }
})
