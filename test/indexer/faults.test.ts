import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIndexerTables } from '../../indexer/store/open-deployment.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { startTestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { type History, startHistory } from './histories.ts'
import { ownSubgraph, startTestIndexer, type TestIndexer, type TestIndexerOptions } from './indexing.ts'
import { type Asked, type NodeProxy, startNodeProxy } from './node-proxy.ts'
import { seeded } from './random.ts'

const chain = await startTestChain()
const database = await createTestDatabase()
const client = openClient(database.url)
await createIndexerTables(client)
const subgraph = await ownSubgraph(chain.contracts)
let history: History
/** What everything is compared with: an indexer whose node behaves. */
let honest: TestIndexer
let names = 0
const opened: { stop(): Promise<void> }[] = []
afterAll(async () => {
  for (const one of [...opened, honest]) await one.stop()
  await client.close()
  await chain.stop()
  await database.drop()
})
beforeAll(async () => {
  history = startHistory(chain, seeded(3))
  for (let action = 0; action < 40; action++) await history.act()
  honest = await startTestIndexer({ databaseUrl: database.url, rpcUrl: chain.rpcUrl, subgraph, name: 'honest' })
})

type Answer = { result?: unknown; error?: unknown }
// biome-ignore lint/suspicious/noExplicitAny: results are whatever a node may say
type AnyResult = any

async function begin(options: Partial<TestIndexerOptions> = {}, prepare: (proxy: NodeProxy) => void = () => {}) {
  const proxy = await startNodeProxy(chain.rpcUrl)
  prepare(proxy)
  const shared = { databaseUrl: database.url, rpcUrl: proxy.url, subgraph, name: `faulty ${names++}` }
  const indexer = await startTestIndexer({ ...shared, rpcTimeoutMs: 1_000, ...options })
  opened.push(proxy)
  return { proxy, indexer }
}

async function expectWhole(indexer: TestIndexer): Promise<void> {
  const head = await chain.client.getBlock()
  await indexer.until(({ block, state }) => block?.hash === head.hash && state === 'following')
  await honest.until(({ block }) => block?.hash === head.hash)
  expect(await indexer.entities()).toEqual(await honest.entities())
  await indexer.stop()
}

test('a node that is away at the start is waited for', async () => {
  const { proxy, indexer } = await begin({}, (made) => {
    made.isDown = true
  })
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(await indexer.deployment()).toBe(null)
  proxy.isDown = false
  await expectWhole(indexer)
})

test.each([
  [
    'goes away',
    (proxy: NodeProxy) => {
      proxy.isDown = true
    },
    'chain node',
  ],
  [
    'answers 503',
    (proxy: NodeProxy) => {
      proxy.status = 503
    },
    '503',
  ],
  [
    'answers 401',
    (proxy: NodeProxy) => {
      proxy.status = 401
    },
    '401',
  ],
  [
    'takes longer than its time',
    (proxy: NodeProxy) => {
      proxy.delayMs = 2_500
    },
    '',
  ],
  [
    'is slow',
    (proxy: NodeProxy) => {
      proxy.delayMs = 400
    },
    'has not answered for 0.1 s',
  ],
])('a node that %s is waited for, what is indexed stays, and nothing is lost', async (_what, spoil, message) => {
  const { proxy, indexer } = await begin()
  const before = await indexer.until(({ state }) => state === 'following')
  spoil(proxy)
  await history.act()
  const waiting = await indexer.until(({ state }) => state === 'waiting')
  expect(waiting.message).toContain(message)
  expect(waiting.block?.number).toBeGreaterThanOrEqual(before.block!.number)
  Object.assign(proxy, { isDown: false, status: null, delayMs: 0 })
  await expectWhole(indexer)
})

test('a head that goes back is waited for, and nothing is taken back', async () => {
  const { proxy, indexer } = await begin()
  await indexer.until(({ state }) => state === 'following')
  const before = await indexer.entities()
  const older = await chain.rpc<object>('eth_getBlockByNumber', ['0x5', false])
  proxy.tamper = ({ method, params }, answer) =>
    method === 'eth_getBlockByNumber' && params[0] === 'latest' ? { ...answer, result: older } : answer
  const waiting = await indexer.until(({ state }) => state === 'waiting')
  expect(waiting.message).toContain('head went back to block 5')
  expect(await indexer.entities()).toEqual(before)
  proxy.tamper = null
  await expectWhole(indexer)
})

