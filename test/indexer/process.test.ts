import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readDeployment } from '../../indexer/store/deployments.ts'
import { openClient } from '../../worker/db/client.ts'
import { startTestChain } from '../support/chain.ts'
import { createTestDatabase } from '../support/database.ts'
import { startHistory } from './histories.ts'
import { ownSubgraph, readEntities, startTestIndexer } from './indexing.ts'
import { seeded } from './random.ts'

const MAIN = fileURLToPath(new URL('../../indexer/main.ts', import.meta.url))
const chain = await startTestChain()
const database = await createTestDatabase()
const client = openClient(database.url)
const folder = await mkdtemp(join(tmpdir(), 'refrain indexer '))
const processes = new Set<ChildProcess>()
afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL')
  await client.close()
  await chain.stop()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** The indexer's own process. @returns what it tells when it is ready */
async function start(more: Record<string, string> = {}): Promise<{ child: ChildProcess; url: string }> {
  const { PATH = '', HOME = '' } = process.env
  const { catalog, accounts, unlock } = chain.contracts
  const addresses = { CATALOG_ADDRESS: catalog, ACCOUNTS_ADDRESS: accounts, UNLOCK_ADDRESS: unlock }
  const settings = {
    DATABASE_URL: database.url,
    CHAIN_RPC_URL: chain.rpcUrl,
    INDEXER_PORT: '0',
    REFRAIN_DATA_DIR: folder,
  }
  const child = fork(MAIN, { env: { PATH, HOME, ...addresses, ...settings, LOG_LEVEL: 'error', ...more } })
  processes.add(child)
  const [message] = await once(child, 'message')
  expect(message.kind, message.message).toBe('ready')
  return { child, url: message.url }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, 'exit')
  child.kill(signal)
  processes.delete(child)
  return (await ended)[0]
}

async function untilBlock(name: string, hash: string, seconds = 20): Promise<void> {
  const endMs = Date.now() + seconds * 1_000
  while ((await readDeployment(client.pool, name))?.block?.hash !== hash) {
    if (Date.now() > endMs) throw new Error(`${name} did not reach block ${hash}`)
    await sleep(20)
  }
}

test('an indexer that is killed again and again while it writes loses nothing and doubles nothing', async () => {
  const random = seeded(5)
  const history = startHistory(chain, random)
  let isOver = false
  const acting = (async () => {
    for (let action = 0; action < 120; action++) await history.act()
    isOver = true
  })()
  for (let kills = 0; kills < 6 || !isOver; kills++) {
    const { child } = await start()
    await sleep(random.whole(50, 400))
    await end(child, 'SIGKILL')
  }
  await acting
  const { child } = await start()
  const head = await chain.client.getBlock()
  await untilBlock('refrain', head.hash)
  const shared = { databaseUrl: database.url, rpcUrl: chain.rpcUrl, name: 'fresh' }
  const fresh = await startTestIndexer({ ...shared, subgraph: await ownSubgraph(chain.contracts) })
  await fresh.until(({ block }) => block?.hash === head.hash)
  for (let block = 10; block <= Number(head.number); block += 10) {
    expect(await readEntities(client, 'refrain', block), `block ${block}`).toEqual(await fresh.entities(block))
  }
  expect(await readEntities(client, 'refrain')).toEqual(await fresh.entities())
  await fresh.stop()
  expect(await end(child, 'SIGTERM')).toBe(0)
})

test('a second process answers queries and takes over when the first is gone', async () => {
  const first = await start()
  await untilBlock('refrain', (await chain.client.getBlock()).hash)
  const second = await start()
  const ask = async (url: string) => {
    const body = JSON.stringify({ query: '{ _meta { block { number hash } hasIndexingErrors } }' })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/subgraphs/name/refrain`, { method: 'POST', headers, body })
    return ((await answer.json()) as { data: { _meta: { block: { number: number; hash: string } } } }).data._meta.block
  }
  const { hash, number } = await chain.client.getBlock()
  expect([await ask(first.url), await ask(second.url)]).toEqual([
    { hash, number: Number(number) },
    { hash, number: Number(number) },
  ])
  await end(first.child, 'SIGKILL')
  await startHistory(chain, seeded(6)).createLock(chain.buyer(0))
  const head = await chain.client.getBlock()
  await untilBlock('refrain', head.hash)
  expect(await ask(second.url)).toEqual({ hash: head.hash, number: Number(head.number) })
  await end(second.child, 'SIGTERM')
})

test('clips and locks on two chains are two deployments, each with its own sources', async () => {
  const locks = await startTestChain({ chainId: 31_338 })
  try {
    await startHistory(locks, seeded(7)).createLock(locks.buyer(0))
    const { child } = await start({ LOCK_CHAIN_RPC_URL: locks.rpcUrl })
    await untilBlock('refrain-clips', (await chain.client.getBlock()).hash)
    await untilBlock('refrain-locks', (await locks.client.getBlock()).hash)
    const clips = await readEntities(client, 'refrain-clips')
    expect(clips.get('Clip')?.size).toBeGreaterThan(0)
    expect(clips.get('Lock')?.size).toBe(0)
    const found = await readEntities(client, 'refrain-locks')
    expect([found.get('Lock')?.size, found.get('Clip')?.size]).toEqual([1, 0])
    expect((await readDeployment(client.pool, 'refrain-locks'))?.chainId).toBe(31_338)
    // Locks that clips name live elsewhere: no segment refers to one here.
    for (const row of clips.get('Segment')!.values()) {
      const segment = JSON.parse(row)
      expect(segment.lock === null).toBe(segment.lock_chain_id !== 31_337 || /^\\x0+$/.test(segment.lock_address))
    }
    expect(await end(child, 'SIGTERM')).toBe(0)
  } finally {
    await locks.stop()
  }
})

test('an indexer without a chain or a database says what is missing', async () => {
  for (const [more, message] of [
    [{ CHAIN_RPC_URL: 'off' }, 'the indexer needs a chain'],
    [{ DATABASE_URL: '' }, 'DATABASE_URL'],
  ] as const) {
    await expect(start(more)).rejects.toThrow(message)
  }
})
