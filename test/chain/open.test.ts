import { inspect } from 'node:util'
import { BaseError, ContractFunctionRevertedError, parseEther } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { embeddedAddresses } from '../../contracts/deploy.ts'
import { devAccount } from '../../contracts/dev-accounts.ts'
import { openChains } from '../../worker/chain/open.ts'
import { createLog } from '../../worker/log.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { accountOrder } from './orders.ts'
import { startRpcProxy } from './rpc-proxy.ts'
import { type Office, openOffice } from './sending.ts'

let office: Office
let chain: TestChain
let foreign: TestChain
beforeAll(async () => {
  ;[office, chain, foreign] = await Promise.all([
    openOffice(),
    startTestChain(),
    startTestChain({ chainId: 84_532, deploy: false }),
  ])
})
afterAll(() => office.close())

const { signal } = new AbortController()
const key = `0x${'5ec4e7'.repeat(10)}5ec4` as const

test('no chain is opened when chains are off, and one that nobody named is asked for', () => {
  const options = { client: office.client, log: createLog('silent') }
  expect(openChains({ ...options, config: { CHAIN_RPC_URL: 'off' } })).toBe(null)
  expect(() => openChains({ ...options, config: {} })).toThrow(/CHAIN_RPC_URL is not set.*`off`.*npm start/)
  expect(() => openChains({ ...options, config: { CHAIN_RPC_URL: 'ftp://k3y@node' } })).toThrow(
    /the value is not shown/,
  )
})

test('clips and locks are one chain unless the locks have an address of their own', async () => {
  const same = office.open({ CHAIN_RPC_URL: chain.rpcUrl, LOCK_CHAIN_RPC_URL: `${chain.rpcUrl}/` })
  expect(same.locks).toBe(same.clips)
  const { clips, locks, reconcile } = office.open({
    CHAIN_RPC_URL: chain.rpcUrl,
    LOCK_CHAIN_RPC_URL: foreign.rpcUrl,
    PRIVATE_KEY: key,
  })
  expect([await clips.id(), await locks.id()]).toEqual([31_337, 84_532])
  await reconcile({ signal })
})

test('the key that everybody knows signs on the embedded chain only', async () => {
  const embedded = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  expect(embedded.clips.operator).toBe(devAccount(0).address)
  expect(await embedded.clips.id()).toBe(31_337)

  const other = office.open({ CHAIN_RPC_URL: foreign.rpcUrl })
  const missing = { kind: 'INVALID_INPUT', message: expect.stringMatching(/PRIVATE_KEY is not set.*its id is 84532/) }
  await expect(other.clips.id()).rejects.toMatchObject(missing)
  await expect(other.clips.send(accountOrder('nowhere'), { signal })).rejects.toMatchObject(missing)
  expect(() => office.open({ CHAIN_RPC_URL: 'https://rpc.example.org/v1' })).toThrow(
    /PRIVATE_KEY is not set.*on another machine/,
  )
  const own = office.open({ CHAIN_RPC_URL: foreign.rpcUrl, PRIVATE_KEY: key })
  expect(await own.clips.id()).toBe(84_532)
  expect(await own.clips.signMessage('hello')).toMatch(/^0x[0-9a-f]{130}$/)
})

test('addresses are known for the embedded chain; elsewhere a missing one is named when it is needed', async () => {
  const embedded = office.open({ CHAIN_RPC_URL: chain.rpcUrl, CATALOG_ADDRESS: `0x${'ab'.repeat(20)}` })
  expect({ ...embedded.clips.contracts }).toEqual({
    ...embeddedAddresses,
    catalog: '0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB',
  })
  const { clips } = office.open({
    CHAIN_RPC_URL: foreign.rpcUrl,
    PRIVATE_KEY: key,
    SPACE_ADDRESS: embeddedAddresses.space,
  })
  await clips.id()
  expect(clips.contracts.space).toBe(embeddedAddresses.space)
  expect(() => clips.contracts.unlock).toThrow(/UNLOCK_ADDRESS is not set/)
  expect(() => office.open({ CHAIN_RPC_URL: chain.rpcUrl, WALLETS_ADDRESS: '0x12' })).toThrow(
    /WALLETS_ADDRESS: expected/,
  )
})

