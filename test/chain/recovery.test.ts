import { setTimeout as delay } from 'node:timers/promises'
import { type Hex, parseEventLogs, parseGwei, type TransactionReceipt } from 'viem'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { unlockAbi } from '../../contracts/unlock.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { accountOrder, lockOrder, somebody } from './orders.ts'
import { type Office, openOffice } from './sending.ts'

let chain: TestChain
let office: Office
let signal: AbortSignal
beforeEach(async () => {
  signal = AbortSignal.timeout(25_000)
  const opened = await Promise.all([startTestChain(), openOffice()])
  chain = opened[0]
  office = opened[1]
})
afterEach(async () => {
  await office.close()
  await chain.stop('SIGKILL')
})

const open = (patience = {}) => office.open({ CHAIN_RPC_URL: chain.rpcUrl }, patience)
const countAt = (blockTag: 'latest' | 'pending') =>
  chain.client.getTransactionCount({ address: chain.operator.address, blockTag })
const holderOf = async (handle: string) =>
  (
    await chain.client.readContract({
      address: chain.contracts.accounts,
      abi: accountsAbi,
      functionName: 'accountOf',
      args: [handle],
    })
  )[1]
const lockIn = (receipt: TransactionReceipt) =>
  parseEventLogs({ abi: unlockAbi, eventName: 'NewLock', logs: receipt.logs })[0].args.newLockAddress
const statuses = async () => (await office.stored()).map(({ status }) => status)

/** Repeats what a worker does every few seconds, until the records say that all is mined. */
async function settle(patience = {}): Promise<void> {
  const { reconcile } = open(patience)
  while ((await statuses()).includes('pending')) {
    await reconcile({ signal })
    await delay(20)
  }
}

test('transactions that a re-org drops are sent again, the same bytes, and locks get the same addresses', async () => {
  const { clips, reconcile } = open()
  await clips.send(accountOrder('before-it'), { signal })
  const lock = await clips.send(lockOrder('reorganised'), { signal })
  await clips.send(accountOrder('after-it'), { signal })
  const before = await office.stored()
  await chain.reorg(2)
  expect(await countAt('latest')).toBe(1)

  await reconcile({ signal })
  await settle()
  const after = await office.stored()
  expect(after.map(({ hash, nonce, status }) => ({ hash, nonce, status }))).toEqual(
    before.map(({ hash, nonce }) => ({ hash, nonce, status: 'mined' })),
  )
  expect(after[1].block_hash).not.toBe(before[1].block_hash)
  const again = await clips.send(lockOrder('reorganised'), { signal })
  expect([again.transactionHash, lockIn(again)]).toEqual([lock.transactionHash, lockIn(lock)])
  expect(await holderOf('after-it')).toBe(somebody)
  expect(office.lines.join()).toContain('the chain has lost transactions')
})

test('a transaction that a re-org moves to another block is recorded with that block', async () => {
  const { clips, reconcile } = open()
  await chain.setAutomine(false)
  const sent = clips.send(accountOrder('moved'), { signal })
  while ((await countAt('pending')) === 0) await delay(5)
  await chain.mine()
  await sent
  const [before] = await office.stored()
  const { raw } = (await office.client.pool.query<{ raw: Hex }>('select raw from chain_transactions')).rows[0]
  await chain.rpc('anvil_reorg', [2, [[raw, 1]]])
  expect(await countAt('latest')).toBe(1)
  await reconcile({ signal })
  const [after] = await office.stored()
  expect(after).toMatchObject({ status: 'mined', hash: before.hash })
  expect(after.block_hash).not.toBe(before.block_hash)
})

test('a chain that came back older gets everything it lost from whoever sends next', async () => {
  const { clips } = open()
  await clips.send(accountOrder('kept'), { signal })
  const older = await chain.snapshot()
  const locks = []
  for (const name of ['one', 'two', 'three']) locks.push(lockIn(await clips.send(lockOrder(name), { signal })))
  await chain.revert(older)
  expect(await countAt('latest')).toBe(1)

  await open().clips.send(accountOrder('newer'), { signal })
  await settle()
  expect(await countAt('latest')).toBe(5)
  for (const [index, name] of ['one', 'two', 'three'].entries()) {
    expect(lockIn(await clips.send(lockOrder(name), { signal }))).toBe(locks[index])
  }
  const last = await clips.send(lockOrder('four'), { signal })
  expect(locks).not.toContain(lockIn(last))
})

test('an order that is given again after the chain lost it is mined again', async () => {
  const { clips } = open()
  const older = await chain.snapshot()
  const first = await clips.send(accountOrder('lost'), { signal })
  await chain.revert(older)
  const second = await clips.send(accountOrder('lost'), { signal })
  expect(second.transactionHash).toBe(first.transactionHash)
  expect(await holderOf('lost')).toBe(somebody)
})

test('a transaction that nobody mines is replaced with a higher fee, and only one of the two is ever mined', async () => {
  const { clips } = open({ stuckMs: 100, resyncMs: 50 })
  await chain.setAutomine(false)
  const sent = clips.send(accountOrder('stuck'), { signal })
  while (((await office.stored())[0]?.hashes.length ?? 0) < 3) await delay(10)
  await chain.mine()
  const receipt = await sent
  const [row] = await office.stored()
  expect(row).toMatchObject({ status: 'mined', nonce: 0, hash: receipt.transactionHash })
  expect(row.hashes).toContain(receipt.transactionHash)
  expect(await countAt('latest')).toBe(1)
  await chain.mine()
  expect(await countAt('pending')).toBe(1)
})

