import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeFunctionData, type Hex } from 'viem'
import { catalogAbi } from '../contracts/abi/catalog.ts'
import { deployContracts, embeddedAddresses } from '../contracts/deploy.ts'
import { devAccount } from '../contracts/dev-accounts.ts'
import { runIndexer } from '../indexer/indexer.ts'
import { loadSubgraph } from '../indexer/manifest.ts'
import { readDeployment } from '../indexer/store/deployments.ts'
import { createIndexerTables } from '../indexer/store/open-deployment.ts'
import { openClient } from '../worker/db/client.ts'
import { startPostgres } from '../worker/db/postgres/index.ts'
import { createLog } from '../worker/log.ts'

/**
 * How fast the embedded indexer reads a chain that is already there, everything stored in PostgreSQL: events a second with many
 * events in a block, blocks a second with one event in each. Every event is a registered clip: a clip and a record of the event are
 * written, an emitter is read. Contenders take turns in every round, on the same chain and server:
 *
 * - refrain: as it is used
 * - new instance: a new WebAssembly instance for every event, as graph-node does it
 * - block by block: a transaction of the database for every block
 *
 *     node bench/indexing.ts [--blocks 100] [--per-block 100] [--single 2000] [--rounds 3]
 */
const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '100' },
    'per-block': { type: 'string', default: '100' },
    single: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
  },
})
const BUILD = fileURLToPath(new URL('../subgraph/build/', import.meta.url))
const CONTENDERS = {
  refrain: {},
  'new instance': { isReset: false },
  'block by block': { batchSize: 1 },
} as const satisfies Record<string, { isReset?: boolean; batchSize?: number }>
const AIM_EVENTS = 5_000
const AIM_BLOCKS = 400

const folder = await mkdtemp(join(tmpdir(), 'refrain bench '))
// Root's PostgreSQL runs as somebody else, who has to get in.
await chmod(folder, 0o755)
const postgres = await startPostgres({ dataDirectory: join(folder, 'postgres'), log: createLog('error') })
const client = openClient(postgres.url, { name: 'refrain indexer' })
await createIndexerTables(client)
try {
  const perBlock = Number(options['per-block'])
  const dense = await measure(Number(options.blocks), perBlock)
  const sparse = await measure(Number(options.single), 1)
  report(`events a second, ${perBlock} in a block`, dense, perBlock, AIM_EVENTS)
  report('blocks a second, one event in each', sparse, 1, AIM_BLOCKS)
} finally {
  await client.close()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}

interface Measured {
  readonly blocks: number
  /** Seconds of each round. */
  readonly seconds: Record<keyof typeof CONTENDERS, number[]>
}

async function measure(blocks: number, perBlock: number): Promise<Measured> {
  const chain = await startChain()
  try {
    await chain.fill(blocks, perBlock)
    const seconds: Measured['seconds'] = { refrain: [], 'new instance': [], 'block by block': [] }
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const name of Object.keys(CONTENDERS) as (keyof typeof CONTENDERS)[]) {
        seconds[name].push(await index(`${name} ${round} ${perBlock}`, CONTENDERS[name], chain.url, blocks * perBlock))
      }
    }
    return { blocks, seconds }
  } finally {
    chain.node.kill()
  }
}

/** Seconds from the start of the indexer until it says that the database holds the head, indexes and all. */
async function index(
  name: string,
  { isReset = true, batchSize }: { isReset?: boolean; batchSize?: number },
  rpcUrl: string,
  clips: number,
): Promise<number> {
  const { catalog, accounts, unlock } = embeddedAddresses
  const addresses = { Catalog: catalog, Accounts: accounts, Unlock: unlock }
  const subgraph = await loadSubgraph(BUILD, 'subgraph.yaml', { addresses }, { isReset })
  const stopping = new AbortController()
  const startedMs = performance.now()
  const batches = batchSize ? { batchSize } : {}
  const log = createLog('warn')
  const done = runIndexer({ client, name, subgraph, rpcUrl, log, signal: stopping.signal, ...batches })
  while ((await readDeployment(client.pool, name))?.state !== 'following') await sleep(5)
  const seconds = (performance.now() - startedMs) / 1_000
  stopping.abort()
  await done
  await assertClips(name, clips)
  return seconds
}

