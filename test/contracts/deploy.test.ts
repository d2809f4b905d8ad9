import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { spaceAbi } from '../../contracts/abi/space.ts'
import { deployContracts } from '../../contracts/deploy.ts'
import { DEPLOYER, embeddedAddresses } from '../../contracts/embedded.ts'
import { LOCK_VERSION, UNLOCK_VERSION, unlockAbi } from '../../contracts/unlock.ts'
import { freePort, startTestChain, type TestChain } from '../support/chain.ts'

/** Seven creations and three settings. */
const TRANSACTIONS = 10

let chain: TestChain
let empty: `0x${string}`
let relay: Awaited<ReturnType<typeof startRelay>>

beforeAll(async () => {
  chain = await startTestChain({ deploy: false })
  empty = await chain.snapshot()
  relay = await startRelay(chain.rpcUrl)
})
afterAll(async () => await relay.close())

beforeEach(async () => {
  await chain.revert(empty)
  empty = await chain.snapshot()
})

const deploy = ({
  rpcUrl = chain.rpcUrl,
  operator = chain.operator.address,
  signal = AbortSignal.timeout(20_000),
} = {}) => deployContracts({ rpcUrl, operator, signal })
const nonce = () => chain.client.getTransactionCount({ address: DEPLOYER })

/** All that a deployment promises, read from the chain. */
async function stateFor(operator: `0x${string}`) {
  const { catalog, accounts, wallets, space, unlock } = embeddedAddresses
  const { readContract } = chain.client
  const factory = { address: unlock, abi: unlockAbi } as const
  const template = await readContract({ ...factory, functionName: 'publicLockAddress' })
  return {
    unlock: await readContract({ ...factory, functionName: 'unlockVersion' }),
    unlockOwner: await readContract({ ...factory, functionName: 'owner' }),
    locks: await readContract({ ...factory, functionName: 'publicLockVersions', args: [template] }),
    symbol: await readContract({ ...factory, functionName: 'globalTokenSymbol' }),
    chainId: await readContract({ ...factory, functionName: 'chainId' }),
    owner: await readContract({ address: catalog, abi: catalogAbi, functionName: 'owner' }),
    mayWrite: await Promise.all([
      readContract({ address: catalog, abi: catalogAbi, functionName: 'isEmitter', args: [operator] }),
      ...[accounts, wallets, space].map((address) =>
        readContract({ address, abi: spaceAbi, functionName: 'isWriter', args: [operator] }),
      ),
    ]),
  }
}
const WHOLE = {
  unlock: UNLOCK_VERSION,
  unlockOwner: DEPLOYER,
  locks: LOCK_VERSION,
  symbol: 'KEY',
  chainId: 31_337n,
  owner: DEPLOYER,
  mayWrite: [true, true, true, true],
}

test('the constant addresses are where deployment puts the contracts', async () => {
  expect(await deploy()).toEqual(embeddedAddresses)
  expect(chain.deployer.address).toBe(DEPLOYER)
  for (const address of Object.values(embeddedAddresses))
    expect((await chain.client.getCode({ address }))?.length).toBeGreaterThan(100)
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
  expect(await nonce()).toBe(TRANSACTIONS)
})

test('a second deployment sends nothing', async () => {
  await deploy()
  const before = await chain.client.getBlockNumber()
  await deploy()
  expect([await nonce(), await chain.client.getBlockNumber()]).toEqual([TRANSACTIONS, before])
})

test('a deployment that is cut off before or after any transaction is continued', async () => {
  for (const isDelivered of [false, true])
    for (let sent = 0; sent < TRANSACTIONS; sent++) {
      await chain.revert(empty)
      empty = await chain.snapshot()
      relay.cutAfter(sent, isDelivered)
      await expect(deploy({ rpcUrl: relay.url })).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
      await expect.poll(nonce, { interval: 5 }).toBe(isDelivered ? sent + 1 : sent)
      await deploy()
      expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
      expect(await nonce()).toBe(TRANSACTIONS)
    }
})