test('a call of an address without a contract is refused, for it would succeed and do nothing', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: foreign.rpcUrl, PRIVATE_KEY: key })
  await foreign.rpc('anvil_setBalance', [clips.operator, `0x${parseEther('1').toString(16)}`])
  await expect(clips.send(accountOrder('into-the-void'), { signal })).rejects.toMatchObject({
    kind: 'BLOCKED',
    message: expect.stringMatching(/There is no contract at 0x\w{40} on chain 84532.*_ADDRESS/),
  })
})

test('what a contract refuses can be told from a node that is away, with the errors of viem', async () => {
  const { clips } = office.open({ CHAIN_RPC_URL: chain.rpcUrl })
  const refused = clips.reader.simulateContract({
    address: embeddedAddresses.accounts,
    abi: accountsAbi,
    functionName: 'setWriter',
    args: [clips.operator, true],
    account: clips.operator,
  })
  const error = await refused.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(BaseError)
  const revert = (error as BaseError).walk((one) => one instanceof ContractFunctionRevertedError)
  expect(revert).toMatchObject({ data: { errorName: 'Owned_NotOwner' } })
})

test('neither the private key nor what the address of the node holds is in any error or log', async () => {
  const proxy = await startRpcProxy(chain.rpcUrl, '/v3/k3y-in-the-path?apikey=k3y-in-the-query')
  const url = proxy.url.replace('//', '//us3r-name:pa55-word@')
  const { clips } = office.open({ CHAIN_RPC_URL: url, PRIVATE_KEY: key }, {}, { retries: 0, timeoutMs: 300 })
  const read = () =>
    clips.reader.readContract({ address: embeddedAddresses.catalog, abi: catalogAbi, functionName: 'owner' })
  const shown: string[] = []
  const faults = [
    'lose the question',
    'hang',
    { status: 401 },
    { status: 500 },
    { status: 200, body: 'no JSON: /v3/k3y-in-the-path' },
  ] as const
  for (const fault of faults) {
    for (const [method, ask] of [
      ['eth_call', read],
      [
        'eth_chainId',
        () => office.open({ CHAIN_RPC_URL: url, PRIVATE_KEY: key }, {}, { retries: 0, timeoutMs: 300 }).clips.id(),
      ],
      ['eth_getBlockByNumber', () => clips.send(accountOrder('unseen'), { signal })],
    ] as const) {
      proxy.inject(method, fault)
      const error = await ask().then(
        () => expect.unreachable(`${method} should have failed`),
        (thrown: unknown) => thrown,
      )
      shown.push(inspect(error, { depth: 10, showHidden: true }))
      createLog('debug', (line) => shown.push(line)).error('it failed', { error })
    }
  }
  await proxy.close()
  const away = await clips.send(accountOrder('unseen'), { signal }).catch((thrown: unknown) => thrown)
  expect(away).toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
    message: expect.stringMatching(/^chain: the node does not answer \((ECONNREFUSED|UND_ERR_SOCKET|ECONNRESET)\)$/),
  })
  shown.push(inspect(away, { depth: 10, showHidden: true }))
  expect(() => office.open({ CHAIN_RPC_URL: url, PRIVATE_KEY: `${key}00` })).toThrow(/PRIVATE_KEY is not a private key/)
  try {
    office.open({ CHAIN_RPC_URL: url, PRIVATE_KEY: `${key}00` })
  } catch (error) {
    shown.push(inspect(error, { depth: 10, showHidden: true }))
  }
  const { rows } = await office.client.pool.query('select * from chain_transactions')
  const everything = [...shown, ...office.lines, JSON.stringify(rows)].join('\n')
  expect(shown.length).toBeGreaterThan(30)
  expect(everything).not.toMatch(/k3y-in|us3r-name|pa55-word|5ec4e75ec4/i)
})
