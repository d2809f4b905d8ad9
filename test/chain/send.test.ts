import { setTimeout as delay } from 'node:timers/promises'
import { type Address, encodeFunctionData, parseEther, parseGwei } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { accountOrder, somebody } from './orders.ts'
import { type RpcProxy, startRpcProxy } from './rpc-proxy.ts'
import { type Office, openOffice, sendElsewhere } from './sending.ts'

let chain: TestChain
let office: Office
let proxy: RpcProxy
let signal: AbortSignal
beforeAll(async () => {
  chain = await startTestChain()
})
beforeEach(async () => {
  signal = AbortSignal.timeout(20_000)
  office = await openOffice()
  proxy = await startRpcProxy(chain.rpcUrl)
})
afterEach(async () => {
  await chain.setAutomine(true)
  await proxy.close()
  await office.close()
})
afterAll(() => chain.stop())

const nonce = () => chain.client.getTransactionCount({ address: chain.operator.address })
const holderOf = async (handle: string) =>
  (
    await chain.client.readContract({
      address: chain.contracts.accounts,
      abi: accountsAbi,
      functionName: 'accountOf',
      args: [handle],
    })
  )[1]

test('an order given by several processes at once, many times each, is one transaction', async () => {
  const before = await nonce()
  const here = [office.open({ CHAIN_RPC_URL: chain.rpcUrl }), office.open({ CHAIN_RPC_URL: chain.rpcUrl })]
  const elsewhere = [1, 2].map(() =>
    sendElsewhere({ databaseUrl: office.database.url, rpcUrl: chain.rpcUrl, handles: ['once', 'once', 'once'] }),
  )
  const receipts = await Promise.all(
    [...here, ...here].map(({ clips }) => clips.send(accountOrder('once'), { signal })),
  )
  const hashes = [
    ...receipts.map(({ transactionHash }) => transactionHash),
    ...(await Promise.all(elsewhere.map((process) => process.hashes))).flat(),
  ]
  expect(hashes).toHaveLength(10)
  expect(new Set(hashes).size).toBe(1)
  expect(await nonce()).toBe(before + 1)
  expect(receipts[0]).toMatchObject({ status: 'success', logs: [expect.anything()] })
  expect(await holderOf('once')).toBe(somebody)
})

test('many orders of several processes at once take consecutive nonces and are all mined', async () => {
  const before = await nonce()
  const named = (name: string) => Array.from({ length: 15 }, (_, index) => `${name}-${index}`)
  const elsewhere = ['first', 'second'].map((name) =>
    sendElsewhere({ databaseUrl: office.database.url, rpcUrl: chain.rpcUrl, handles: named(name) }),
  )
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const receipts = await Promise.all(named('third').map((handle) => clips.send(accountOrder(handle), { signal })))
  const hashes = (await Promise.all(elsewhere.map((process) => process.hashes))).flat()
  expect(new Set([...hashes, ...receipts.map(({ transactionHash }) => transactionHash)]).size).toBe(45)
  const stored = await office.stored()
  expect(stored.map((row) => row.nonce)).toEqual(Array.from({ length: 45 }, (_, index) => before + index))
  expect(stored.every(({ status }) => status === 'mined')).toBe(true)
  expect(await nonce()).toBe(before + 45)
})

test('an order with the key of another one is a conflict, and nothing is sent', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  await clips.send(accountOrder('taken-key'), { signal })
  const before = await nonce()
  const other = { ...accountOrder('other-content'), idempotencyKey: 'account taken-key' }
  await expect(clips.send(other, { signal })).rejects.toMatchObject({
    kind: 'CONFLICT',
    message: expect.stringMatching(/account taken-key exists with other content \(data\)/),
  })
  expect(await nonce()).toBe(before)
})

test('a process killed between storing and sending leaves an order that is sent with the same bytes', async () => {
  const before = await nonce()
  const killed = sendElsewhere({ databaseUrl: office.database.url, rpcUrl: proxy.url, handles: ['unsent'] })
  proxy.inject('eth_sendRawTransaction', 'lose the question')
  const died = new Promise((resolve) => killed.child.once('exit', resolve))
  proxy.onAsked((method) => {
    if (method === 'eth_sendRawTransaction') killed.child.kill('SIGKILL')
  })
  await died
  const [left] = await office.stored()
  expect(left).toMatchObject({ status: 'pending', nonce: before })
  expect(await nonce()).toBe(before)

  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const { transactionHash } = await clips.send(accountOrder('unsent'), { signal })
  expect(transactionHash).toBe(left.hash)
  expect(await nonce()).toBe(before + 1)
})

