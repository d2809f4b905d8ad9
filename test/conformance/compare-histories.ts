import { join } from 'node:path'
import { compareEntities } from './compare.ts'
import { compareQueries } from './compare-queries.ts'
import { compareSchemas } from './compare-schemas.ts'
import { compareWithContracts } from './contract-truth.ts'
import { startEmbedded } from './embedded.ts'
import { readEntityTypes } from './entities.ts'
import { startGraphNode } from './graph-node.ts'
import { openTheatre, play } from './histories.ts'
import { type Indexer, reaches } from './indexer.ts'
import type { World } from './world.ts'

const PATIENCE_SECONDS = 300
const SHOWN = 20

/**
 * Lets both indexers follow a random history, with re-orgs in the middle of what they do, and compares what they have in the end, and what
 * they say of earlier blocks, with each other, with an index made afresh and with the contracts themselves.
 *
 * @returns how many differences there are; all are told
 */
export async function compareHistories(world: World, binary: string, seed: number, length: number): Promise<number> {
  const node = await world.startNode()
  const theatre = await openTheatre(node, world.folder)
  const embed = async (name: string) =>
    world.keep(
      await startEmbedded({
        name,
        build: join(world.folder, 'build'),
        databaseUrl: await world.createDatabase(name),
        rpcUrl: node.url,
        logPath: join(world.folder, `${name}.log`),
      }),
    )
  const graphNode = world.keep(
    await startGraphNode(binary, {
      folder: world.folder,
      databaseUrl: await world.createDatabase('graph_node'),
      rpcUrl: node.url,
      ipfsUrl: world.ipfsUrl,
      isImpatient: true,
      logPath: join(world.folder, 'graph-node.log'),
    }),
  )
  const embedded = await embed('embedded')
  const { blocks, reorgs } = await play(theatre, seed, length)
  const { hash } = await node.head()
  console.log(`history of seed ${seed}: ${blocks} blocks, ${reorgs} re-orgs`)
  const playedMs = performance.now()
  const arrive = async (indexer: Indexer) => {
    await reaches(indexer, hash, PATIENCE_SECONDS)
    console.log(`  ${indexer.name} is there ${((performance.now() - playedMs) / 1000).toFixed(1)} s after its end`)
  }
  await Promise.all([embedded, graphNode].map(arrive))
  const fresh = await embed('embedded_afresh')
  await reaches(fresh, hash, PATIENCE_SECONDS)

  const types = await readEntityTypes()
  const found: string[] = []
  const report = (what: string, differences: readonly string[]) => {
    console.log(`  ${what}: ${differences.length} differences`)
    found.push(...differences)
    for (const difference of differences.slice(0, SHOWN)) console.log(`    ${difference}`)
  }
  for (const block of [blocks, blocks - 1, blocks - 13, Math.floor(blocks / 2), Math.floor(blocks / 4)]) {
    for (const other of [graphNode, fresh]) {
      const { entities, fields, differences } = await compareEntities(embedded, other, types, block)
      report(`block ${block}, ${embedded.name} and ${other.name}: ${entities} entities, ${fields} fields`, differences)
    }
    const { reads, differences } = await compareWithContracts(node, embedded, types, block)
    report(`block ${block}, ${embedded.name} and the contracts: ${reads} reads`, differences)
  }
  const queries = await compareQueries(embedded, graphNode, types)
  report(`${queries.queries} queries`, queries.differences)
  const schemas = await compareSchemas(embedded, graphNode)
  report(`GraphQL schemas of ${schemas.lines} lines`, schemas.differences)
  for (const indexer of [embedded, fresh, graphNode]) await indexer.stop()
  return found.length
}
