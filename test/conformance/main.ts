/** See run.sh. */
import { parseArgs } from 'node:util'
import { compareHistories } from './compare-histories.ts'
import { findGraphNode } from './graph-node.ts'
import { measureSpeed } from './speed.ts'
import { tryWholeServer } from './whole-server.ts'
import { createWorld } from './world.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) },
    length: { type: 'string', default: '1500' },
    rounds: { type: 'string', default: '1' },
  },
})
const binary = findGraphNode()
if (!binary) throw new Error('graph-node is not installed: run npm ci in test/conformance')
const what = positionals[0] ?? 'all'
const parts = ['histories', 'server', 'speed']
if (![...parts, 'all'].includes(what)) throw new Error(`expected one of ${parts.join(', ')}, got ${what}`)

await using world = await createWorld()
// The database would go on without us.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    await world[Symbol.asyncDispose]()
    process.exit(130)
  })
const wants = (part: string) => what === part || what === 'all'
if (wants('histories')) {
  const differences = await compareHistories(world, binary, Number(values.seed), Number(values.length))
  if (differences > 0) process.exitCode = 1
}
if (wants('server')) await tryWholeServer(world, binary)
if (wants('speed')) await measureSpeed(world, binary, Number(values.rounds))
