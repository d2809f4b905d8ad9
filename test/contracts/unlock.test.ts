import {
  type Address,
  encodeFunctionData,
  type Hex,
  parseEther,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import type { HDAccount } from 'viem/accounts'
import { beforeAll, expect, test } from 'vitest'
import { publicLockAbi as abi, LOCK_VERSION, publicLockBytecode, unlockAbi } from '../../contracts/unlock.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { revertOf } from './deployed.ts'

const PRICE_WEI = parseEther('0.0006')
const DAY_SECONDS = 86_400n
const DURATION_SECONDS = 30n * DAY_SECONDS
const NOBODY = zeroAddress

let chain: TestChain

beforeAll(async () => {
  chain = await startTestChain()
})

const artist = () => chain.buyer(0)
const fan = () => chain.buyer(1)
const friend = () => chain.buyer(2)

async function createLock(version = LOCK_VERSION, name = 'A song'): Promise<Address> {
  const args = [artist().address, DURATION_SECONDS, zeroAddress, PRICE_WEI, 1_000n, name] as const
  const data = encodeFunctionData({ abi, functionName: 'initialize', args })
  const factory = { address: chain.contracts.unlock, abi: unlockAbi } as const
  const create = { ...factory, functionName: 'createUpgradeableLockAtVersion', args: [data, version] } as const
  const { logs } = await chain.write({ ...create, account: artist() })
  const [created] = parseEventLogs({ abi: unlockAbi, eventName: 'NewLock', logs })
  expect(created.args.lockOwner).toBe(artist().address)
  return created.args.newLockAddress
}

/** One lock, as its callers see it. */
function lockAt(address: Address) {
  const at = { address, abi } as const
  const read = <N extends 'getHasValidKey' | 'balanceOf' | 'totalKeys'>(functionName: N, owner: HDAccount) =>
    chain.client.readContract({ ...at, functionName, args: [owner.address] } as never)
  return {
    at,
    buy: async (buyer: HDAccount, value = PRICE_WEI) => {
      const args = [[value], [buyer.address], [NOBODY], [NOBODY], ['0x' as Hex]] as const
      const receipt = await chain.write({ ...at, functionName: 'purchase', args, value, account: buyer })
      return tokenOf(receipt)
    },
    /** Whether a key opens now, how many open and how many there are. */
    keysOf: async (owner: HDAccount) =>
      await Promise.all([read('getHasValidKey', owner), read('balanceOf', owner), read('totalKeys', owner)]),
    expiryOf: (tokenId: bigint) =>
      chain.client.readContract({ ...at, functionName: 'keyExpirationTimestampFor', args: [tokenId] }),
    ownerOf: (tokenId: bigint) => chain.client.readContract({ ...at, functionName: 'ownerOf', args: [tokenId] }),
    sale: async () =>
      await Promise.all([
        chain.client.readContract({ ...at, functionName: 'keyPrice' }),
        chain.client.readContract({ ...at, functionName: 'expirationDuration' }),
        chain.client.readContract({ ...at, functionName: 'maxNumberOfKeys' }),
        chain.client.readContract({ ...at, functionName: 'maxKeysPerAddress' }),
        chain.client.readContract({ ...at, functionName: 'tokenAddress' }),
      ]),
  }
}

const eventsOf = ({ logs }: TransactionReceipt) =>
  parseEventLogs({ abi, logs }).map(({ eventName, args }) => [eventName, args] as const)
const namesOf = (receipt: TransactionReceipt) => eventsOf(receipt).map(([name]) => name)
const tokenOf = ({ logs }: TransactionReceipt) => parseEventLogs({ abi, eventName: 'Transfer', logs })[0].args.tokenId
const now = async () => (await chain.client.getBlock()).timestamp
const OPEN = [true, 1n, 1n]
const CLOSED = [false, 0n, 1n]
const NONE = [false, 0n, 0n]

test("a lock of the factory has its artist, terms and the template's version", async () => {
  const { at, sale } = lockAt(await createLock())
  expect(await sale()).toEqual([PRICE_WEI, DURATION_SECONDS, 1_000n, 1n, zeroAddress])
  const { readContract } = chain.client
  expect(await readContract({ ...at, functionName: 'publicLockVersion' })).toBe(LOCK_VERSION)
  expect(await readContract({ ...at, functionName: 'name' })).toBe('A song')
  expect(await readContract({ ...at, functionName: 'symbol' })).toBe('KEY')
  expect(await readContract({ ...at, functionName: 'isLockManager', args: [artist().address] })).toBe(true)
  expect(await readContract({ ...at, functionName: 'isLockManager', args: [fan().address] })).toBe(false)
  expect(await readContract({ ...at, functionName: 'unlockProtocol' })).toBe(chain.contracts.unlock)
  const factory = { address: chain.contracts.unlock, abi: unlockAbi } as const
  const [isKnown] = await readContract({ ...factory, functionName: 'locks', args: [at.address] })
  expect(isKnown).toBe(true)
})

test('a key is bought, extended, and ends by time without an event', async () => {
  const { at, buy, keysOf, expiryOf } = lockAt(await createLock())
  expect(await keysOf(fan())).toEqual(NONE)
  const tokenId = await buy(fan())
  expect(await keysOf(fan())).toEqual(OPEN)
  const expiry = await expiryOf(tokenId)
  expect(expiry - (await now())).toBe(DURATION_SECONDS)
  expect(await chain.client.getBalance(at)).toBe(PRICE_WEI)
  expect(await revertOf(buy(fan()))).toEqual(['MAX_KEYS_REACHED'])

  const args = [0n, tokenId, NOBODY, '0x'] as const
  const extended = await chain.write({ ...at, functionName: 'extend', args, value: PRICE_WEI, account: fan() })
  expect(eventsOf(extended)).toContainEqual(['KeyExtended', { tokenId, newTimestamp: expiry + DURATION_SECONDS }])
  expect(await expiryOf(tokenId)).toBe(expiry + DURATION_SECONDS)

  const from = await chain.client.getBlockNumber()
  await chain.increaseTime(Number(2n * DURATION_SECONDS) + 1)
  expect(await keysOf(fan())).toEqual(CLOSED)
  expect(await chain.client.getLogs({ address: at.address, fromBlock: from + 1n })).toEqual([])
})

test('keys are bought in both forms, for others and for less than nothing', async () => {
  const { at, buy, keysOf, ownerOf } = lockAt(await createLock())
  expect(await revertOf(buy(fan(), 1n))).toEqual(['INSUFFICIENT_VALUE'])
  const gift = {
    value: PRICE_WEI,
    recipient: friend().address,
    referrer: NOBODY,
    protocolReferrer: NOBODY,
    keyManager: NOBODY,
    data: '0x',
    additionalPeriods: 1n,
  } as const
  const bought = { ...at, functionName: 'purchase', args: [[gift]], account: fan() } as const
  expect(await revertOf(chain.write({ ...bought, value: PRICE_WEI }))).toEqual(['INSUFFICIENT_VALUE'])
  const receipt = await chain.write({ ...bought, args: [[{ ...gift, value: 2n * PRICE_WEI }]], value: 2n * PRICE_WEI })
  expect(await ownerOf(tokenOf(receipt))).toBe(friend().address)
  expect(await keysOf(friend())).toEqual(OPEN)
  expect(await keysOf(fan())).toEqual(NONE)
})

test('a key is transferred with the time it has left', async () => {
  const { at, buy, keysOf, expiryOf, ownerOf } = lockAt(await createLock())
  const tokenId = await buy(fan())
  const expiry = await expiryOf(tokenId)
  const args = [fan().address, friend().address, tokenId] as const
  const receipt = await chain.write({ ...at, functionName: 'transferFrom', args, account: fan() })
  expect(eventsOf(receipt)).toContainEqual(['Transfer', { from: fan().address, to: friend().address, tokenId }])
  expect(await ownerOf(tokenId)).toBe(friend().address)
  expect([await keysOf(fan()), await keysOf(friend())]).toEqual([NONE, OPEN])
  expect(await expiryOf(tokenId)).toBe(expiry)
})

test('a cancelled key refunds and closes at once', async () => {
  const { at, buy, keysOf, expiryOf } = lockAt(await createLock())
  const tokenId = await buy(fan())
  const receipt = await chain.write({ ...at, functionName: 'cancelAndRefund', args: [tokenId], account: fan() })
  const [cancelled] = parseEventLogs({ abi, eventName: 'CancelKey', logs: receipt.logs })
  expect(cancelled.args).toMatchObject({ tokenId, owner: fan().address, sendTo: fan().address })
  expect(cancelled.args.refund).toBeGreaterThan(0n)
  expect(await chain.client.getBalance(at)).toBe(PRICE_WEI - cancelled.args.refund)
  expect(await keysOf(fan())).toEqual(CLOSED)
  expect(await expiryOf(tokenId)).toBeLessThanOrEqual(await now())
})

test('the artist grants, dates back, expires and refunds keys; nobody else does', async () => {
  const { at, keysOf, expiryOf } = lockAt(await createLock())
  const expiry = (await now()) + DAY_SECONDS
  const grant = { ...at, functionName: 'grantKeys', args: [[fan().address], [expiry], [NOBODY]] } as const
  const refused = await revertOf(chain.write({ ...grant, account: friend() }))
  expect(refused).toEqual(['ONLY_LOCK_MANAGER_OR_KEY_GRANTER'])
  const tokenId = tokenOf(await chain.write({ ...grant, account: artist() }))
  expect(await expiryOf(tokenId)).toBe(expiry)
  expect(await keysOf(fan())).toEqual(OPEN)

  const shift = { ...at, functionName: 'setKeyExpiration', args: [tokenId, expiry + DAY_SECONDS] } as const
  const shifted = eventsOf(await chain.write({ ...shift, account: artist() }))
  const change = { tokenId, prevExpiration: expiry, newExpiration: expiry + DAY_SECONDS }
  expect(shifted).toContainEqual(['ExpirationChanged', change])
  expect(await expiryOf(tokenId)).toBe(expiry + DAY_SECONDS)

  const end = { ...at, functionName: 'expireAndRefundFor', args: [tokenId, 0n], account: artist() } as const
  expect(namesOf(await chain.write(end))).toContain('CancelKey')
  expect(await keysOf(fan())).toEqual(CLOSED)
})

test('a lent key opens for the borrower until it is taken back', async () => {
  const { at, buy, keysOf, ownerOf } = lockAt(await createLock())
  const tokenId = await buy(fan())
  const lend = { ...at, functionName: 'lendKey', args: [fan().address, friend().address, tokenId] } as const
  await chain.write({ ...lend, account: fan() })
  expect([await keysOf(fan()), await keysOf(friend())]).toEqual([NONE, OPEN])
  await chain.write({ ...at, functionName: 'unlendKey', args: [fan().address, tokenId], account: fan() })
  expect(await ownerOf(tokenId)).toBe(fan().address)
  expect([await keysOf(fan()), await keysOf(friend())]).toEqual([OPEN, NONE])
})

test('price and terms change for the next buyer', async () => {
  const { at, buy, expiryOf, sale } = lockAt(await createLock())
  await buy(fan())
  const price = { ...at, functionName: 'updateKeyPricing', args: [2n * PRICE_WEI, zeroAddress] } as const
  expect(eventsOf(await chain.write({ ...price, account: artist() }))).toEqual([
    [
      'PricingChanged',
      { oldKeyPrice: PRICE_WEI, keyPrice: 2n * PRICE_WEI, oldTokenAddress: zeroAddress, tokenAddress: zeroAddress },
    ],
  ])
  const terms = { ...at, functionName: 'updateLockConfig', args: [DAY_SECONDS, 2n, 3n] } as const
  expect(eventsOf(await chain.write({ ...terms, account: artist() }))).toEqual([
    ['LockConfig', { expirationDuration: DAY_SECONDS, maxNumberOfKeys: 2n, maxKeysPerAcccount: 3n }],
  ])
  expect(await sale()).toEqual([2n * PRICE_WEI, DAY_SECONDS, 2n, 3n, zeroAddress])
  expect(await revertOf(buy(friend()))).toEqual(['INSUFFICIENT_VALUE'])
  const tokenId = await buy(friend(), 2n * PRICE_WEI)
  expect((await expiryOf(tokenId)) - (await now())).toBe(DAY_SECONDS)
  expect(await revertOf(buy(chain.operator, 2n * PRICE_WEI))).toEqual(['LOCK_SOLD_OUT'])
})

test('a lock of an older template is upgraded and keeps its keys', async () => {
  const template = await chain.send({ data: publicLockBytecode(LOCK_VERSION - 1), account: chain.deployer })
  const factory = { address: chain.contracts.unlock, abi: unlockAbi } as const
  const args = [template.contractAddress!, LOCK_VERSION - 1] as const
  await chain.write({ ...factory, functionName: 'addLockTemplate', args, account: chain.deployer })
  const { at, buy, keysOf, expiryOf, sale } = lockAt(await createLock(LOCK_VERSION - 1))
  const version = () => chain.client.readContract({ ...at, functionName: 'publicLockVersion' })
  const tokenId = await buy(fan())
  const before = [await expiryOf(tokenId), ...(await sale())]
  expect(await version()).toBe(LOCK_VERSION - 1)

  const upgrade = { ...factory, functionName: 'upgradeLock', args: [at.address, LOCK_VERSION] } as const
  expect(await revertOf(chain.write({ ...upgrade, account: fan() }))).toEqual(['Unlock__MANAGER_ONLY'])
  const { logs } = await chain.write({ ...upgrade, account: artist() })
  const [upgraded] = parseEventLogs({ abi: unlockAbi, eventName: 'LockUpgraded', logs })
  expect(upgraded.args).toEqual({ lockAddress: at.address, version: LOCK_VERSION })
  expect(await version()).toBe(LOCK_VERSION)
  expect(await keysOf(fan())).toEqual(OPEN)
  expect([await expiryOf(tokenId), ...(await sale())]).toEqual(before)
  await buy(friend())
  expect(await keysOf(friend())).toEqual(OPEN)
})
