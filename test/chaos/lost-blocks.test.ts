import { setTimeout as delay } from 'node:timers/promises'
import { encodeFunctionData, parseEther, parseEventLogs, zeroAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import type { Chain, Order } from '../../worker/chain/contract.ts'
import { unmine } from '../../worker/chain/orders.ts'
import { accounts as accountsCapability } from '../../worker/providers/accounts/index.ts'
import type { ProviderDeps } from '../../worker/providers/capability.ts'
import { locks } from '../../worker/providers/locks/index.ts'
import { lockOrder } from '../chain/orders.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { openOffice } from '../chain/sending.ts'
import { localChain } from '../providers/local-chain.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'

const { signal } = new AbortController()
const artist = privateKeyToAccount(generatePrivateKey())
const depsOf = (chain: Chain): ProviderDeps => ({ ...testDeps(), chains: () => ({ clips: chain, locks: chain }) })
const lockRequest = {
  name: 'Mika – karaoke',
  creator: artist.address,
  priceWei: parseEther('0.0006'),
  durationSeconds: 2_592_000,
  maxKeys: 1_000,
  idempotencyKey: 'lock',
  signal,
}
const accountRequest = {
  handles: ['mika-ks1'],
  metadataUri: 'ipfs://description',
  owner: { address: artist.address, sign: (message: string) => artist.signMessage({ message }) },
  idempotencyKey: 'account',
  signal,
}

let chain: TestChain
beforeEach(async () => {
  chain = await startTestChain()
  onTestFinished(() => chain.stop('SIGKILL'))
})

/** A chain that loses what it has mined, once, before it can be asked about it. */
async function losing(): Promise<Chain> {
  const local = localChain(chain)
  const before = await chain.snapshot()
  return {
    ...local,
    async send(order, options) {
      const receipt = await local.send(order, options)
      await chain.revert(before)
      return receipt
    },
  }
}

test('an account that the chain has lost since it was made is asked for again, and not taken for one of nobody', async () => {
  await expect(chosen(accountsCapability, {}, depsOf(await losing())).create(accountRequest)).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
    retryable: true,
  })
})

test('a lock that the chain has lost since it was deployed is asked for again', async () => {
  await expect(chosen(locks, {}, depsOf(await losing())).deploy(lockRequest)).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
    retryable: true,
  })
})

test('a key to a lock that the chain has lost is bought at another attempt', async () => {
  const nowhere = privateKeyToAccount(generatePrivateKey()).address
  const holding = chosen(locks, {}, depsOf(localChain(chain))).holdKey(nowhere, {
    mostWei: lockRequest.priceWei,
    idempotencyKey: 'key',
    signal,
  })
  await expect(holding).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE', retryable: true })
})

test('a lock whose terms were never read says them also after the chain has lost the states of past blocks', async () => {
  const local = localChain(chain)
  const lock = await chosen(locks, {}, depsOf(local)).deploy(lockRequest)
  await chain.mine(3)
  const forgetful = await startTestChain({ deploy: false })
  await forgetful.rpc('anvil_loadState', [await chain.rpc('anvil_dumpState', [false])])
  const read = { address: lock.address as `0x${string}`, data: '0x' } as const
  const { blockNumber } = await forgetful.client.getTransactionReceipt({ hash: lock.txHash as `0x${string}` })
  await expect(forgetful.client.call({ ...read, to: read.address, blockNumber })).rejects.toThrow('BlockOutOfRange')
  // The order is known to the chain: the same key is the same lock.
  const later: Chain = { ...local, reader: localChain(forgetful).reader }
  expect(await chosen(locks, {}, depsOf(later)).deploy(lockRequest)).toEqual(lock)
})

/** A key to a lock of the tests' orders. */
const keyOrder = (lock: `0x${string}`): Order => ({
  idempotencyKey: 'key',
  description: 'buy a key',
  to: lock,
  data: encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'purchase',
    args: [[1n], [chain.operator.address], [zeroAddress], [zeroAddress], ['0x']],
  }),
  value: 1n,
})
const keysOf = (lock: `0x${string}`) =>
  chain.client.readContract({
    address: lock,
    abi: publicLockAbi,
    functionName: 'balanceOf',
    args: [chain.operator.address],
  })

/** A lock that was deployed, and where the chain was before. */
async function deployLock() {
  const office = await openOffice()
  const proxy = await startRpcProxy(chain.rpcUrl)
  onTestFinished(async () => {
    await office.close()
    await proxy.close()
  })
  const { catalog, accounts, wallets, space, unlock } = chain.contracts
  const { clips } = office.open({
    CHAIN_RPC_URL: proxy.url,
    // As on a chain that contracts were not deployed to by Refrain itself.
    CATALOG_ADDRESS: catalog,
    ACCOUNTS_ADDRESS: accounts,
    WALLETS_ADDRESS: wallets,
    SPACE_ADDRESS: space,
    UNLOCK_ADDRESS: unlock,
  })
  const before = await chain.snapshot()
  const { logs } = await clips.send(lockOrder('lost'), { signal })
  const lock = parseEventLogs({ abi: unlockAbi, eventName: 'NewLock', logs })[0].args.newLockAddress
  return { office, proxy, clips, before, lock }
}

test('an order whose contract the chain loses while the gas is asked for is asked for again, and done', async () => {
  const { proxy, clips, before, lock } = await deployLock()
  let isReverted: Promise<void> | undefined
  proxy.onAsked((method) => {
    // After everything else that is asked at first, before the lost question is asked again.
    if (method === 'eth_estimateGas') isReverted ??= delay(80).then(() => chain.revert(before))
  })
  proxy.inject('eth_estimateGas', 'lose the question')
  expect((await clips.send(keyOrder(lock), { signal })).status).toBe('success')
  await isReverted
  expect(await keysOf(lock)).toBe(1n)
})

test('an order whose contract is lost and not yet mined again waits for it', async () => {
  const { office, clips, before, lock } = await deployLock()
  await chain.revert(before)
  // As found in the middle of another process's recovery.
  await unmine(office.client.database, [lockOrder('lost').idempotencyKey])
  expect((await clips.send(keyOrder(lock), { signal })).status).toBe('success')
  expect(await keysOf(lock)).toBe(1n)
})