test('what a killed process left unsent does not hold up the next order, and is sent before it', async () => {
  const killed = sendElsewhere({ databaseUrl: office.database.url, rpcUrl: proxy.url, handles: ['in-the-way'] })
  proxy.inject('eth_sendRawTransaction', 'lose the question')
  const died = new Promise((resolve) => killed.child.once('exit', resolve))
  proxy.onAsked((method) => {
    if (method === 'eth_sendRawTransaction') killed.child.kill('SIGKILL')
  })
  await died
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  await clips.send(accountOrder('behind-it'), { signal })
  await office.open({ CHAIN_RPC_URL: chain.rpcUrl }).reconcile({ signal })
  expect(await holderOf('in-the-way')).toBe(somebody)
  expect((await office.stored()).map(({ status }) => status)).toEqual(['mined', 'mined'])
})

test('a process killed after sending, before the answer, has sent once', async () => {
  const before = await nonce()
  const killed = sendElsewhere({ databaseUrl: office.database.url, rpcUrl: proxy.url, handles: ['unanswered'] })
  proxy.inject('eth_sendRawTransaction', 'lose the answer')
  const died = new Promise((resolve) => killed.child.once('exit', resolve))
  proxy.onAsked((method) => {
    if (
      proxy.asked.filter((one) => one === 'eth_sendRawTransaction').length > 1 ||
      method === 'eth_getTransactionReceipt'
    ) {
      if (proxy.asked.includes('eth_sendRawTransaction')) killed.child.kill('SIGKILL')
    }
  })
  await died
  expect(await nonce()).toBe(before + 1)
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const { transactionHash } = await clips.send(accountOrder('unanswered'), { signal })
  const [row] = await office.stored()
  expect(row).toMatchObject({ hash: transactionHash, status: 'mined' })
  expect(await nonce()).toBe(before + 1)
})

test('lost answers, refusals for now, nonsense and lies of the node change nothing about sending once', async () => {
  const before = await nonce()
  const { clips } = office.open({ CHAIN_RPC_URL: proxy.url }, { pollMs: 5, resyncMs: 50 }, { timeoutMs: 500 })
  proxy.inject('eth_chainId', { status: 503 }, { status: 429, headers: { 'retry-after': '0' } })
  proxy.inject('eth_getTransactionCount', 'lose the answer')
  proxy.inject('eth_estimateGas', 'lose the question', 'hang')
  proxy.inject('eth_sendRawTransaction', 'lose the answer', 'lose the answer')
  proxy.inject('eth_getTransactionReceipt', { result: null }, { result: null }, { status: 500 }, { result: null })
  const { transactionHash, logs } = await clips.send(accountOrder('bad-weather'), { signal })
  expect(logs).toHaveLength(1)
  expect(await nonce()).toBe(before + 1)
  expect(await office.stored()).toMatchObject([{ hash: transactionHash, status: 'mined' }])
})

test.each([
  [
    'a receipt of another transaction',
    'eth_getTransactionReceipt',
    { transactionHash: `0x${'12'.repeat(32)}`, status: '0x1' },
  ],
  ['a receipt that is a sentence', 'eth_getTransactionReceipt', 'mined, trust me'],
  ['an amount of gas that is an object', 'eth_estimateGas', {}],
  ['a count that is nothing', 'eth_getTransactionCount', null],
  ['a chain id that is a page', 'eth_chainId', '<html>Please log in</html>'],
])('%s is not believed, and the next answer is', async (_, method, result) => {
  const { clips } = office.open({ CHAIN_RPC_URL: proxy.url }, {}, { retries: 0 })
  proxy.inject(method, { result })
  await expect(clips.send(accountOrder('lied-to'), { signal })).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
  const { transactionHash } = await clips.send(accountOrder('lied-to'), { signal })
  expect(await office.stored()).toMatchObject([{ hash: transactionHash, status: 'mined' }])
})

test('an order that would revert says what the contract said and takes no nonce', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  await clips.send(accountOrder('first-come'), { signal })
  const before = await nonce()
  const late = accountOrder('first-come', chain.buyer(0).address, 'late')
  await expect(clips.send(late, { signal })).rejects.toMatchObject({
    kind: 'PROVIDER_REJECTED',
    message: expect.stringContaining(`Accounts_HandleTaken(first-come, ${somebody})`),
  })
  await expect(clips.send(accountOrder('No!', somebody, 'odd'), { signal })).rejects.toThrow(
    /Accounts_HandleInvalid\(No!\)/,
  )
  await clips.send(accountOrder('next-in-line'), { signal })
  expect((await office.stored()).map((row) => row.nonce)).toEqual([before - 1, before])
})

