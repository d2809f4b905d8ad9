import { createRequire } from 'node:module'
import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hex,
  maxUint256,
  pad,
  parseAbi,
  parseEventLogs,
  toHex,
  zeroAddress,
} from 'viem'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { publicLockAbi, publicLockBytecode, unlockAbi } from '../../contracts/unlock.ts'
import { connect } from '../conformance/chain.ts'
import { compareWithContracts } from '../conformance/contract-truth.ts'
import { type EntityType, readEntityTypes } from '../conformance/entities.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { type IndexedChain, indexChain } from './indexed-chain.ts'

const DAY = 86_400n
const PRICE = 600_000_000_000_000n
const PURCHASE_WITH_CALLS = parseAbi([
  'function createUpgradeableLockAtVersion(bytes data, uint16 lockVersion, bytes[] transactions) returns (address)',
])
const lockV9 = (createRequire(import.meta.url)('@unlock-protocol/contracts') as Record<string, { abi: Abi }>)
  .PublicLockV9.abi

let chain: TestChain
let indexed: IndexedChain
let types: EntityType[]
let firstBlock: number

beforeAll(async () => {
  chain = await startTestChain()
  for (const version of [9, 14]) {
    const { contractAddress } = await chain.send({ data: publicLockBytecode(version), account: chain.deployer })
    await atUnlock('addLockTemplate', [contractAddress, version], chain.deployer)
  }
  types = await readEntityTypes()
  indexed = await indexChain(chain)
})

beforeEach(async () => {
  firstBlock = Number(await chain.client.getBlockNumber())
})

afterAll(() => indexed.stop())

type Account = TestChain['operator']

const atUnlock = (functionName: string, args: readonly unknown[], account: Account) =>
  chain.write({ address: chain.contracts.unlock, abi: unlockAbi, functionName, args, account } as never)
const at = (address: Address, functionName: string, args: readonly unknown[], account: Account, value = 0n) =>
  chain.write({ address, abi: publicLockAbi, functionName, args, account, value } as never)

const initialization = (artist: Account, price: bigint, duration: bigint) =>
  encodeFunctionData({
    abi: publicLockAbi,
    functionName: 'initialize',
    args: [artist.address, duration, zeroAddress, price, 1000n, 'Lantern Road'],
  })

async function createLock(
  artist: Account,
  { version = 15, price = PRICE, duration = 30n * DAY } = {},
): Promise<Address> {
  const data = initialization(artist, price, duration)
  const receipt = await atUnlock('createUpgradeableLockAtVersion', [data, version], artist)
  const [{ args }] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
  return args.newLockAddress
}

const purchase = (lock: Address, buyer: Account) =>
  at(lock, 'purchase', [[PRICE], [buyer.address], [zeroAddress], [zeroAddress], ['0x']], buyer, PRICE)

const keyId = (lock: Address, tokenId: bigint): Hex => `${lock.toLowerCase() as Hex}${pad(toHex(tokenId)).slice(2)}`

/** At every block of the test so far, locks and keys as indexed are those the contracts have. */
async function expectTruth(): Promise<void> {
  await indexed.catchUp()
  const head = Number(await chain.client.getBlockNumber())
  let reads = 0
  for (let block = firstBlock; block <= head; block++) {
    const compared = await compareWithContracts(connect(chain.rpcUrl), indexed, types, block)
    expect(compared.differences).toEqual([])
    reads += compared.reads
  }
  expect(reads).toBeGreaterThan(head - firstBlock)
}

interface KeyStory {
  readonly owner: string
  readonly isCanceled: boolean
  readonly expiration: string
  readonly events: readonly { readonly kind: string; readonly from: string; readonly to: string }[]
}

async function story(lock: Address, tokenId: bigint): Promise<KeyStory> {
  const { key } = await indexed.query<{ key: KeyStory }>(
    `{ key(id: "${keyId(lock, tokenId)}") { owner isCanceled expiration events(orderBy: block) { kind from to } } }`,
  )
  return key
}

const kinds = ({ events }: KeyStory) => events.map(({ kind }) => kind).toSorted()
const now = async () => (await chain.client.getBlock()).timestamp
const lower = ({ address }: Account) => address.toLowerCase()

test('a lock is indexed with its terms, its artist and the song that was encrypted for it, which came first', async () => {
  const artist = chain.buyer(0)
  const data = initialization(artist, PRICE, 30n * DAY)
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

  expect(await createLock(artist)).toBe(lock)
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
  await expectTruth()
})

test('a key lives through purchase, extension, transfer with a fee, and burning, as the contract tells it', async () => {
  const [artist, fan, friend] = [0, 1, 2].map((index) => chain.buyer(index))
  const lock = await createLock(artist)
  await purchase(lock, fan)
  expect(BigInt((await story(lock, 1n)).expiration)).toBe((await now()) + 30n * DAY)
  await at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
  const extended = BigInt((await story(lock, 1n)).expiration)
  await chain.write({
    address: lock,
    abi: parseAbi(['function updateTransferFee(uint256)']),
    functionName: 'updateTransferFee',
    args: [1000n],
    account: artist,
  })
  await at(lock, 'transferFrom', [fan.address, friend.address, 1n], fan)
  const given = await story(lock, 1n)
  expect(given.owner).toBe(lower(friend))
  expect(BigInt(given.expiration)).toBeLessThan(extended)
  await at(lock, 'burn', [1n], friend)
  const burned = await story(lock, 1n)
  expect(burned).toMatchObject({ owner: zeroAddress, isCanceled: false })
  expect(kinds(burned)).toEqual(
    ['PURCHASED', 'EXTENDED', 'EXPIRATION_CHANGED', 'TRANSFERRED', 'EXPIRATION_CHANGED', 'TRANSFERRED'].toSorted(),
  )
  expect(burned.events[0]).toEqual({ kind: 'PURCHASED', from: zeroAddress, to: lower(fan) })
  expect(await indexed.query(`{ lock(id: "${lock}") { totalKeys } }`)).toEqual({ lock: { totalKeys: '0' } })
  await purchase(lock, fan)
  await expectTruth()
})

