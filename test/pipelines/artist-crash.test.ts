import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type AbiEvent, parseAbiItem } from 'viem'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openChains } from '../../worker/chain/open.ts'
import { createLog } from '../../worker/log.ts'
import { artist as pipeline } from '../../worker/pipelines/artist/index.ts'
import { openProviders, type Providers } from '../../worker/providers/index.ts'
import { openVault } from '../../worker/vault/open.ts'
import { loadSecretKey } from '../../worker/vault/secret-key.ts'
import { cutOff } from '../support/artist-faults.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

const CONTRACTS = ['wallets', 'accounts', 'space', 'unlock'] as const
const SEALED_WITH = '7b'.repeat(32)
let chain: TestChain
let engine: TestEngine
let firstBlock: bigint
/** What happens to the workers of this process at each point of each order. */
let at: Parameters<typeof cutOff>[1]
beforeAll(async () => {
  chain = await startTestChain()
})
beforeEach(async () => {
  at = () => {}
  const environment = { CHAIN_RPC_URL: chain.rpcUrl, REFRAIN_SECRET_KEY: SEALED_WITH }
  let providers = {} as Providers
  engine = await createTestEngine([pipeline], {
    environment,
    providers: new Proxy({} as Providers, { get: (_target, name: keyof Providers) => providers[name] }),
  })
  const { client, config } = engine
  const opened = openChains({ config, client, log: createLog('silent') })
  if (!opened) throw new Error('expected a chain')
  const cut = cutOff(opened.clips, (point, order) => at(point, order))
  const vault = openVault({ client, secretKey: await loadSecretKey(SEALED_WITH, engine.folder) })
  const deps = { chains: () => ({ clips: cut, locks: cut }), vault: () => vault }
  providers = openProviders({ ...environment, REFRAIN_DATA_DIR: engine.folder }, deps)
  firstBlock = (await chain.client.getBlockNumber()) + 1n
})
afterEach(() => engine?.close())

async function addArtists(names: readonly string[]): Promise<void> {
  await engine.query(
    `insert into tracks (title, source_type, artists)
     select 'Song', 'upload', jsonb_build_array(jsonb_build_object('name', name)) from unnest($1::text[]) name`,
    [names],
  )
}
async function eventsOf(contract: (typeof CONTRACTS)[number], event: string) {
  const address = chain.contracts[contract]
  return await chain.client.getLogs({ address, event: parseAbiItem(event) as AbiEvent, fromBlock: firstBlock })
}
/** What must hold of so many artists when nothing is left to do. */
async function expectOneOfEach(artists: number): Promise<void> {
  const rows = await engine.query<Record<string, string>>(
    `select a.stage, p.address, p.token_id, l.handle, l.owner, l.account_address, l.lock_address
     from artists a left join pkp_accounts p on p.artist_id = a.id left join lens_accounts l on l.artist_id = a.id`,
  )
  expect(rows.map(({ stage }) => stage)).toEqual(Array(artists).fill('locked'))
  const expectSame = (found: unknown[], column: string) => {
    const text = (value: unknown) => String(value).toLowerCase()
    expect(found.map(text).sort()).toEqual(rows.map((row) => text(row[column])).sort())
  }
  const args = (events: Awaited<ReturnType<typeof eventsOf>>, name: string) =>
    events.map((event) => (event.args as unknown as Record<string, unknown>)[name])
  const minted = await eventsOf(
    'wallets',
    'event WalletMinted(uint256 indexed tokenId, address indexed wallet, address indexed owner, bytes publicKey)',
  )
  expectSame(args(minted, 'wallet'), 'address')
  expectSame(args(minted, 'tokenId'), 'token_id')
  const created = await eventsOf(
    'accounts',
    'event AccountCreated(address indexed account, address indexed owner, string handle, string metadataUri)',
  )
  expectSame(args(created, 'account'), 'account_address')
  expectSame(args(created, 'owner'), 'owner')
  expectSame(args(created, 'handle'), 'handle')
  const locked = await eventsOf('unlock', 'event NewLock(address indexed lockOwner, address indexed newLockAddress)')
  expectSame(args(locked, 'newLockAddress'), 'lock_address')
  await engine.assertConsistent()
}

