import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Hex } from 'viem'
import { deployContracts } from '../../contracts/deploy.ts'
import { copyBuild } from './build-copy.ts'
import { startGraphNode } from './graph-node.ts'
import type { World } from './world.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
/** Of the first account that development chains know. */
const OPERATOR_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const PATIENCE_SECONDS = 120

const QUERY = `{
  tracks(first: 1) { edges { node {
    artist { lock { address } }
    catalogClip { isRegistered encryption { opensFor(wallet: "WALLET") lock { handle totalKeys artist { name } keys { owner isActive } } } }
  } } }
  catalogStatus { part blocksBehind hasIndexingErrors fault }
}`
const EVENTS = ['clipRegistered', 'segmentEncrypted', 'keyPurchased']

/**
 * Runs the whole server with the real graph-node in place of the embedded indexer, lets our own song go through it, and looks for it in the
 * catalog and its subscriptions.
 *
 * @throws when it is not there, or not as it should be
 */
export async function tryWholeServer(world: World, binary: string): Promise<void> {
  console.log('\nThe whole server on graph-node')
  const node = await world.startNode()
  const [operator] = await node.call<Hex[]>('eth_accounts')
  const { catalog, accounts, unlock } = await deployContracts({
    rpcUrl: node.url,
    operator,
    signal: AbortSignal.timeout(60_000),
  })
  const folder = join(world.folder, 'whole-server')
  await mkdir(folder)
  await copyBuild(folder, { Catalog: catalog, Accounts: accounts, Unlock: unlock })
  const graphNode = world.keep(
    await startGraphNode(binary, {
      folder,
      databaseUrl: await world.createDatabase('whole_server_graph_node'),
      rpcUrl: node.url,
      ipfsUrl: world.ipfsUrl,
      isImpatient: false,
      logPath: join(folder, 'graph-node.log'),
    }),
  )
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DATABASE_URL: await world.createDatabase('whole_server'),
    REFRAIN_DATA_DIR: join(folder, 'data'),
    CHAIN_RPC_URL: node.url,
    PRIVATE_KEY: OPERATOR_KEY,
    SUBGRAPH_URL: graphNode.url,
    PORT: '0',
    LOG_LEVEL: 'error',
  }
  const run = (program: string, ...args: string[]) =>
    spawn(process.execPath, [join(CHECKOUT, 'cli', program), ...args], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const server = run('start.ts')
  world.keep({ stop: () => end(server) })
  const url = await readyUrl(server)
  const song = ['lantern-road.mp3', 'lyrics.txt'].map((name) => join(CHECKOUT, 'song', name))
  const submission = run('main.ts', 'submit', ...song, '--artist', 'Refrain House Band', '--follow', '--url', url)
  submission.stdout.resume()
  const [exitCode] = await once(submission, 'exit')
  if (exitCode !== 0) throw new Error(`the song was not made: refrain submit ended with ${exitCode}`)

  const shown = await untilShown(url, operator)
  console.log(`  the catalog shows the song, its lock and its key: ${shown}`)
  for (const name of EVENTS) console.log(`  ${name}: ${await firstEvent(url, name)}`)
  await end(server)
  await graphNode.stop()
}

/** Asks until everything that is on chain has come: the operator itself holds a key, with which it has proven the song. */
async function untilShown(url: string, operator: string): Promise<string> {
  const deadline = performance.now() + PATIENCE_SECONDS * 1000
  for (;;) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: QUERY.replace('WALLET', operator) }),
    })
    const { data, errors } = await response.json()
    if (errors) throw new Error(`the API answered ${JSON.stringify(errors)}`)
    const faults = data.catalogStatus.filter((part: { fault: unknown }) => part.fault !== null)
    if (faults.length > 0) throw new Error(`the catalog has faults: ${JSON.stringify(faults)}`)
    const clip = data.tracks.edges[0].node.catalogClip
    const lock = clip?.encryption?.lock
    if (
      clip?.isRegistered &&
      clip.encryption?.opensFor &&
      lock?.artist?.name === 'Refrain House Band' &&
      lock.handle !== null &&
      lock.keys.length === 1
    )
      return JSON.stringify(lock)
    if (performance.now() > deadline) throw new Error(`the catalog does not show the song: ${JSON.stringify(data)}`)
    await delay(250)
  }
}

async function firstEvent(url: string, name: string): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: `subscription { ${name}(after: 0) { seq isRetracted at } }` }),
    signal: AbortSignal.timeout(20_000),
  })
  let text = ''
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part
    const event = /^data: (.+)\n/m.exec(text)?.[1]
    if (event) return event
  }
  throw new Error(`${name} ended without an event: ${text}`)
}

function readyUrl(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stdout!.setEncoding('utf8').on('data', (part: string) => {
      said += part
      const url = /Refrain is ready: (http:\S+)\/graphql\n/.exec(said)?.[1]
      if (url) resolve(url)
    })
    server.once('exit', () => reject(new Error(`the server ended before it was ready: ${said}`)))
  })
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  await ended
}
