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

interface Measured {
  /** From the start of the process until the chain's head is indexed, in an empty database. */
  readonly seconds: number
  /** Processor time of the indexer itself, without that of the database and the node. */
  readonly cpuSeconds: number
}

type Starter = (database: string) => Promise<Indexer>

/**
 * Indexes the same chains with both, one after the other, from nothing. What each needs for a chain with the contracts alone is taken off,
 * so that neither is charged for its start.
 */
export async function measureSpeed(world: World, binary: string, rounds: number): Promise<void> {
  for (const shape of SHAPES) {
    console.log(`\n${shape.title}`)
    const ratios: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const node = await world.startNode()
      const folder = join(world.folder, `speed-${shape.eventsPerBlock}-${round}`)
      const starters = await prepare(world, node, binary, folder)
      const idle = await measureAll(node, starters, 'idle')
      await fill(node, shape)
      const full = await measureAll(node, starters, 'full')
      const rates = starters.map(({ name }, index) => {
        const seconds = full[index].seconds - idle[index].seconds
        const cpuSeconds = full[index].cpuSeconds - idle[index].cpuSeconds
        const [blocks, events] = [shape.blocks / seconds, (shape.blocks * shape.eventsPerBlock) / seconds]
        console.log(
          `  ${name.padEnd(12)} ${seconds.toFixed(2).padStart(6)} s  ${events.toFixed(0).padStart(6)} events/s  ${blocks.toFixed(0).padStart(5)} blocks/s  ` +
            `${cpuSeconds.toFixed(2).padStart(6)} CPU s   (started in ${idle[index].seconds.toFixed(2)} s, ${idle[index].cpuSeconds.toFixed(2)} CPU s)`,
        )
        return events
      })
      ratios.push(rates[0] / rates[1])
      console.log(`  ${starters[0].name} is ${ratios.at(-1)!.toFixed(1)} times as fast as ${starters[1].name}`)
    }
    if (rounds > 1) console.log(`  median of ${rounds} rounds: ${median(ratios).toFixed(1)} times`)
  }
}

async function prepare(
  world: World,
  node: TestNode,
  binary: string,
  folder: string,
): Promise<{ name: string; start: Starter }[]> {
  const [operator] = await node.call<Hex[]>('eth_accounts')
  const contracts = await deployContracts({ rpcUrl: node.url, operator, signal: AbortSignal.timeout(60_000) })
  await mkdir(folder)
  await copyBuild(folder, { Catalog: contracts.catalog, Accounts: contracts.accounts, Unlock: contracts.unlock })
  const database = (indexer: string, phase: string) =>
    world.createDatabase(`${indexer}_${folder.split('-').slice(-2).join('_')}_${phase}`)
  return [
    {
      name: 'embedded',
      start: async (phase) =>
        startEmbedded({
          name: 'embedded',
          build: join(folder, 'build'),
          databaseUrl: await database('embedded', phase),
          rpcUrl: node.url,
          logPath: join(folder, `embedded-${phase}.log`),
        }),
    },
    {
      name: 'graph-node',
      start: async (phase) =>
        startGraphNode(binary, {
          folder,
          databaseUrl: await database('graph', phase),
          rpcUrl: node.url,
          ipfsUrl: world.ipfsUrl,
          isImpatient: false,
          logPath: join(folder, `graph-node-${phase}.log`),
        }),
    },
  ]
}

async function measureAll(node: TestNode, starters: readonly { start: Starter }[], phase: string): Promise<Measured[]> {
  const { hash } = await node.head()
  const measured: Measured[] = []
  for (const { start } of starters) {
    const startMs = performance.now()
    const indexer = await start(phase)
    try {
      await reaches(indexer, hash, PATIENCE_SECONDS)
      measured.push({ seconds: (performance.now() - startMs) / 1000, cpuSeconds: cpuSecondsOf(indexer.pid) })
    } finally {
      await indexer.stop()
    }
  }
  return measured
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