/** What a node may do to answers about blocks from number 11 on, where the contracts are deployed and used. */
const LIES: readonly (readonly [what: string, message: string, lie: (asked: Asked, answer: Answer) => Answer])[] = [
  [
    'names a head that it does not have',
    'does not have block',
    ({ method, params }, answer) => {
      const result = answer.result as AnyResult
      const isHead = method === 'eth_getBlockByNumber' && params[0] === 'latest'
      return isHead
        ? { ...answer, result: { ...result, number: `0x${(Number(result.number) + 50).toString(16)}` } }
        : answer
    },
  ],
  [
    'has no receipts of a block it gives',
    'its receipts cannot be had',
    ({ method }, answer) => (method === 'eth_getBlockReceipts' ? { ...answer, result: null } : answer),
  ],
  [
    'gives half of the receipts',
    'receipts came',
    ({ method }, answer) => {
      if (method !== 'eth_getBlockReceipts') return answer
      const receipts = answer.result as AnyResult[]
      return { ...answer, result: receipts.slice(0, Math.floor(receipts.length / 2)) }
    },
  ],
  [
    'gives half of the logs',
    'came',
    ({ method }, answer) => {
      if (method !== 'eth_getBlockReceipts') return answer
      const halved = (answer.result as AnyResult[]).map((receipt) => ({
        ...receipt,
        logs: receipt.logs.slice(0, Math.floor(receipt.logs.length / 2)),
      }))
      return { ...answer, result: halved }
    },
  ],
  [
    'gives receipts of another block',
    'of another block',
    ({ method }, answer) => {
      if (method !== 'eth_getBlockReceipts') return answer
      const moved = (answer.result as AnyResult[]).map((receipt) => ({ ...receipt, blockHash: `0x${'77'.repeat(32)}` }))
      return { ...answer, result: moved }
    },
  ],
  [
    'gives blocks that do not follow each other',
    'does not follow',
    ({ method, params }, answer) => {
      const isBlock = method === 'eth_getBlockByNumber' && params[0] === '0xe'
      return isBlock
        ? { ...answer, result: { ...(answer.result as object), parentHash: `0x${'77'.repeat(32)}` } }
        : answer
    },
  ],
  [
    'cannot say what a contract answers',
    'cannot answer a call',
    ({ method }, answer) => (method === 'eth_call' ? { error: { code: -32000, message: 'header not found' } } : answer),
  ],
  [
    'gives answers of another form',
    'another form than known',
    ({ method, params }, answer) =>
      method === 'eth_getBlockByNumber' && params[0] === '0xc' ? { ...answer, result: { number: '0xc' } } : answer,
  ],
]

test.each(LIES)('a node that %s is waited for, and no block is indexed by half', async (_what, message, lie) => {
  // Answers of contracts are kept from one deployment to the next.
  await client.pool.query('delete from indexer.calls')
  const { proxy, indexer } = await begin({}, (made) => {
    made.tamper = lie
  })
  const waiting = await indexer.until(({ state }) => state === 'waiting')
  expect(waiting.message).toContain(message)
  await honest.untilBlock(await chain.client.getBlockNumber())
  if (waiting.block) expect(await indexer.entities()).toEqual(await honest.entities(waiting.block.number))
  proxy.tamper = null
  await expectWhole(indexer)
})

const refused = (message: string, code = -32_000): Answer => ({ error: { code, message } })

test('without eth_getBlockReceipts, blocks and logs by hash give the same, and half of them is noticed', async () => {
  let isHalved = true
  const { proxy, indexer } = await begin({}, (made) => {
    made.tamper = ({ method, params }, answer) => {
      if (method === 'eth_getBlockReceipts') return refused('the method eth_getBlockReceipts does not exist', -32_601)
      if (!isHalved || method !== 'eth_getLogs' || !params[0].blockHash) return answer
      return { ...answer, result: answer.result.slice(0, Math.floor(answer.result.length / 2)) }
    }
  })
  const waiting = await indexer.until(({ state }) => state === 'waiting')
  expect(waiting.message).toContain('has other logs')
  isHalved = false
  await expectWhole(indexer)
  expect(proxy.asked.get('eth_getLogs')).toBeGreaterThan(0)
})

test('limits of batches, of results and of ranges only make it take smaller steps', async () => {
  const { proxy, indexer } = await begin({ reorgBlocks: 5 }, (made) => {
    made.tamper = ({ method, params }, answer) => {
      if (method !== 'eth_getLogs') return answer
      const blocks = Number(params[0].toBlock) - Number(params[0].fromBlock) + 1
      if (blocks > 7) return refused('block range is too wide')
      return answer.result.length > 20 && blocks > 1 ? refused('query returned more than 20 results') : answer
    }
  })
  await expectWhole(indexer)
  expect(proxy.asked.get('eth_getLogs')).toBeGreaterThan(5)
})

test('connections to the database that break are made again, and nothing is lost', async () => {
  const { indexer } = await begin()
  for (let breaks = 0; breaks < 4; breaks++) {
    await history.act()
    await client.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'refrain indexer' and datname = current_database()",
    )
  }
  await expectWhole(indexer)
})

test('what the log tells of a node carries no credential', async () => {
  const lines: string[] = []
  const { proxy, indexer } = await begin({ log: createLog('debug', (line) => lines.push(line)) }, (made) => {
    made.status = 500
  })
  await indexer.stop()
  const secret = 'top-secret-token'
  const other = await startTestIndexer({
    databaseUrl: database.url,
    rpcUrl: `${proxy.url}/v2/${secret}`,
    subgraph,
    name: 'secretive',
    log: createLog('debug', (line) => lines.push(line)),
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  proxy.status = null
  await other.until(({ state }) => state === 'following')
  proxy.isDown = true
  const waiting = await other.until(({ state }) => state === 'waiting')
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.join('\n') + waiting.message).not.toContain(secret)
  await other.stop()
})