async function assertClips(name: string, expected: number): Promise<void> {
  const deployment = await readDeployment(client.pool, name)
  const { rows } = await client.pool.query(`select count(*)::integer as count from "${deployment?.schema}".clip_event`)
  if (rows[0].count !== expected) throw new Error(`${name}: expected ${expected} events, got ${rows[0].count}`)
}

function report(title: string, { blocks, seconds }: Measured, perBlock: number, aim: number): void {
  const rates = (name: keyof typeof CONTENDERS) => seconds[name].map((value) => (blocks * perBlock) / value)
  const ours = median(rates('refrain'))
  console.log(`\n${title}: aim ${aim}, ${ours >= aim ? 'reached' : 'missed'}`)
  for (const name of Object.keys(CONTENDERS) as (keyof typeof CONTENDERS)[]) {
    const ratios = seconds[name].map((value, round) => value / seconds.refrain[round])
    console.log(
      `${name.padEnd(15)} ${Math.round(median(rates(name)))
        .toString()
        .padStart(7)}  1/${median(ratios).toFixed(2)}  (${rates(name).map(Math.round).join(', ')})`,
    )
  }
  if (ours < aim) process.exitCode = 1
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)]
}

interface BenchChain {
  readonly url: string
  readonly node: ChildProcess
  rpc<T>(method: string, parameters?: readonly unknown[]): Promise<T>
  /** Mines blocks that register clips. */
  fill(blocks: number, perBlock: number): Promise<void>
}

async function startChain(): Promise<BenchChain> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const binary = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/bin/anvil')
  const node = spawn(binary, ['--silent', '--host', '127.0.0.1', '--port', String(port), '--chain-id', '31337'])
  process.once('exit', () => node.kill('SIGKILL'))
  let lastId = 0
  const send = async (body: unknown): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json()
  }
  const call = (method: string, params: readonly unknown[] = []) => ({ jsonrpc: '2.0', id: ++lastId, method, params })
  const rpc = async <T>(method: string, parameters: readonly unknown[] = []) =>
    ((await send(call(method, parameters))) as { result: T }).result
  while (!(await rpc('eth_chainId').catch(() => null))) await sleep(10)
  const operator = devAccount(0).address
  await deployContracts({ rpcUrl: url, operator, signal: AbortSignal.timeout(30_000) })
  return {
    url,
    node,
    rpc,
    async fill(blocks, perBlock) {
      await rpc('evm_setAutomine', [false])
      await rpc('evm_setBlockGasLimit', ['0x3b9aca00'])
      let nonce = Number(await rpc<Hex>('eth_getTransactionCount', [operator, 'latest']))
      for (let block = 0; block < blocks; block++) {
        const transactions = Array.from({ length: perBlock }, (_none, index) => {
          const data = registerClip(block * perBlock + index)
          const transaction = {
            from: operator,
            to: embeddedAddresses.catalog,
            data,
            nonce: hex(nonce++),
            gas: hex(400_000),
          }
          return call('eth_sendTransaction', [transaction])
        })
        await send([...transactions, call('evm_mine')])
      }
      const count = Number(await rpc<Hex>('eth_getTransactionCount', [operator, 'latest']))
      if (count !== nonce) throw new Error(`expected ${nonce} transactions to be mined, got ${count}`)
    },
  }
}

function hex(value: number): Hex {
  return `0x${value.toString(16)}`
}

function registerClip(index: number): Hex {
  const clip = {
    grc20WorkId: `work-${index}`,
    spotifyTrackId: `track-${index}`,
    clipStartMs: 1_000,
    clipEndMs: 61_000,
    metadataUri: `ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/${index}`,
  }
  return encodeFunctionData({ abi: catalogAbi, functionName: 'registerClip', args: [clip] })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
