import { parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { beforeAll, expect, test } from 'vitest'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import { Blocked } from '../../worker/errors.ts'
import type { ProviderDeps } from '../../worker/providers/capability.ts'
import { Lock, type LockRequest } from '../../worker/providers/locks/contract.ts'
import { locks as capability } from '../../worker/providers/locks/index.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'
import { localChain } from './local-chain.ts'

const { signal } = new AbortController()
let chain: TestChain
beforeAll(async () => {
  chain = await startTestChain()
})

function embedded(environment: Record<string, string> = {}) {
  const clips = localChain(chain)
  const locks = localChain(chain)
  const deps: ProviderDeps = { ...testDeps(), chains: () => ({ clips, locks }) }
  return { locks: chosen(capability, environment, deps), sent: locks.orders, elsewhere: clips.orders }
}
const requestOf = (more: Partial<LockRequest> = {}): LockRequest => ({
  name: 'Mika – karaoke',
  creator: privateKeyToAccount(generatePrivateKey()).address,
  priceWei: parseEther('0.0006'),
  durationSeconds: 2_592_000,
  maxKeys: 1_000,
  idempotencyKey: 'key',
  signal,
  ...more,
})
const readOf = (address: string) => {
  const lock = { address: address as `0x${string}`, abi: publicLockAbi } as const
  return <
    Name extends 'name' | 'keyPrice' | 'expirationDuration' | 'maxNumberOfKeys' | 'tokenAddress' | 'publicLockVersion',
  >(
    functionName: Name,
  ) => chain.client.readContract({ ...lock, functionName })
}

test("a lock is one of Unlock's own, with these terms, managed by the artist's wallet", async () => {
  const { locks, sent, elsewhere } = embedded()
  const request = requestOf()
  const made = Lock.parse(await locks.deploy(request))
  const block = await chain.client.getBlock()
  expect(made).toEqual({
    address: expect.stringMatching(/^0x[0-9a-fA-F]{40}$/),
    chainId: chain.chainId,
    priceWei: '600000000000000',
    currency: 'ETH',
    durationSeconds: 2_592_000,
    maxKeys: 1_000,
    txHash: block.transactions[0],
    deployedAt: new Date(Number(block.timestamp) * 1000).toISOString(),
  })
  const read = readOf(made.address)
  expect(await read('name')).toBe('Mika – karaoke')
  expect(await read('keyPrice')).toBe(600_000_000_000_000n)
  expect(await read('tokenAddress')).toBe('0x0000000000000000000000000000000000000000')
  expect(await read('publicLockVersion')).toBe(15)
  const isManager = (account: `0x${string}`) =>
    chain.client.readContract({
      address: made.address as `0x${string}`,
      abi: publicLockAbi,
      functionName: 'isLockManager',
      args: [account],
    })
  expect([await isManager(request.creator), await isManager(chain.operator.address)]).toEqual([true, false])
  const known = await chain.client.readContract({
    address: chain.contracts.unlock,
    abi: unlockAbi,
    functionName: 'locks',
    args: [made.address as `0x${string}`],
  })
  expect(known[0]).toBe(true)
  expect([sent.length, elsewhere.length]).toEqual([1, 0])
})

test('the same key is the same lock, and another key is another lock', async () => {
  const { locks } = embedded({ LOCK_CURRENCY: 'GHO' })
  const request = requestOf()
  const first = await locks.deploy(request)
  expect(first.currency).toBe('GHO')
  expect(await locks.deploy(request)).toEqual(first)
  expect((await locks.deploy({ ...request, idempotencyKey: 'another' })).address).not.toBe(first.address)
})

test('a key can be bought at the price, and opens for as long as the lock says', async () => {
  const { locks } = embedded()
  const { address, priceWei } = await locks.deploy(requestOf({ durationSeconds: 60, idempotencyKey: 'bought' }))
  const buyer = chain.buyer(0)
  const zero = '0x0000000000000000000000000000000000000000'
  const lock = { address: address as `0x${string}`, abi: publicLockAbi } as const
  const args = [[BigInt(priceWei)], [buyer.address], [zero], [zero], ['0x']] as const
  await chain.write({ ...lock, functionName: 'purchase', args, value: BigInt(priceWei), account: buyer } as never)
  const holds = () => chain.client.readContract({ ...lock, functionName: 'getHasValidKey', args: [buyer.address] })
  expect(await holds()).toBe(true)
  await chain.increaseTime(61)
  expect(await holds()).toBe(false)
})

test('an order that makes no lock is said, without the address of the node', async () => {
  const lost = localChain({ ...chain, contracts: { ...chain.contracts, unlock: chain.buyer(3).address } })
  const deps: ProviderDeps = { ...testDeps(), chains: () => ({ clips: lost, locks: lost }) }
  const fault = await chosen(capability, {}, deps)
    .deploy(requestOf())
    .catch((error: Error) => error)
  expect(fault).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(`${fault}`).not.toContain('127.0.0.1')
})

test('without a chain nothing is deployed, and the reason says so', () => {
  const none = () => {
    throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
  }
  const locks = chosen(capability, {}, { ...testDeps(), chains: none })
  expect(locks.unavailableReason).toBe('no chain is configured: CHAIN_RPC_URL is off')
})
