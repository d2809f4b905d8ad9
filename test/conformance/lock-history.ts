import { createRequire } from 'node:module'
import {
  type Abi,
  type Address,
  decodeEventLog,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
  maxUint256,
  zeroAddress,
} from 'viem'
import type { seeded } from '../media/random.ts'
import type { TestNode, Transaction } from './chain.ts'

type Random = ReturnType<typeof seeded>

interface Contract {
  readonly abi: Abi
  readonly bytecode: Hex
}

/** A lock of the history, as far as its player needs to know it. */
export interface PlayedLock {
  readonly address: Address
  readonly creator: Address
  version: number
}

export interface Stage {
  readonly node: TestNode
  readonly unlock: Address
  /** Who owns Unlock and may add templates. */
  readonly deployer: Address
  readonly actors: readonly Address[]
}

export const LOCK_VERSIONS = [9, 10, 11, 12, 13, 14, 15]
/** The first version that says so when its limits change. */
const FIRST_TO_CONFIGURE = 12
const HOLDERS_ACTS = ['transferFrom', 'lendKey', 'unlendKey', 'shareKey', 'mergeKeys', 'cancelAndRefund', 'burn']
const DAY = 86_400n
const PRICE = 600_000_000_000_000n

const contracts = createRequire(import.meta.url)('@unlock-protocol/contracts') as Record<string, Contract>
const lockOf = (version: number) => contracts[`PublicLockV${version}`]
const UNLOCK = contracts.UnlockV14.abi

/** Unlock sells locks of every version since 9 afterwards. */
export async function addTemplates({ node, unlock, deployer }: Stage): Promise<void> {
  for (const version of LOCK_VERSIONS) {
    const hash = await node.call<Hex>('eth_sendTransaction', {
      from: deployer,
      data: encodeDeployData({ ...lockOf(version), args: [] }),
      gas: '0x1c9c380',
    })
    const { contractAddress } = await node.reader.waitForTransactionReceipt({ hash, pollingInterval: 10 })
    const data = encodeFunctionData({ abi: UNLOCK, functionName: 'addLockTemplate', args: [contractAddress, version] })
    await node.mine([{ from: deployer, to: unlock, data }])
  }
}

/** A new lock; some of them issue their first key in the very transaction that makes them. */
export async function createLock(stage: Stage, random: Random, version: number): Promise<PlayedLock> {
  const { node, unlock } = stage
  const creator = random.pick(stage.actors)
  const isBusy = version >= 10 && random.int(2) === 0
  const duration = random.pick([0n, DAY, 30n * DAY, 30n * DAY, 365n * DAY, version < 10 ? DAY : maxUint256])
  const name = random.pick(['Lantern Road', '', 'カラオケ 🔑'])
  const initialize = encodeFunctionData({
    abi: lockOf(version).abi,
    functionName: 'initialize',
    args: [creator, duration, zeroAddress, isBusy ? 0n : PRICE, 1000n, name],
  })
  const first = encodeFunctionData({
    abi: lockOf(version).abi,
    functionName: 'purchase',
    args:
      version < 10 ? [0n, creator, creator, creator, '0x'] : [[0n], [creator], [zeroAddress], [zeroAddress], ['0x']],
  })
  const data = encodeFunctionData({
    abi: UNLOCK,
    functionName: 'createUpgradeableLockAtVersion',
    args: isBusy ? [initialize, version, [first]] : [initialize, version],
  })
  await node.mine([{ from: creator, to: unlock, data }])
  const address = await findNewLock(node, unlock, (await node.head()).number)
  if (!address) throw new Error(`Unlock made no lock of version ${version}`)
  if (version >= FIRST_TO_CONFIGURE) {
    const args = [duration, 1000n, 30n]
    const data = encodeFunctionData({ abi: lockOf(version).abi, functionName: 'updateLockConfig', args })
    await node.mine([{ from: creator, to: address, data }])
  }
  return { address, creator, version }
}

async function findNewLock(node: TestNode, unlock: Address, block: number): Promise<Address | undefined> {
  const logs = await node.reader.getLogs({ address: unlock, fromBlock: BigInt(block), toBlock: BigInt(block) })
  for (const log of logs) {
    const { eventName, args } = decodeEventLog({ abi: UNLOCK, topics: log.topics, data: log.data })
    if (eventName === 'NewLock') return (args as unknown as { newLockAddress: Address }).newLockAddress
  }
  return undefined
}

