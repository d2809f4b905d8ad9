import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { loadSubgraph, type Subgraph } from '../../indexer/manifest.ts'
import { createLog } from '../../worker/log.ts'
import { startTestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestIndexer, type TestIndexer } from './indexing.ts'
import { PROBE_BUILD } from './probe.ts'

const chain = await startTestChain()
const database = await createTestDatabase()
const { catalog } = chain.contracts
let subgraph: Subgraph
beforeAll(async () => {
  subgraph = await loadSubgraph(PROBE_BUILD, 'subgraph.yaml', { addresses: { Probe: catalog } })
})
afterAll(async () => {
  await chain.stop()
  await database.drop()
})

const begin = (name: string, options: Partial<Parameters<typeof startTestIndexer>[0]> = {}) =>
  startTestIndexer({ databaseUrl: database.url, rpcUrl: chain.rpcUrl, subgraph, name, ...options })

let clips = 0
/** Has the probe do something; its answer is found under the id. */
async function command(id: string, name: string, ...operands: string[]) {
  const clip = {
    grc20WorkId: name,
    spotifyTrackId: id,
    clipStartMs: clips++,
    clipEndMs: 90_000,
    metadataUri: operands.join('|'),
  }
  return chain.write({ address: catalog, abi: catalogAbi, functionName: 'registerClip', args: [clip] })
}

async function texts(indexer: TestIndexer, atBlock?: number): Promise<Record<string, string>> {
  const results = (await indexer.entities(atBlock)).get('Result')!
  return Object.fromEntries([...results.values()].map((row) => JSON.parse(row)).map(({ id, text }) => [id, text]))
}

async function headText(indexer: TestIndexer, id: string): Promise<string> {
  await indexer.untilBlock(await chain.client.getBlockNumber())
  return (await texts(indexer))[id]
}

test('what handlers read of transactions, blocks, balances and code is what the node says', async () => {
  const indexer = await begin('reading')
  const receipt = await command('transaction', 'event.transaction')
  const transaction = await chain.client.getTransaction({ hash: receipt.transactionHash })
  expect((await headText(indexer, 'transaction')).split(' ')).toEqual([
    transaction.hash,
    String(transaction.transactionIndex),
    transaction.from,
    transaction.to?.toLowerCase(),
    '0',
    String(transaction.gas),
    String(receipt.effectiveGasPrice),
    transaction.input,
    String(transaction.nonce),
  ])
  await command('block', 'event.block')
  const block = await chain.client.getBlock()
  const { hash, parentHash, sha3Uncles, miner, stateRoot, transactionsRoot, receiptsRoot } = block
  expect((await headText(indexer, 'block')).split(' ')).toEqual(
    [
      ...[hash, parentHash, sha3Uncles, miner, stateRoot, transactionsRoot, receiptsRoot, block.number],
      ...[
        block.gasUsed,
        block.gasLimit,
        block.timestamp,
        block.difficulty,
        block.totalDifficulty ?? 0,
        block.size,
        block.baseFeePerGas,
      ],
    ].map(String),
  )
  await command('balance', 'ethereum.balance', chain.buyer(5).address)
  const at = await chain.client.getBlockNumber()
  expect(await headText(indexer, 'balance')).toBe(
    String(await chain.client.getBalance({ address: chain.buyer(5).address, blockNumber: at })),
  )
  await command('code', 'ethereum.hasCode', catalog)
  expect(await headText(indexer, 'code')).toBe('true')
  await command('no code', 'ethereum.hasCode', chain.buyer(5).address)
  expect(await headText(indexer, 'no code')).toBe('false')
  await indexer.stop()
})

test('contracts are called at the block of the event, and calls that revert say so', async () => {
  const indexer = await begin('calling')
  const emitter = chain.buyer(6).address
  const allow = (isAllowed: boolean) =>
    chain.write({
      address: catalog,
      abi: catalogAbi,
      functionName: 'setEmitter',
      args: [emitter, isAllowed],
      account: chain.deployer,
    })
  await chain.setAutomine(true)
  await command('before', 'ethereum.call', emitter)
  await allow(true)
  await command('allowed', 'ethereum.call', emitter)
  await allow(false)
  await command('after', 'ethereum.call', emitter)
  await command('no contract', 'ethereum.tryCall', emitter, chain.buyer(5).address)
  await command('no function', 'ethereum.tryMissing', emitter)
  await indexer.untilBlock(await chain.client.getBlockNumber())
  expect(await texts(indexer)).toMatchObject({
    before: 'false',
    allowed: 'true',
    after: 'false',
    'no contract': 'reverted',
    'no function': 'reverted',
  })
  await indexer.stop()
})

