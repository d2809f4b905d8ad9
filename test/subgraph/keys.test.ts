import { maxUint256, parseAbi, parseEventLogs, zeroAddress } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publicLockAbi } from '../../contracts/unlock.ts'
import type { TestChain } from '../support/chain.ts'
import type { IndexedChain } from './indexed-chain.ts'
import { DAY, kinds, type LockChain, lockV9Abi, lower, openLockChain, PRICE } from './lock-chain.ts'

let locks: LockChain
let chain: TestChain
let indexed: IndexedChain

beforeAll(async () => {
  locks = await openLockChain()
  ;({ chain, indexed } = locks)
})

afterAll(() => indexed.stop())

test('a key lives through purchase, extension, transfer with a fee, and burning, as the contract tells it', async () => {
  const [artist, fan, friend] = [0, 1, 2].map((index) => chain.buyer(index))
  const lock = await locks.createLock(artist)
  await locks.purchase(lock, fan)
  expect(BigInt((await locks.story(lock, 1n)).expiration)).toBe((await locks.now()) + 30n * DAY)
  await locks.at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
  const extended = BigInt((await locks.story(lock, 1n)).expiration)
  await chain.write({
    address: lock,
    abi: parseAbi(['function updateTransferFee(uint256)']),
    functionName: 'updateTransferFee',
    args: [1000n],
    account: artist,
  })
  await locks.at(lock, 'transferFrom', [fan.address, friend.address, 1n], fan)
  const given = await locks.story(lock, 1n)
  expect(given.owner).toBe(lower(friend))
  expect(BigInt(given.expiration)).toBeLessThan(extended)
  await locks.at(lock, 'burn', [1n], friend)
  const burned = await locks.story(lock, 1n)
  expect(burned).toMatchObject({ owner: zeroAddress, isCanceled: false })
  expect(kinds(burned)).toEqual(
    ['PURCHASED', 'EXTENDED', 'EXPIRATION_CHANGED', 'TRANSFERRED', 'EXPIRATION_CHANGED', 'TRANSFERRED'].toSorted(),
  )
  expect(burned.events[0]).toEqual({ kind: 'PURCHASED', from: zeroAddress, to: lower(fan) })
  expect(await indexed.query(`{ lock(id: "${lock}") { totalKeys } }`)).toEqual({ lock: { totalKeys: '0' } })
  await locks.purchase(lock, fan)
  await locks.expectTruth()
})

test('a key that is canceled says so until it is renewed', async () => {
  const [artist, fan] = [chain.buyer(3), chain.buyer(4)]
  const lock = await locks.createLock(artist)
  await locks.purchase(lock, fan)
  await locks.at(lock, 'cancelAndRefund', [1n], fan)
  const canceled = await locks.story(lock, 1n)
  expect(canceled).toMatchObject({ isCanceled: true, expiration: String(await locks.now()), owner: lower(fan) })
  await locks.at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
  expect(await locks.story(lock, 1n)).toMatchObject({
    isCanceled: false,
    expiration: String((await locks.now()) + 30n * DAY),
  })
  await locks.purchase(lock, artist)
  await locks.at(lock, 'expireAndRefundFor', [2n, 0n], artist)
  expect(await locks.story(lock, 2n)).toMatchObject({ isCanceled: true, expiration: String(await locks.now()) })
  await locks.expectTruth()
})

test('time that is shared, merged or set shows in every key it touches', async () => {
  const [artist, fan, friend] = [5, 6, 7].map((index) => chain.buyer(index))
  const lock = await locks.createLock(artist)
  await locks.purchase(lock, fan)
  await locks.at(lock, 'shareKey', [friend.address, 1n, DAY], fan)
  expect(await locks.story(lock, 2n)).toMatchObject({
    owner: lower(friend),
    expiration: String((await locks.now()) + DAY),
  })
  await locks.at(lock, 'mergeKeys', [1n, 2n, 100n], fan)
  await locks.at(lock, 'setKeyExpiration', [2n, maxUint256], artist)
  expect((await locks.story(lock, 2n)).expiration).toBe(String(maxUint256))
  // More than there is: the key it comes from ends at once.
  await locks.at(lock, 'shareKey', [artist.address, 1n, 1000n * DAY], fan)
  const emptied = await locks.story(lock, 1n)
  expect(emptied.expiration).toBe(String(await locks.now()))
  expect(kinds(emptied)).toContain('EXPIRED')
  await locks.expectTruth()
})

test('a key that runs out emits nothing, and its expiration tells', async () => {
  const [artist, fan] = [chain.buyer(0), chain.buyer(1)]
  const lock = await locks.createLock(artist)
  await locks.purchase(lock, fan)
  const active = async () => {
    const { keys } = await indexed.query<{ keys: object[] }>(
      `{ keys(where: { lock: "${lock}", expiration_gt: "${await locks.now()}", owner_not: "${zeroAddress}" }) { owner } }`,
    )
    return keys
  }
  const holds = () =>
    chain.client.readContract({
      address: lock,
      abi: publicLockAbi,
      functionName: 'getHasValidKey',
      args: [fan.address],
    })
  expect([await active(), await holds()]).toEqual([[{ owner: lower(fan) }], true])
  await chain.increaseTime(31 * Number(DAY))
  expect([await active(), await holds()]).toEqual([[], false])
  await locks.expectTruth()
})

test('a lock of version 9 tells of renewals by their owner, and that is an extension', async () => {
  const [artist, fan] = [chain.buyer(6), chain.buyer(7)]
  const lock = await locks.createLock(artist, { version: 9 })
  const buy = () =>
    chain.write({
      address: lock,
      abi: lockV9Abi,
      functionName: 'purchase',
      args: [PRICE, fan.address, zeroAddress, zeroAddress, '0x'],
      account: fan,
      value: PRICE,
    } as never)
  await buy()
  const receipt = await buy()
  const renewals = parseEventLogs({ abi: publicLockAbi, logs: receipt.logs, eventName: 'RenewKeyPurchase' })
  expect(renewals).toHaveLength(1)
  const renewed = await locks.story(lock, 1n)
  expect(renewed.expiration).toBe(String(renewals[0].args.newExpiration))
  expect(kinds(renewed)).toEqual(['EXTENDED', 'PURCHASED'])
  const { lock: found } = await indexed.query<{ lock: object }>(
    `{ lock(id: "${lock}") { version totalKeys maxKeysPerAddress } }`,
  )
  expect(found).toEqual({ version: 9, totalKeys: '1', maxKeysPerAddress: '1' })
})