test('a key that is canceled says so until it is renewed', async () => {
  const [artist, fan] = [chain.buyer(3), chain.buyer(4)]
  const lock = await createLock(artist)
  await purchase(lock, fan)
  await at(lock, 'cancelAndRefund', [1n], fan)
  const canceled = await story(lock, 1n)
  expect(canceled).toMatchObject({ isCanceled: true, expiration: String(await now()), owner: lower(fan) })
  await at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
  expect(await story(lock, 1n)).toMatchObject({ isCanceled: false, expiration: String((await now()) + 30n * DAY) })
  await purchase(lock, artist)
  await at(lock, 'expireAndRefundFor', [2n, 0n], artist)
  expect(await story(lock, 2n)).toMatchObject({ isCanceled: true, expiration: String(await now()) })
  await expectTruth()
})

test('time that is shared, merged or set shows in every key it touches', async () => {
  const [artist, fan, friend] = [5, 6, 7].map((index) => chain.buyer(index))
  const lock = await createLock(artist)
  await purchase(lock, fan)
  await at(lock, 'shareKey', [friend.address, 1n, DAY], fan)
  expect(await story(lock, 2n)).toMatchObject({ owner: lower(friend), expiration: String((await now()) + DAY) })
  await at(lock, 'mergeKeys', [1n, 2n, 100n], fan)
  await at(lock, 'setKeyExpiration', [2n, maxUint256], artist)
  expect((await story(lock, 2n)).expiration).toBe(String(maxUint256))
  // More than there is: the key it comes from ends at once.
  await at(lock, 'shareKey', [artist.address, 1n, 1000n * DAY], fan)
  const emptied = await story(lock, 1n)
  expect(emptied.expiration).toBe(String(await now()))
  expect(kinds(emptied)).toContain('EXPIRED')
  await expectTruth()
})

test('a key that runs out emits nothing, and its expiration tells', async () => {
  const [artist, fan] = [chain.buyer(0), chain.buyer(1)]
  const lock = await createLock(artist)
  await purchase(lock, fan)
  const active = async () => {
    const { keys } = await indexed.query<{ keys: object[] }>(
      `{ keys(where: { lock: "${lock}", expiration_gt: "${await now()}", owner_not: "${zeroAddress}" }) { owner } }`,
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
  await expectTruth()
})

test("changes of a lock's price, limits and name are its terms from then on, and events", async () => {
  const artist = chain.buyer(2)
  const lock = await createLock(artist)
  await at(lock, 'updateKeyPricing', [2n * PRICE, zeroAddress], artist)
  const changed = Number(await chain.client.getBlockNumber())
  await at(lock, 'updateLockConfig', [DAY, 7n, 3n], artist)
  await at(lock, 'setLockMetadata', ['Second name', 'KEY', ''], artist)
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
  await expectTruth()
})

test('an upgraded lock keeps its keys, and they go on living', async () => {
  const [artist, fan] = [chain.buyer(3), chain.buyer(4)]
  const lock = await createLock(artist, { version: 14 })
  await purchase(lock, fan)
  await at(lock, 'burn', [1n], fan)
  await purchase(lock, fan)
  await atUnlock('upgradeLock', [lock, 15], artist)
  await at(lock, 'extend', [0n, 1n, zeroAddress, '0x'], fan, PRICE)
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
  await expectTruth()
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
    args: [initialization(artist, 0n, DAY), 15, [first]],
    account: artist,
  })
  const [{ args }] = parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })
  expect(await story(args.newLockAddress, 1n)).toMatchObject({
    owner: lower(artist),
    expiration: String((await now()) + DAY),
  })
  await expectTruth()
})

test('a lock of version 9 tells of renewals by their owner, and that is an extension', async () => {
  const [artist, fan] = [chain.buyer(6), chain.buyer(7)]
  const lock = await createLock(artist, { version: 9 })
  const buy = () =>
    chain.write({
      address: lock,
      abi: lockV9,
      functionName: 'purchase',
      args: [PRICE, fan.address, zeroAddress, zeroAddress, '0x'],
      account: fan,
      value: PRICE,
    } as never)
  await buy()
  const receipt = await buy()
  const renewals = parseEventLogs({ abi: publicLockAbi, logs: receipt.logs, eventName: 'RenewKeyPurchase' })
  expect(renewals).toHaveLength(1)
  const renewed = await story(lock, 1n)
  expect(renewed.expiration).toBe(String(renewals[0].args.newExpiration))
  expect(kinds(renewed)).toEqual(['EXTENDED', 'PURCHASED'])
  const { lock: found } = await indexed.query<{ lock: object }>(
    `{ lock(id: "${lock}") { version totalKeys maxKeysPerAddress } }`,
  )
  expect(found).toEqual({ version: 9, totalKeys: '1', maxKeysPerAddress: '1' })
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