test('an order that is mined and reverts uses its nonce, is recorded with the reason, and holds up nobody', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const { operator, deployer, contracts } = chain
  await chain.setAutomine(false)
  const refused = accountOrder('refused')
  const [outcome, next] = [
    refused,
    { ...refused, idempotencyKey: 'plain', to: operator.address, data: '0x' } as const,
  ].map((order) => Promise.allSettled([clips.send(order, { signal })]))
  while (
    (await chain.client.getTransactionCount({ address: operator.address, blockTag: 'pending' })) <
    (await nonce()) + 2
  ) {
    await delay(5)
  }
  const forbid = { abi: spaceAbi, functionName: 'setWriter' } as const
  await chain.walletOf(deployer).sendTransaction({
    to: contracts.accounts,
    data: encodeFunctionData({ ...forbid, args: [operator.address, false] }),
    // Mined first.
    maxPriorityFeePerGas: parseGwei('50'),
    maxFeePerGas: parseGwei('100'),
  })
  await chain.setAutomine(true)
  await chain.mine()
  expect((await outcome)[0]).toMatchObject({ status: 'rejected', reason: { kind: 'PROVIDER_REJECTED' } })
  expect((await next)[0]).toMatchObject({ status: 'fulfilled' })
  const row = (await office.stored()).find(({ status }) => status === 'reverted')
  expect(row?.error).toBe(`reverted with Writers_NotWriter(${operator.address})`)

  await chain.send({
    account: deployer,
    to: contracts.accounts,
    data: encodeFunctionData({ ...forbid, args: [operator.address, true] }),
  })
  const before = await nonce()
  const told = /“create the account refused” was mined and reverted .*retry_reverted_order\('account refused'\)/
  await expect(clips.send(refused, { signal })).rejects.toThrow(told)
  expect(await nonce()).toBe(before)
  await office.client.pool.query("select retry_reverted_order('account refused')")
  await clips.send(refused, { signal })
  expect(await holderOf('refused')).toBe(somebody)
})

test('malformed orders and an aborted signal are refused before anything is signed', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const order = accountOrder('never')
  await expect(clips.send({ ...order, idempotencyKey: '' }, { signal })).rejects.toMatchObject({
    kind: 'INVALID_INPUT',
  })
  await expect(clips.send({ ...order, to: '0x12' }, { signal })).rejects.toThrow(/goes to an address/)
  await expect(clips.send({ ...order, data: '0xabc' }, { signal })).rejects.toThrow(/whole bytes/)
  await expect(clips.send({ ...order, value: -1n }, { signal })).rejects.toThrow(/at least 0 wei/)
  const reason = new Error('not any more')
  await expect(clips.send(order, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(await office.stored()).toEqual([])
})

test('a waiting order stops waiting when told to, stays stored, and is found mined later', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  await chain.setAutomine(false)
  const abort = new AbortController()
  const reason = new Error('time is up')
  const sent = clips.send(accountOrder('patience'), { signal: abort.signal })
  while ((await office.stored()).length === 0) await delay(5)
  setTimeout(() => abort.abort(reason), 100)
  await expect(sent).rejects.toBe(reason)
  await chain.setAutomine(true)
  await chain.mine()
  const { reconcile } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  await reconcile({ signal })
  expect(await office.stored()).toMatchObject([{ status: 'mined' }])
})

test('value is sent along, and an operator without funds is told how much is missing', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const to: Address = '0x00000000000000000000000000000000000000ff'
  const before = await chain.client.getBalance({ address: to })
  const gift = { idempotencyKey: 'gift', description: 'give', to, data: '0x', value: parseEther('1') } as const
  await clips.send(gift, { signal })
  expect((await chain.client.getBalance({ address: to })) - before).toBe(parseEther('1'))
  const poor = office.open({ CHAIN_RPC_URL: chain.rpcUrl, PRIVATE_KEY: `0x${'07'.repeat(32)}` })
  await chain.rpc('anvil_setBalance', [poor.clips.operator, '0x1'])
  await expect(poor.clips.send({ ...accountOrder('too-poor'), to, data: '0x' }, { signal })).rejects.toMatchObject({
    kind: 'BLOCKED',
    message: expect.stringMatching(/The operator 0x\w+ has 0\.0+1 on chain 31337, and up to .* is needed/),
  })
})