test('a transaction whose fee is below a risen base fee is replaced at once', async () => {
  const { clips } = open({ resyncMs: 50 })
  await chain.setAutomine(false)
  const sent = clips.send(accountOrder('cheap'), { signal })
  while ((await countAt('pending')) === 0) await delay(5)
  await chain.rpc('anvil_dropAllTransactions')
  await chain.rpc('anvil_setNextBlockBaseFeePerGas', [`0x${parseGwei('500').toString(16)}`])
  await chain.mine()
  await chain.setAutomine(true)
  const { effectiveGasPrice } = await sent
  expect(effectiveGasPrice).toBeGreaterThan(parseGwei('300'))
  expect((await office.stored())[0].hashes).toHaveLength(2)
})

test('an order whose nonce somebody else used with the same key takes the next one', async () => {
  const { clips } = open({ resyncMs: 50, displacedMs: 200 })
  await chain.setAutomine(false)
  const sent = clips.send(accountOrder('displaced'), { signal })
  while ((await countAt('pending')) === 0) await delay(5)
  await chain.rpc('anvil_dropAllTransactions')
  await chain.setAutomine(true)
  await chain.walletOf(chain.operator).sendTransaction({ to: somebody, value: 1n, nonce: 0 })
  const receipt = await sent
  expect(await office.stored()).toMatchObject([{ nonce: 1, status: 'mined', hash: receipt.transactionHash }])
  expect(await holderOf('displaced')).toBe(somebody)
})

test('a gap left by a transaction of somebody else that vanished is filled', async () => {
  const { clips } = open({ resyncMs: 50, displacedMs: 200 })
  await chain.setAutomine(false)
  const foreign = await chain.walletOf(chain.operator).sendTransaction({ to: somebody, value: 1n })
  const sent = clips.send(accountOrder('after-a-gap'), { signal })
  while ((await countAt('pending')) < 2) await delay(5)
  await chain.rpc('anvil_dropTransaction', [foreign])
  await chain.setAutomine(true)
  await sent
  await settle()
  expect(await office.stored()).toMatchObject([
    { nonce: 0, idempotency_key: expect.stringMatching(/^gap:31337:0x/), status: 'mined' },
    { nonce: 1, idempotency_key: 'account after-a-gap', status: 'mined' },
  ])
})

test('a transaction that reverts when it is sent again to a chain that lost it uses its nonce all the same', async () => {
  const { clips } = open()
  const older = await chain.snapshot()
  await clips.send(accountOrder('only-then'), { signal })
  await clips.send(accountOrder('and-later'), { signal })
  await chain.revert(older)
  // On the older chain the handle goes to somebody else first.
  const { accounts } = chain.contracts
  const allow = { address: accounts, abi: accountsAbi, functionName: 'setWriter', account: chain.deployer } as const
  await chain.write({ ...allow, args: [chain.buyer(0).address, true] })
  await chain.write({
    address: accounts,
    abi: accountsAbi,
    functionName: 'createAccount',
    args: [chain.buyer(0).address, 'only-then', ''],
    account: chain.buyer(0),
  })
  await open().reconcile({ signal })
  await settle()
  expect(await statuses()).toEqual(['reverted', 'mined'])
  expect(await holderOf('and-later')).toBe(somebody)
})

test('transactions of a key that was replaced are still seen through', async () => {
  await chain.setAutomine(false)
  const abort = new AbortController()
  const sent = open().clips.send(accountOrder('old-key'), { signal: abort.signal })
  while ((await countAt('pending')) === 0) await delay(5)
  abort.abort()
  await sent.catch(() => undefined)
  await chain.rpc('anvil_dropAllTransactions')
  await chain.setAutomine(true)
  const changed = office.open({ CHAIN_RPC_URL: chain.rpcUrl, PRIVATE_KEY: `0x${'01'.repeat(32)}` })
  while ((await statuses()).includes('pending')) await changed.reconcile({ signal })
  expect(await holderOf('old-key')).toBe(somebody)
})

test('a chain that was begun anew is told from the recorded one, and takes everything over when asked to', async () => {
  const { clips } = open()
  await clips.send(accountOrder('of-old'), { signal })
  const lock = lockIn(await clips.send(lockOrder('of-old'), { signal }))
  const port = Number(new URL(chain.rpcUrl).port)
  await chain.stop('SIGKILL')
  chain = await startTestChain({ port, deploy: false, flags: ['--timestamp', '1700000000'] })

  await expect(clips.send(accountOrder('of-new'), { signal })).rejects.toMatchObject({
    kind: 'BLOCKED',
    message: expect.stringMatching(
      /chain 31337 is not the one .* its block 0 was .* update chains set genesis_hash = null/,
    ),
  })
  await expect(open().reconcile({ signal })).rejects.toThrow(/is not the one/)

  await office.client.pool.query('update chains set genesis_hash = null where chain_id = 31337')
  await open().reconcile({ signal })
  await settle()
  expect(await holderOf('of-old')).toBe(somebody)
  expect(lockIn(await clips.send(lockOrder('of-old'), { signal }))).toBe(lock)
  await clips.send(accountOrder('of-new'), { signal })
})
