import { createRequire } from 'node:module'
import { encodeFunctionData, type Hex, parseAbi, parseEther, parseEventLogs, zeroAddress } from 'viem'
import { afterAll, expect, test } from 'vitest'
import { publicLockAbi, unlockAbi } from '../../contracts/unlock.ts'
import { startTestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { ownSubgraph, startTestIndexer } from './indexing.ts'

const chain = await startTestChain()
const database = await createTestDatabase()
afterAll(async () => {
  await chain.stop()
  await database.drop()
})

const PRICE = parseEther('0.0006')
const { unlock } = chain.contracts
const [artist, ann, bob] = [0, 1, 2].map((index) => chain.buyer(index))

/** A lock of version 14, so that it can be upgraded to the 15 that the factory sells. */
async function createOldLock(): Promise<Hex> {
  const { PublicLockV14 } = createRequire(import.meta.url)('@unlock-protocol/contracts')
  const { contractAddress } = await chain.send({ data: PublicLockV14.bytecode, account: chain.deployer })
  await chain.write({
    address: unlock,
    abi: unlockAbi,
    functionName: 'addLockTemplate',
    args: [contractAddress!, 14],
    account: chain.deployer,
  })
  const data = encodeFunctionData({
    abi: parseAbi(['function initialize(address, uint256, address, uint256, uint256, string)']),
    args: [artist.address, 2_592_000n, zeroAddress, PRICE, 1_000n, 'Before'],
  })
  const receipt = await chain.write({
    address: unlock,
    abi: unlockAbi,
    functionName: 'createUpgradeableLockAtVersion',
    args: [data, 14],
    account: artist,
  })
  return parseEventLogs({ abi: unlockAbi, logs: receipt.logs, eventName: 'NewLock' })[0].args.newLockAddress
}

type Functions = Parameters<typeof encodeFunctionData>[0]['functionName']

test("a lock's whole life in the catalog equals what the contract itself says, at every block", async () => {
  const subgraph = await ownSubgraph(chain.contracts)
  const indexer = await startTestIndexer({ databaseUrl: database.url, rpcUrl: chain.rpcUrl, subgraph })
  const lock = await createOldLock()
  const created = await chain.client.getBlockNumber()
  const call = async (functionName: Functions, args: readonly unknown[], account = artist, value = 0n) => {
    const data = encodeFunctionData({ abi: publicLockAbi, functionName, args } as never)
    await chain.send({ to: lock, data, value, account })
  }
  const purchase = (buyer: typeof ann, price = PRICE) =>
    call('purchase', [[price], [buyer.address], [zeroAddress], [zeroAddress], ['0x']], buyer, price)

  await call('updateLockConfig', [2_592_000n, 1_000n, 5n])
  await purchase(ann)
  await purchase(bob)
  await call('extend', [PRICE, 1n, zeroAddress, '0x'], ann, PRICE)
  await call('transferFrom', [ann.address, bob.address, 1n], ann)
  await call('updateKeyPricing', [PRICE * 2n, zeroAddress])
  await purchase(ann, PRICE * 2n)
  await call('cancelAndRefund', [3n], ann)
  await call('setLockMetadata', ['After', 'KEY', 'ipfs://metadata'])
  await call('grantKeys', [[ann.address], [BigInt(Math.floor(Date.now() / 1_000) + 10_000_000)], [zeroAddress]])
  // Keys run out without an event.
  await chain.increaseTime(61 * 86_400)
  await chain.write({ address: unlock, abi: unlockAbi, functionName: 'upgradeLock', args: [lock, 15], account: artist })
  await call('updateLockConfig', [86_400n, 500n, 4n])
  await call('extend', [PRICE * 2n, 2n, zeroAddress, '0x'], bob, PRICE * 2n)
  await purchase(ann, PRICE * 2n)
  await call('shareKey', [bob.address, 5n, 3_600n], ann)
  await call('grantKeyExtension', [2n, 0n])
  await call('expireAndRefundFor', [2n, 0n])
  await call('burn', [4n], ann)
  await chain.mine(2)

  const head = await chain.client.getBlockNumber()
  await indexer.untilBlock(head)
  const kinds = [...(await indexer.entities()).get('KeyEvent')!.values()].map((row) => JSON.parse(row).kind)
  expect(new Set(kinds)).toEqual(new Set(['PURCHASED', 'EXTENDED', 'TRANSFERRED', 'CANCELED', 'EXPIRATION_CHANGED']))
  let keysSeen = 0
  for (let blockNumber = created; blockNumber <= head; blockNumber++) {
    const entities = await indexer.entities(Number(blockNumber))
    const [indexed] = [...entities.get('Lock')!.values()].map((row) => JSON.parse(row))
    const read = (functionName: Functions, args: readonly unknown[] = []) =>
      chain.client.readContract({ address: lock, abi: publicLockAbi, functionName, args, blockNumber } as never)
    const at = `block ${blockNumber}`
    const names = [
      'keyPrice',
      'expirationDuration',
      'maxNumberOfKeys',
      'maxKeysPerAddress',
      'name',
      'publicLockVersion',
      'tokenAddress',
      'totalSupply',
    ] as const
    const terms = await Promise.all(names.map((name) => read(name)))
    expect(
      [
        indexed.price,
        indexed.expiration_duration,
        indexed.max_keys,
        indexed.max_keys_per_address,
        indexed.name,
        indexed.version,
        indexed.currency.replace('\\', '0'),
        indexed.total_keys,
      ].map(String),
      at,
    ).toEqual(terms.map(String))
    const { timestamp } = await chain.client.getBlock({ blockNumber })
    for (const key of [...entities.get('Key')!.values()].map((row) => JSON.parse(row))) {
      const args = [BigInt(key.token_id)]
      const [owner, expiration, isValid] = await Promise.all([
        read('ownerOf', args).catch(() => zeroAddress),
        read('keyExpirationTimestampFor', args).catch(() => null),
        read('isValidKey', args),
      ])
      const which = `${at}, key ${key.token_id}`
      expect(key.owner.replace('\\', '0'), which).toBe(String(owner).toLowerCase())
      // Of a burned key the contract remembers the time, but nobody can use it.
      expect(String(key.expiration), which).toBe(String(expiration))
      if (owner !== zeroAddress) expect(BigInt(key.expiration) > timestamp, which).toBe(isValid)
      keysSeen++
    }
  }
  expect(keysSeen).toBeGreaterThan(40)
  await indexer.stop()
})