test('an abort ends it, and the next deployment continues', async () => {
  relay.delayMs = 20
  const call = deploy({ rpcUrl: relay.url, signal: AbortSignal.timeout(150) })
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
  relay.delayMs = 0
  expect(await nonce()).toBeLessThan(TRANSACTIONS)
  await deploy()
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
})

test('several deployments at once do no harm', async () => {
  await Promise.all([deploy(), deploy(), deploy()])
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
})

test('deployments for two operators at once let both in', async () => {
  const other = chain.buyer(0).address
  await Promise.all([deploy(), deploy({ operator: other })])
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
  expect(await stateFor(other)).toEqual(WHOLE)
})

test('another operator is let in later, and the first one stays', async () => {
  await deploy()
  const other = chain.buyer(0).address
  expect((await stateFor(other)).mayWrite).toEqual([false, false, false, false])
  await deploy({ operator: other })
  expect((await stateFor(other)).mayWrite).toEqual([true, true, true, true])
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
})

test('settings that were changed are set right', async () => {
  await deploy()
  const { catalog, unlock } = embeddedAddresses
  const asDeployer = { account: chain.deployer } as const
  const shut = { address: catalog, abi: catalogAbi, functionName: 'setEmitter' } as const
  await chain.write({ ...shut, args: [chain.operator.address, false], ...asDeployer })
  const configure = { address: unlock, abi: unlockAbi, functionName: 'configUnlock' } as const
  await chain.write({ ...configure, args: [unlock, unlock, 0n, 'OTHER', '', 1n], ...asDeployer })
  await deploy()
  expect(await stateFor(chain.operator.address)).toEqual(WHOLE)
})

test('a chain where the deployer did something else is refused, and nothing is sent', async () => {
  await chain.send({ to: chain.operator.address, value: 1n, account: chain.deployer })
  await expect(deploy()).rejects.toMatchObject({ kind: 'CONFLICT', details: { contracts: ['catalog'] } })
  expect(await nonce()).toBe(1)
})

test('a chain with other code at one of the addresses is refused and the contract named', async () => {
  await deploy()
  await chain.rpc('anvil_setCode', [embeddedAddresses.wallets, '0x6001'])
  await expect(deploy()).rejects.toThrow(/fresh chain/)
  await expect(deploy()).rejects.toMatchObject({ kind: 'CONFLICT', details: { contracts: ['wallets'] } })
})

test('a deployer without ETH is told so', async () => {
  await chain.rpc('anvil_setBalance', [DEPLOYER, '0x0'])
  await expect(deploy()).rejects.toThrow(/expected the account 0xa0Ee.* to have ETH/)
})

test('a node that is not there is unavailable, without its URL', async () => {
  const rpcUrl = `http://127.0.0.1:${await freePort()}/secret-in-path`
  const error: unknown = await deploy({ rpcUrl }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ kind: 'PROVIDER_UNAVAILABLE', retryable: true })
  expect(String(error)).not.toContain('secret')
})

test('a chain that comes back from its state file needs no second deployment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'refrain-chain-'))
  try {
    const stateFile = `${folder}/state.json`
    const first = await startTestChain({ stateFile })
    const head = await first.client.getBlockNumber()
    await first.stop()
    const second = await startTestChain({ stateFile, port: Number(new URL(first.rpcUrl).port) })
    expect(await second.client.getBlockNumber()).toBe(head)
    await second.stop()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** Passes requests on to a node, until it breaks the connection at a transaction: before it is delivered, or after. */
async function startRelay(nodeUrl: string) {
  let cut: { left: number; isDelivered: boolean } | null = null
  const relay = { delayMs: 0 }
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const isCut = cut !== null && body.includes('eth_sendRawTransaction') && cut.left-- === 0
    if (isCut && !cut?.isDelivered) return void incoming.socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, relay.delayMs))
    const answer = await fetch(nodeUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const text = await answer.text()
    if (isCut) return void incoming.socket.destroy()
    response.setHeader('content-type', 'application/json').end(text)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return Object.assign(relay, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (left: number, isDelivered: boolean) => {
      cut = { left, isDelivered }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
