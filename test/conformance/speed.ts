import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeFunctionData, type Hex } from 'viem'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { deployContracts, embeddedAddresses } from '../../contracts/deploy.ts'
import { copyBuild } from './build-copy.ts'
import type { TestNode } from './chain.ts'
import { startEmbedded } from './embedded.ts'
import { startGraphNode } from './graph-node.ts'
import { type Indexer, reaches } from './indexer.ts'
import type { World } from './world.ts'

const PATIENCE_SECONDS = 300

/** What a chain to be indexed looks like. */
interface Shape {
  readonly title: string
  readonly blocks: number
  readonly eventsPerBlock: number
}

const SHAPES: readonly Shape[] = [
  { title: '10,000 ClipRegistered, each of its own transaction, 100 in a block', blocks: 100, eventsPerBlock: 100 },
  { title: '1,000 ClipRegistered, one in a block', blocks: 1000, eventsPerBlock: 1 },
]

/**
 * Lets both index the same chain, one after the other. Both have started and stand at the head when they are stopped; then the chain grows,
 * and each in turn is woken and timed until it is at the head again. So neither is charged for its start.
 */
export async function measureSpeed(world: World, binary: string, rounds: number): Promise<void> {
  for (const shape of SHAPES) {
    console.log(`\n${shape.title}`)
    const ratios: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const node = await world.startNode()
      const indexers = await startBoth(world, node, binary, `speed_${shape.eventsPerBlock}_${round}`)
      for (const { pid } of indexers) process.kill(pid, 'SIGSTOP')
      await fill(node, shape)
      const seconds: number[] = []
      for (const indexer of indexers) seconds.push(await measure(indexer, await node.head(), shape))
      ratios.push(seconds[1] / seconds[0])
      console.log(`  ${indexers[0].name} is ${ratios.at(-1)!.toFixed(1)} times as fast as ${indexers[1].name}`)
    }
    if (rounds > 1) console.log(`  median of ${rounds} rounds: ${median(ratios).toFixed(1)} times`)
  }
}

async function startBoth(world: World, node: TestNode, binary: string, name: string): Promise<Indexer[]> {
  const [operator] = await node.call<Hex[]>('eth_accounts')
  const { catalog, accounts, unlock } = await deployContracts({
    rpcUrl: node.url,
    operator,
    signal: AbortSignal.timeout(60_000),
  })
  const folder = join(world.folder, name)
  await mkdir(folder)
  await copyBuild(folder, { Catalog: catalog, Accounts: accounts, Unlock: unlock })
  const indexers = [
    await startEmbedded({
      name: 'embedded',
      build: join(folder, 'build'),
      databaseUrl: await world.createDatabase(`${name}_embedded`),
      rpcUrl: node.url,
      logPath: join(folder, 'embedded.log'),
    }),
    await startGraphNode(binary, {
      folder,
      databaseUrl: await world.createDatabase(`${name}_graph_node`),
      rpcUrl: node.url,
      ipfsUrl: world.ipfsUrl,
      isImpatient: false,
      logPath: join(folder, 'graph-node.log'),
    }),
  ].map(world.keep)
  const { hash } = await node.head()
  for (const indexer of indexers) await reaches(indexer, hash, PATIENCE_SECONDS)
  return indexers
}

/** Wakes an indexer and ends it when it is at the head. @returns how long it took, in seconds */
async function measure(indexer: Indexer, head: { readonly hash: Hex }, shape: Shape): Promise<number> {
  const cpuBefore = cpuSecondsOf(indexer.pid)
  const startMs = performance.now()
  process.kill(indexer.pid, 'SIGCONT')
  await reaches(indexer, head.hash, PATIENCE_SECONDS)
  const seconds = (performance.now() - startMs) / 1000
  const cpuSeconds = cpuSecondsOf(indexer.pid) - cpuBefore
  await indexer.stop()
  const blocksPerSecond = shape.blocks / seconds
  const columns = [
    indexer.name.padEnd(12),
    `${seconds.toFixed(2)} s`.padStart(10),
    `${(blocksPerSecond * shape.eventsPerBlock).toFixed(0)} events/s`.padStart(17),
    `${blocksPerSecond.toFixed(0)} blocks/s`.padStart(16),
    `${cpuSeconds.toFixed(2)} s of processor`.padStart(26),
  ]
  console.log(`  ${columns.join('')}`)
  return seconds
}

async function fill(node: TestNode, { blocks, eventsPerBlock }: Shape): Promise<void> {
  const { hash } = await node.head()
  const [from] = await node.call<Hex[]>('eth_accounts')
  for (let block = 0; block < blocks; block++) {
    const transactions = Array.from({ length: eventsPerBlock }, (_, index) => ({
      from,
      to: embeddedAddresses.catalog,
      data: encodeFunctionData({ abi: catalogAbi, functionName: 'registerClip', args: [clipOf(`${block}-${index}`)] }),
    }))
    await node.mine(transactions)
  }
  const { hash: after } = await node.head()
  if (hash === after) throw new Error('the chain was not filled')
}

const clipOf = (name: string) => ({
  grc20WorkId: '',
  spotifyTrackId: name,
  clipStartMs: 30_000,
  clipEndMs: 60_000,
  metadataUri: `ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/${name}.json`,
})

/** User and system time of a process so far, in ticks of a hundredth of a second. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]
