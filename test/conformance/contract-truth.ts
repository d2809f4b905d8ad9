import { type Address, parseAbi } from 'viem'
import type { TestNode } from './chain.ts'
import { type Entity, type EntityType, readEntities } from './entities.ts'
import type { Indexer } from './indexer.ts'

const LOCK = parseAbi([
  'function ownerOf(uint256) view returns (address)',
  'function keyExpirationTimestampFor(uint256) view returns (uint256)',
  'function keyPrice() view returns (uint256)',
  'function tokenAddress() view returns (address)',
  'function expirationDuration() view returns (uint256)',
  'function maxNumberOfKeys() view returns (uint256)',
  'function maxKeysPerAddress() view returns (uint256)',
  'function publicLockVersion() view returns (uint16)',
  'function name() view returns (string)',
  'function totalSupply() view returns (uint256)',
])
/** The first version that keeps keys by token id. */
const FIRST_BY_TOKEN = 10

/** Compares locks and keys, as indexed at a block, with what the contracts say at that block. */
export async function compareWithContracts(
  node: TestNode,
  indexer: Indexer,
  types: readonly EntityType[],
  block: number,
): Promise<{ readonly reads: number; readonly differences: readonly string[] }> {
  const of = (name: string) => readEntities(indexer, types.find((type) => type.name === name)!, block)
  const [locks, keys] = await Promise.all([of('Lock'), of('Key')])
  const differences: string[] = []
  let reads = 0
  const expect = async (
    entity: Entity,
    field: string,
    address: Address,
    functionName: string,
    args: readonly unknown[] = [],
  ) => {
    reads++
    const value = await node.reader.readContract({
      address,
      abi: LOCK,
      functionName,
      args,
      blockNumber: BigInt(block),
    } as never)
    // A NUL is not stored.
    const truth = String(value).replaceAll('\0', '')
    if (String(entity[field]).toLowerCase() !== truth.toLowerCase())
      differences.push(`at ${block}: ${address} ${functionName}(${args}): ${truth}, indexed as ${entity[field]}`)
  }
  const versions = new Map(locks.map((lock) => [lock.id, Number(lock.version)]))
  for (const lock of locks) {
    const address = lock.id as Address
    for (const [field, functionName] of [
      ['version', 'publicLockVersion'],
      ['name', 'name'],
      ['price', 'keyPrice'],
      ['currency', 'tokenAddress'],
      ['expirationDuration', 'expirationDuration'],
      ['maxKeys', 'maxNumberOfKeys'],
      ['totalKeys', 'totalSupply'],
      ...(versions.get(lock.id)! >= FIRST_BY_TOKEN ? [['maxKeysPerAddress', 'maxKeysPerAddress']] : []),
    ])
      await expect(lock, field, address, functionName)
  }
  for (const key of keys) {
    const lock = (key.lock as { id: Address }).id
    if (versions.get(lock)! < FIRST_BY_TOKEN) continue
    await expect(key, 'owner', lock, 'ownerOf', [BigInt(String(key.tokenId))])
    await expect(key, 'expiration', lock, 'keyExpirationTimestampFor', [BigInt(String(key.tokenId))])
  }
  return { reads, differences }
}
