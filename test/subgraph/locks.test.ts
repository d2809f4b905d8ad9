import { encodeFunctionData, pad, parseAbi, parseEventLogs, zeroAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import type { TestChain } from '../support/chain.ts'
import type { IndexedChain } from './indexed-chain.ts'
import { type Account, DAY, type LockChain, lower, openLockChain, PRICE } from './lock-chain.ts'

const PURCHASE_WITH_CALLS = parseAbi([
  'function createUpgradeableLockAtVersion(bytes data, uint16 lockVersion, bytes[] transactions) returns (address)',
])

let locks: LockChain
let chain: TestChain
let indexed: IndexedChain

beforeAll(async () => {
  locks = await openLockChain()
  ;({ chain, indexed } = locks)
})

afterAll(() => indexed.stop())

test('a lock is indexed with its terms, its artist and the song that was encrypted for it, which came first', async () => {
  const artist = chain.buyer(0)
  const data = locks.initialization(artist, PRICE, 30n * DAY)
  const { result: lock } = await chain.client.simulateContract({
    address: chain.contracts.unlock,
    abi: unlockAbi,
    functionName: 'createUpgradeableLockAtVersion',
    args: [data, 15],
    account: artist,
  })
  const clipHash = pad('0x0c11b')
  const segment = {
    ...{ clipHash, spotifyTrackId: 'song', encryptedFullUri: 'ipfs://song', encryptedManifestUri: 'ipfs://manifest' },
    ...{ unlockLockAddress: lock, unlockChainId: chain.chainId, metadataUri: '' },
  }
  await chain.write({
    address: chain.contracts.catalog,
    abi: catalogAbi,
    functionName: 'encryptSegment',
    args: [segment, true],
  })
  const query = `{ segment(id: "${clipHash}") { lockAddress lock { name } } }`
  expect(await indexed.query(query)).toEqual({ segment: { lockAddress: lock.toLowerCase(), lock: null } })

  expect(await locks.createLock(artist)).toBe(lock)
  expect(await indexed.query(query)).toEqual({
    segment: { lockAddress: lock.toLowerCase(), lock: { name: 'Lantern Road' } },
  })
  const { artist: found } = await indexed.query<{ artist: { locks: object[] } }>(
    `{ artist(id: "${artist.address}") { handle locks { id name price currency expirationDuration maxKeys maxKeysPerAddress version totalKeys
       segments { clip { events { kind } } } events { kind price } } } }`,
  )
  expect(found).toEqual({
    handle: null,
    locks: [
      {
        id: lock.toLowerCase(),
        name: 'Lantern Road',
        price: String(PRICE),
        currency: zeroAddress,
        expirationDuration: String(30n * DAY),
        maxKeys: '1000',
        maxKeysPerAddress: '1',
        version: 15,
        totalKeys: '0',
        segments: [{ clip: { events: [{ kind: 'ENCRYPTED' }] } }],
        events: [{ kind: 'CREATED', price: String(PRICE) }],
      },
    ],
  })
  await locks.expectTruth()
})

test("a lock is its owner's, whoever had it created", async () => {
  const [artist, label] = [privateKeyToAccount(generatePrivateKey()), chain.operator]
  const data = locks.initialization(artist, PRICE, DAY)
  await locks.atUnlock('createUpgradeableLockAtVersion', [data, 15], label)
  const locksOf = `{ artist(id: "${artist.address}") { locks { price } } label: artist(id: "${label.address}") { id } }`
  expect(await indexed.query(locksOf)).toEqual({ artist: { locks: [{ price: String(PRICE) }] }, label: null })
})

test("changes of a lock's price, limits and name are its terms from then on, and events", async () => {
  const artist = chain.buyer(2)
  const lock = await locks.createLock(artist)
  await locks.at(lock, 'updateKeyPricing', [2n * PRICE, zeroAddress], artist)
  const changed = Number(await chain.client.getBlockNumber())
  await locks.at(lock, 'updateLockConfig', [DAY, 7n, 3n], artist)
  await locks.at(lock, 'setLockMetadata', ['Second name', 'KEY', ''], artist)
  const terms = 'name price expirationDuration maxKeys maxKeysPerAddress'
  const found = await indexed.query(
    `{ lock(id: "${lock}") { ${terms} events(orderBy: block) { kind price expirationDuration } }
       before: lock(id: "${lock}", block: { number: ${changed} }) { ${terms} } }`,
  )
  const [price, day, month] = [2n * PRICE, DAY, 30n * DAY].map(String)
  expect(found).toEqual({
    lock: {
      ...{ name: 'Second name', price, expirationDuration: day, maxKeys: '7', maxKeysPerAddress: '3' },
      events: [
        { kind: 'CREATED', price: String(PRICE), expirationDuration: month },
        { kind: 'PRICING_CHANGED', price, expirationDuration: month },
        { kind: 'CONFIG_CHANGED', price, expirationDuration: day },
        { kind: 'METADATA_CHANGED', price, expirationDuration: day },
      ],
    },
    before: { name: 'Lantern Road', price, expirationDuration: month, maxKeys: '1000', maxKeysPerAddress: '1' },
  })
  await locks.expectTruth()
})

test('an upgraded lock keeps its keys, and they go on living', async () => {
  const [artist, fan] = [chain.buyer(3), chain.buyer(4)]
  const lock = await locks.createLock(artist, { version: 14 })
  await locks.purchase(lock, fan)
  await locks.at(lock, 'burn', [1n], fan)
  await locks.purchase(lock, fan)
  await locks.atUnlock('upgradeLock', [lock, 15], artist)
  await locks.at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
  const { lock: found } = await indexed.query<{
    lock: { version: number; events: { kind: string; version: number }[] }
  }>(`{ lock(id: "${lock}") { version events(orderBy: block) { kind version } } }`)
  expect(found).toEqual({
    version: 15,
    events: [
      { kind: 'CREATED', version: 14 },
      { kind: 'UPGRADED', version: 15 },
    ],
  })
  await locks.expectTruth()
})

test('a lock that sells its first key in the transaction that makes it misses none of its own events', async () => {
  const artist = chain.buyer(5)
  const first = encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'purchase',
    args: [[0n], [artist.address], [zeroAddress], [zeroAddress], ['0x']],
  })
  const receipt = await chain.write({
    address: chain.contracts.unlock,
    abi: PURCHASE_WITH_CALLS,
    functionName: 'createUpgradeableLockAtVersion',
    args: [locks.initialization(artist, 0n, DAY), 15, [first]],
    account: artist,
  })
  const [{ args }] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
  expect(await locks.story(args.newLockAddress, 1n)).toMatchObject({
    owner: lower(artist),
    expiration: String((await locks.now()) + DAY),
  })
  await locks.expectTruth()
})

test('an artist is found by the newest account, and has no lock before one is made', async () => {
  const [owner, other] = [chain.buyer(1), chain.buyer(2)]
  const account = (handle: string, who: Account) =>
    chain.write({
      address: chain.contracts.accounts,
      abi: parseAbi(['function createAccount(address owner, string handle, string metadataUri) returns (address)']),
      functionName: 'createAccount',
      args: [who.address, handle, `ipfs://${handle}`],
    })
  await account('lantern-ks1', owner)
  await account('lantern-ks2', owner)
  await account('other-ks1', other)
  const { artist } = await indexed.query<{ artist: { account: string } }>(
    `{ artist(id: "${owner.address}") { handle metadataUri createdAt account } }`,
  )
  expect(artist).toMatchObject({
    handle: 'lantern-ks2',
    metadataUri: 'ipfs://lantern-ks2',
    createdAt: expect.any(String),
  })
  expect(artist.account).toMatch(/^0x[0-9a-f]{40}$/)
})
