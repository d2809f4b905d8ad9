import { setTimeout as delay } from 'node:timers/promises'
import { encodeFunctionData, type Hex } from 'viem'
import { accountsAbi } from '../../contracts/abi/accounts.ts'
import { deployContracts } from '../../contracts/deploy.ts'
import { DEPLOYER_INDEX } from '../../contracts/dev-accounts.ts'
import { seeded } from '../media/random.ts'
import { copyBuild } from './build-copy.ts'
import { type Cast, catalogHistory, type Speech } from './catalog-history.ts'
import type { TestNode, Transaction } from './chain.ts'
import {
  actOnLock,
  addTemplates,
  createLock,
  LOCK_VERSIONS,
  type PlayedLock,
  refreshVersions,
  type Stage,
} from './lock-history.ts'
import { cry, LOUDSPEAKER } from './loudspeaker.ts'

const DEPTHS = [1, 3, 12]
const LOCKS = 21

export interface Theatre {
  readonly node: TestNode
  readonly stage: Stage
  readonly cast: Cast
  readonly catalog: Hex
  readonly accounts: Hex
  readonly locks: PlayedLock[]
  /** Whether the catalog's history has ended. */
  isSilent: boolean
}

/** A chain with every contract, where the catalog says whatever it is told to. */
export async function openTheatre(node: TestNode, folder: string): Promise<Theatre> {
  const accounts = await node.call<Hex[]>('eth_accounts')
  const contracts = await deployContracts({
    rpcUrl: node.url,
    operator: accounts[0],
    signal: AbortSignal.timeout(60_000),
  })
  const stage = { node, unlock: contracts.unlock, deployer: accounts[DEPLOYER_INDEX], actors: accounts.slice(0, 8) }
  await addTemplates(stage)
  // Time passes by blocks, not by the clock: a history is the same each time.
  await node.call('anvil_setBlockTimestampInterval', 1)
  await node.call('anvil_setCode', contracts.catalog, LOUDSPEAKER)
  await node.mine([])
  const speakers = accounts.slice(0, 5)
  const { catalog, accounts: registry } = contracts
  await copyBuild(folder, { Catalog: catalog, Accounts: registry, Unlock: contracts.unlock }, [speakers[1]])
  const locks: PlayedLock[] = []
  const cast = { speakers, chainId: await node.reader.getChainId(), locks: () => locks.map(({ address }) => address) }
  return { node, stage, cast, catalog, accounts: registry, locks, isSilent: false }
}

/** Plays until the catalog has been told of so many times; re-orgs come in the middle, again and again. */
export async function play(
  theatre: Theatre,
  seed: number,
  speeches: number,
): Promise<{ blocks: number; reorgs: number }> {
  const { node, stage, cast, locks } = theatre
  const random = seeded(seed)
  const catalog = catalogHistory(random, cast, speeches)
  const transactions = async (most: number) => [
    ...says(theatre, catalog, 1 + random.int(most)),
    ...(await acts(theatre, random, random.int(most))),
    ...(random.int(4) === 0 ? [openAccount(theatre, random)] : []),
  ]
  let reorgs = 0
  for (let block = 0; !theatre.isSilent; block++) {
    if (locks.length < LOCKS && random.int(3) === 0)
      locks.push(await createLock(stage, random, LOCK_VERSIONS[locks.length % LOCK_VERSIONS.length]))
    await node.mine(await transactions(14))
    if (random.int(8) === 0) await node.call('evm_increaseTime', random.int(9 * 86_400))
    if (block % 8 !== 7) continue
    const depth = DEPTHS[reorgs++ % DEPTHS.length]
    const isEmpty = random.int(2) === 0
    const before = await node.call<Hex>('evm_snapshot')
    // A lock that is made in a block which is undone must be forgotten with its keys.
    const undone = await createLock(stage, random, 15)
    const blocks = depth - 1
    for (let n = 0; n < blocks; n++)
      await node.mine([...(await transactions(4)), ...(await acts({ ...theatre, locks: [undone] }, random, 4))])
    // At times long enough that what is undone has been indexed.
    await delay(random.pick([0, 100, 1500]))
    if (isEmpty) await node.call('anvil_reorg', depth, [])
    else if (await node.call('evm_revert', before))
      for (let n = 0; n <= depth; n++) await node.mine(await transactions(4))
    else throw new Error('anvil did not revert')
    await refreshVersions(node, locks)
  }
  await node.mine([])
  return { blocks: (await node.head()).number, reorgs }
}

function says(theatre: Theatre, catalog: Generator<Speech>, count: number): Transaction[] {
  const transactions: Transaction[] = []
  for (let n = 0; n < count; n++) {
    const { value } = catalog.next()
    if (!value) {
      theatre.isSilent = true
      break
    }
    transactions.push({ from: theatre.cast.speakers[value.speaker], to: theatre.catalog, data: cry(...value.cries) })
  }
  return transactions
}

/** For somebody who may have one already, by a handle that may be taken. */
function openAccount({ stage, cast, accounts }: Theatre, random: ReturnType<typeof seeded>): Transaction {
  const args = [random.pick(stage.actors), `artist-${random.int(40)}`, random.pick(['ipfs://account', ''])] as const
  const data = encodeFunctionData({ abi: accountsAbi, functionName: 'createAccount', args })
  return { from: cast.speakers[0], to: accounts, data }
}

async function acts(
  { node, stage, locks }: Theatre,
  random: ReturnType<typeof seeded>,
  count: number,
): Promise<Transaction[]> {
  if (locks.length === 0) return []
  const { timestamp } = await node.reader.getBlock()
  const transactions: Transaction[] = []
  for (let n = 0; n < count; n++) {
    const act = await actOnLock(stage, random, random.pick(locks), timestamp)
    if (act) transactions.push(act)
  }
  return transactions
}