/** Something that a buyer, holder or manager does to a lock; what the lock refuses reverts, and that belongs to the history. */
export async function actOnLock(
  stage: Stage,
  random: Random,
  lock: PlayedLock,
  now: bigint,
): Promise<Transaction | undefined> {
  const someone = random.pick(stage.actors)
  const supply = Number(await ask(stage.node, lock, 'totalSupply', [], 0n))
  const anyKey = () => BigInt(1 + random.int(supply + 1))
  const key = anyKey()
  const owner = await ask(stage.node, lock, 'ownerOf', [key], zeroAddress)
  const manager = await ask(stage.node, lock, 'keyManagerOf', [key], zeroAddress)
  const holder = [manager, owner, lock.creator].find((account) => account !== zeroAddress)!
  const stranger = random.pick(stage.actors)
  const time = BigInt(random.int(40)) * DAY
  // Mostly sent by somebody who may: the lock's manager, or whoever holds the key.
  const to = (functionName: string, args: readonly unknown[], value?: bigint): Transaction | undefined => {
    const mayBe = HOLDERS_ACTS.includes(functionName) ? holder : lock.creator
    const from = random.int(6) > 0 ? mayBe : stranger
    const { abi } = lockOf(lock.version)
    const isThere = abi.some((item) => item.type === 'function' && item.name === functionName)
    if (!isThere) return undefined
    return {
      from,
      to: lock.address,
      data: encodeFunctionData({ abi, functionName, args }),
      ...(value !== undefined && { value }),
    }
  }
  switch (random.int(23)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return buy(to, random, lock, someone)
    case 4:
      return to('grantKeys', [[someone], [random.pick([now + time, 0n, maxUint256])], [zeroAddress]])
    case 5:
    case 6:
      return to('extend', [0n, key, zeroAddress, '0x'], 2n * PRICE)
    case 7:
      return to('grantKeyExtension', [key, random.pick([0n, time])])
    case 8:
    case 9:
      return to('transferFrom', [owner, someone, key])
    case 10:
      return to('cancelAndRefund', [key])
    case 11:
      return to('expireAndRefundFor', [lock.version < 10 ? someone : key, 0n])
    case 12:
      return to('shareKey', [someone, key, random.pick([time, 400n * DAY])])
    case 13:
      return to('mergeKeys', [key, anyKey(), random.pick([1n, time])])
    case 14:
      return to('setKeyExpiration', [key, random.pick([now + time, 0n, maxUint256])])
    case 15:
      return to('lendKey', [owner, someone, key])
    case 16:
      return to('unlendKey', [someone, key])
    case 17:
      return to('burn', [key])
    case 18:
      // At times in a currency that nobody has.
      return to('updateKeyPricing', [
        random.pick([0n, PRICE, 2n * PRICE]),
        random.int(9) > 0 ? zeroAddress : stage.unlock,
      ])
    case 19: {
      const [durations, limits] = [
        [0n, DAY, 30n * DAY, maxUint256],
        [5n, 1000n, maxUint256],
      ]
      return to('updateLockConfig', [random.pick(durations), random.pick(limits), random.pick([1n, 30n, 30n])])
    }
    case 20:
      return to('setLockMetadata', [random.pick(['Second name', '', 'é\u0000']), 'KEY', ''])
    case 21:
      return to('updateTransferFee', [random.pick([0n, 0n, 500n, 500n, 10_000n])])
    default:
      return upgrade(stage, lock, random)
  }
}

/** What a lock answers; the default when it refuses. */
async function ask<T>(
  node: TestNode,
  { address }: PlayedLock,
  functionName: string,
  args: readonly unknown[],
  otherwise: T,
): Promise<T> {
  const abi = lockOf(LOCK_VERSIONS.at(-1)!).abi
  return (await node.reader.readContract({ address, abi, functionName, args }).catch(() => otherwise)) as T
}

function buy(
  to: (functionName: string, args: readonly unknown[], value?: bigint) => Transaction | undefined,
  random: Random,
  { version }: PlayedLock,
  recipient: Address,
): Transaction | undefined {
  if (version < 10) return to('purchase', [PRICE, recipient, zeroAddress, zeroAddress, '0x'], 2n * PRICE)
  if (version < 15 || random.int(2) === 0)
    return to('purchase', [[PRICE], [recipient], [zeroAddress], [zeroAddress], ['0x']], 2n * PRICE)
  const additionalPeriods = BigInt(random.int(3))
  const referrers = { referrer: zeroAddress, protocolReferrer: zeroAddress, keyManager: zeroAddress }
  return to('purchase', [[{ value: PRICE, recipient, ...referrers, data: '0x', additionalPeriods }]], 6n * PRICE)
}

/** Only one version up, and only by the manager: what it is afterwards is asked of the lock. */
function upgrade({ unlock }: Stage, lock: PlayedLock, random: Random): Transaction | undefined {
  // From 9 to 10 a lock's keys would have to be migrated one by one, with no event for each.
  if (lock.version < 10 || lock.version >= 15 || random.int(3) > 0) return undefined
  const data = encodeFunctionData({ abi: UNLOCK, functionName: 'upgradeLock', args: [lock.address, lock.version + 1] })
  return { from: lock.creator, to: unlock, data }
}

/** The version of each lock at the head, which upgrades and re-orgs change. */
export async function refreshVersions(node: TestNode, locks: readonly PlayedLock[]): Promise<void> {
  for (const lock of locks)
    lock.version = Number(
      await node.reader.readContract({ address: lock.address, abi: lockOf(15).abi, functionName: 'publicLockVersion' }),
    )
}
