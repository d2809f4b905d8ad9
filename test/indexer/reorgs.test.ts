import { afterAll, expect, test } from 'vitest'
import { createLog } from '../../worker/log.ts'
import { startTestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { startHistory } from './histories.ts'
import { ownSubgraph, startTestIndexer } from './indexing.ts'
import { startNodeProxy } from './node-proxy.ts'
import { seeded } from './random.ts'

const chain = await startTestChain()
const database = await createTestDatabase()
const subgraph = await ownSubgraph(chain.contracts)
afterAll(async () => {
  await chain.stop()
  await database.drop()
})

test('a history with re-orgs of depth 1, 3 and 12 in mid-batch ends as a fresh index of the chain, at every block', async () => {
  const random = seeded(20)
  const history = startHistory(chain, random)
  const proxy = await startNodeProxy(chain.rpcUrl)
  const shared = { databaseUrl: database.url, subgraph, cacheCapacity: 40 }
  const noticed: string[] = []
  const log = createLog('warn', (line) => noticed.push(line))
  const indexer = await startTestIndexer({ ...shared, rpcUrl: proxy.url, name: 'incremental', batchSize: 50, log })
  const depths: number[] = []
  for (let round = 0; round < 40; round++) {
    // Now it keeps up, now it is in the middle of what is taken back.
    proxy.delayMs = random.pick([0, 0, 5, 30])
    for (let actions = random.whole(1, 6); actions > 0; actions--) await history.act()
    if (random.chance(0.3)) await indexer.untilBlock(await chain.client.getBlockNumber())
    if (random.chance(0.4)) {
      depths.push(random.pick([1, 3, 12]))
      await chain.reorg(depths.at(-1)!)
    }
  }
  expect(new Set(depths)).toEqual(new Set([1, 3, 12]))
  expect(noticed.filter((line) => line.includes('the chain was re-organised')).length).toBeGreaterThan(3)
  proxy.delayMs = 0
  const head = await chain.client.getBlock()
  const reached = await indexer.until(({ block }) => block?.hash === head.hash)

  const fresh = await startTestIndexer({ ...shared, rpcUrl: chain.rpcUrl, name: 'fresh' })
  await fresh.until(({ block }) => block?.hash === head.hash)
  const expected = await fresh.entities()
  expect(await indexer.entities()).toEqual(expected)
  for (const type of ['Clip', 'ClipEvent', 'Segment', 'Lock', 'LockEvent', 'Key', 'KeyEvent', 'Emitter']) {
    expect(expected.get(type)?.size, type).toBeGreaterThan(0)
  }
  for (let block = 10; block < reached.block!.number; block += 3) {
    expect(await indexer.entities(block), `block ${block}`).toEqual(await fresh.entities(block))
  }
  await Promise.all([indexer.stop(), fresh.stop(), proxy.stop()])
})

test('another block at the same height is noticed at once, without waiting for the next', async () => {
  const indexer = await startTestIndexer({
    databaseUrl: database.url,
    rpcUrl: chain.rpcUrl,
    subgraph,
    name: 'same height',
  })
  await startHistory(chain, seeded(1)).createLock(chain.buyer(0))
  const before = await indexer.untilBlock(await chain.client.getBlockNumber())
  const locksBefore = (await indexer.entities()).get('Lock')!.size
  await chain.reorg(1)
  const head = await chain.client.getBlock()
  expect(Number(head.number)).toBe(before.block?.number)
  const startedMs = performance.now()
  await indexer.until(({ block }) => block?.hash === head.hash)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
  expect((await indexer.entities()).get('Lock')!.size).toBe(locksBefore - 1)
  await indexer.stop()
})

test('a re-org further back than history is kept stands still and says what to do', async () => {
  const short = { ...subgraph, historyBlocks: 4 }
  const options = { databaseUrl: database.url, rpcUrl: chain.rpcUrl, subgraph: short, name: 'too deep', reorgBlocks: 4 }
  const indexer = await startTestIndexer(options)
  await startHistory(chain, seeded(2)).createLock(chain.buyer(0))
  // Blocks without transactions would be made again as they were.
  await chain.mine(14)
  await indexer.untilBlock(await chain.client.getBlockNumber())
  await chain.reorg(15)
  const failed = await indexer.until(({ state }) => state === 'failed')
  expect(failed.message).toContain('further back than hashes are kept')
  expect(failed.failedHandler).toBe(null)
  await indexer.stop()
})