test('cut off before and after each of its transactions, every artist has one of each', async () => {
  const cut = new Set<string>()
  at = (point, { idempotencyKey }) => {
    const here = `${point} ${idempotencyKey}`
    if (cut.has(here)) return
    cut.add(here)
    throw new Error(`cut off at ${point}`)
  }
  // The first edit of a space is one transaction more.
  await engine.query('update stages set max_attempts = 8')
  await addArtists(['Cut One', 'Cut Two', 'Cut Three', 'Cut Three!', '王菲'])
  await Promise.all([engine.startWorker(), engine.startWorker()])
  await engine.untilIdle('artist', 40)
  expect(await engine.query("select stage, error_message from tasks where status = 'failed'")).toEqual([])
  await expectOneOfEach(4)
  for (const contract of CONTRACTS)
    for (const when of ['before', 'after'])
      expect([...cut].filter((point) => point.startsWith(`${contract}:${when}`)).length).toBeGreaterThanOrEqual(4)
  const attempts = await engine.query(
    "select distinct attempts from tasks where stage in ('mint_pkp', 'create_lens', 'deploy_unlock')",
  )
  expect(attempts).toEqual([{ attempts: 3 }])
})

test('terms and descriptions are those of the first attempt, whatever has changed when the next one comes', async () => {
  const { config } = engine
  const changed = { LOCK_PRICE_ETH: '2', LOCK_MAX_KEYS: '3' }
  at = (point) => {
    if (point === 'unlock:after' || point === 'accounts:after') {
      at = point === 'unlock:after' ? () => {} : at
      throw new Error('cut off')
    }
  }
  await addArtists(['Changing'])
  const first = await engine.startWorker()
  await engine.until("select 1 from tasks where stage = 'create_lens' and attempts = 1 and status = 'pending'")
  await engine.query("update artists set image_url = 'https://example.org/new.jpg', name = 'Changed'")
  at = (point) => {
    if (point === 'unlock:after') throw new Error('cut off')
  }
  await engine.until("select 1 from tasks where stage = 'deploy_unlock' and attempts >= 1 and status = 'pending'")
  await first.stop()
  at = () => {}
  await engine.startWorker(changed)
  await engine.untilIdle('artist')
  expect(await engine.query('select handle, lock_price_wei, lock_max_keys from lens_accounts')).toEqual([
    { handle: 'changing-ks1', lock_price_wei: '600000000000000', lock_max_keys: config.LOCK_MAX_KEYS },
  ])
  await expectOneOfEach(1)
})

test('workers killed with SIGKILL, each after another transaction, leave one of each to those who take over', async () => {
  const victims = ['wallets', 'unlock'].map((contract) =>
    fork(join(import.meta.dirname, '../support/artist-process.ts'), {
      env: {
        ...process.env,
        DATABASE_URL: engine.url,
        REFRAIN_DATA_DIR: engine.folder,
        REFRAIN_SECRET_KEY: SEALED_WITH,
        CHAIN_RPC_URL: chain.rpcUrl,
        RETRY_DELAYS_SECONDS: '0.1',
        SWEEP_INTERVAL_MS: '250',
        LIGHT_CONCURRENCY: '2',
        KILL_AT: `${contract}:after`,
      },
    }),
  )
  let artists = 0
  try {
    await Promise.all(victims.map((victim) => once(victim, 'message')))
    while (victims.some(({ signalCode }) => signalCode === null)) {
      const isIdle = await engine.query(
        "select 1 where not exists (select from tasks where status in ('pending', 'running'))",
      )
      if (isIdle.length > 0) await addArtists(Array.from({ length: 4 }, () => `Singer ${artists++}`))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(victims.map(({ signalCode }) => signalCode)).toEqual(['SIGKILL', 'SIGKILL'])
  } finally {
    for (const victim of victims) victim.kill('SIGKILL')
  }
  await Promise.all([engine.startWorker(), engine.startWorker()])
  await engine.untilIdle('artist', 60)
  await expectOneOfEach(artists)
}, 180_000)