test('a handler that asks for it gets the receipt', async () => {
  const indexer = await begin('receipts')
  await command('toggled', 'state')
  const [{ args }] = await chain.client.getContractEvents({
    address: catalog,
    abi: catalogAbi,
    eventName: 'ClipRegistered',
  })
  await chain.write({ address: catalog, abi: catalogAbi, functionName: 'toggleClip', args: [args.clipHash!, false] })
  expect(await headText(indexer, 'receipt')).toBe('1 same transaction 1 2 same address gas 256')
  await indexer.stop()
})

test('a source created by a handler sees its whole block and what follows, and goes with its block', async () => {
  await chain.setAutomine(false)
  const register = (id: string, name: string, ...operands: string[]) => {
    const clip = {
      grc20WorkId: name,
      spotifyTrackId: id,
      clipStartMs: clips++,
      clipEndMs: 90_000,
      metadataUri: operands.join('|'),
    }
    const { operator } = chain
    return chain
      .walletOf(operator)
      .writeContract({ address: catalog, abi: catalogAbi, functionName: 'registerClip', args: [clip], gas: 1_000_000n })
  }
  await register('earlier', 'state')
  await register('creator', 'source.create', catalog, 'A')
  await register('again', 'source.create', catalog, 'A')
  await register('later', 'state')
  await chain.mine()
  await chain.setAutomine(true)
  await command('next', 'state')

  const indexer = await begin('creating')
  const large = `${2n ** 128n} 0x00ff:`
  expect(await headText(indexer, 'created A')).toBe(`${large} earlier creator again later next`)
  await indexer.stop()
  const reopened = await begin('creating')
  await command('after a restart', 'state')
  expect(await headText(reopened, 'created A')).toBe(`${large} earlier creator again later next after a restart`)
  // With the block that created it, the source goes: what follows is not for it.
  await chain.reorg(3)
  await command('on another branch', 'state')
  expect(await headText(reopened, 'on another branch')).toBe('1 on another branch 42')
  expect(await texts(reopened)).not.toHaveProperty('created A')
  await reopened.stop()
})

test('what a handler logs is logged once, however often it was run to find what it needs', async () => {
  const lines: string[] = []
  const log = createLog('debug', (line) => lines.push(line))
  await command('logged', 'source.create', catalog, 'logging')
  for (let event = 0; event < 5; event++) await command(`quiet ${event}`, 'event.transaction')
  const indexer = await begin('logging', { log })
  await indexer.untilBlock(await chain.client.getBlockNumber())
  const messages = lines
    .map((line) => JSON.parse(line).message)
    .filter((message) => message.startsWith('created quiet'))
  expect(messages).toEqual([0, 1, 2, 3, 4].map((event) => `created quiet ${event}`))
  await indexer.stop()
})

test('a handler that fails stops the deployment, says where and why, and keeps what was before', async () => {
  const indexer = await begin('failing')
  await command('good', 'state')
  const good = await indexer.untilBlock(await chain.client.getBlockNumber())
  await chain.setAutomine(false)
  const wallet = chain.walletOf(chain.operator)
  for (const [id, name] of [
    ['same block', 'state'],
    ['bad', 'fail.abort'],
  ]) {
    const clip = {
      grc20WorkId: name,
      spotifyTrackId: id,
      clipStartMs: clips++,
      clipEndMs: 90_000,
      metadataUri: 'the reason',
    }
    await wallet.writeContract({
      address: catalog,
      abi: catalogAbi,
      functionName: 'registerClip',
      args: [clip],
      gas: 1_000_000n,
    })
  }
  await chain.mine()
  await chain.setAutomine(true)
  await command('beyond', 'state')

  const failed = await indexer.until(({ state }) => state === 'failed')
  expect(failed).toMatchObject({ failedHandler: 'Probe.handleCommand', failedBlock: good.block!.number + 1 })
  expect(failed.message).toMatch(
    /Probe\.handleCommand failed at block \d+, log 1 of transaction 0x.*: it aborted.*the reason/,
  )
  expect(failed.block).toEqual(good.block)
  expect(Object.keys(await texts(indexer))).toContain('good')
  for (const id of ['same block', 'bad', 'before failing', 'beyond'])
    expect(await texts(indexer)).not.toHaveProperty(id)

  // A restart comes to the same end; another block in its place does not.
  await indexer.stop()
  const again = await begin('failing')
  await again.until(({ state }) => state === 'failed')
  await chain.reorg(2)
  await command('on another branch', 'state')
  expect(await headText(again, 'on another branch')).toBe('1 on another branch 42')
  expect((await again.deployment())?.message).toBe(null)
  await again.stop()
})
