import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { requestStage, waitingReasons } from '../../worker/engine/tasks.ts'
import { Blocked, ProviderUnavailable } from '../../worker/errors.ts'
import { artist as pipeline } from '../../worker/pipelines/artist/index.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { createTestEngine } from '../support/engine.ts'
import { type ArtistEngine, all, createArtistEngine, ENRICHMENT, IDENTITY } from './artist-engine.ts'

let chain: TestChain
let engine: ArtistEngine
beforeAll(async () => {
  chain = await startTestChain()
  engine = await createArtistEngine(chain)
})
afterAll(() => engine?.close())
afterEach(async () => {
  await engine.untilIdle('artist')
  await engine.assertConsistent()
})

test('an artist that appears with a track gets a wallet, an account, an entry in the space and a lock, in this order', async () => {
  engine.provide()
  const artist = await engine.addTrack('Beyoncé')
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(artist)).toEqual({ ...all(ENRICHMENT, 'skipped'), ...all(IDENTITY, 'completed') })
  const order = await engine.query<{ stage: string }>(
    "select stage from tasks where subject_id = $1 and status = 'completed' order by settled_at",
    [artist],
  )
  expect(order.map(({ stage }) => stage)).toEqual(IDENTITY)
  const tasks = await engine.tasksOf(artist)
  expect(tasks.spotify_enrichment.reason).toBe('Spotify is not asked (METADATA_SOURCES)')
  const wallet = await engine.rowOf('pkp_accounts', artist)
  expect(wallet).toMatchObject({
    address: tasks.mint_pkp.result_data.address,
    token_id: tasks.mint_pkp.result_data.tokenId,
    owner: chain.operator.address,
    network: 'eip155:31337',
    provider: 'embedded',
  })
  const account = await engine.rowOf('lens_accounts', artist)
  expect(account).toMatchObject({
    handle: 'beyonce-ks1',
    owner: wallet.address,
    account_address: tasks.create_lens.result_data.address,
    taken_handles: [],
    metadata_uri: expect.stringMatching(/^ipfs:\/\/bafkrei/),
    lock_address: tasks.deploy_unlock.result_data.address,
    lock_chain_id: 31337,
    lock_price_wei: '600000000000000',
    lock_currency: 'ETH',
    lock_duration_seconds: 2_592_000,
    lock_max_keys: 1_000_000,
  })
  expect(await engine.query('select stage from artists where id = $1', [artist])).toEqual([{ stage: 'locked' }])
  // The public description is archived, and its bytes say the name.
  const [file] = await engine.query<{ sha256: string; url: string }>(
    "select sha256, url from artifact_locations where role = 'archive'",
  )
  expect(account.metadata_uri).toBe(`ipfs://${file.url.split('/').at(-1)}`)
})

test('without a chain every step of the identity is skipped with the reason, and runs when there is one', async () => {
  const none = () => {
    throw new Blocked('no chain is configured: CHAIN_RPC_URL is off')
  }
  engine.provide({ chains: none })
  const artist = await engine.addTrack('Offline')
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(artist)).toEqual(all([...ENRICHMENT, ...IDENTITY], 'skipped'))
  const tasks = await engine.tasksOf(artist)
  expect(tasks.mint_pkp.reason).toBe('no chain is configured: CHAIN_RPC_URL is off')
  expect(tasks.create_lens.reason).toBe('the artist has no wallet')
  expect(tasks.deploy_unlock.reason).toBe('the artist has no account')
  expect(await engine.rowOf('pkp_accounts', artist)).toBeUndefined()
  engine.provide()
  await engine.query("select rerun_stage('artist', $1, 'mint_pkp')", [artist])
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(artist)).toEqual({ ...all(ENRICHMENT, 'skipped'), ...all(IDENTITY, 'completed') })
})

test("one artist's failure stops neither the others nor what does not stand on it", async () => {
  engine.provide()
  const { wallet } = engine.providers()
  const [{ next }] = await engine.query<{ next: number }>('select max(id) + 1 as next from artists')
  let isUnlucky = true
  const create: typeof wallet.create = (request) =>
    isUnlucky && request.name.endsWith(`:${next}`)
      ? Promise.reject(new ProviderUnavailable('wallet', 'no gas'))
      : wallet.create(request)
  engine.provide({ more: { wallet: { ...wallet, unavailableReason: null, create } } })
  const artists = []
  for (const name of ['Unlucky', 'Lucky One', 'Lucky Two']) artists.push(await engine.addTrack(name))
  expect(artists[0]).toBe(next)
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(artists[0])).toEqual({ ...all(ENRICHMENT, 'skipped'), mint_pkp: 'failed' })
  expect((await engine.tasksOf(artists[0])).mint_pkp).toMatchObject({ retry_count: 3, error_message: 'wallet: no gas' })
  for (const artist of artists.slice(1)) expect((await engine.statusesOf(artist)).deploy_unlock).toBe('completed')
  expect(
    (await waitingReasons(engine.client.pool, 'artist', artists[0])).find(({ stage }) => stage === 'create_lens')
      ?.reason,
  ).toBe('waits for mint_pkp (failed: wallet: no gas)')
  expect(await engine.query('select id from find_artists_ready_for_lens()')).toEqual([])
  isUnlucky = false
  await engine.query("select create_artist_task($1, 'mint_pkp')", [artists[0]])
  await engine.untilIdle('artist')
  expect((await engine.statusesOf(artists[0])).deploy_unlock).toBe('completed')
})

test('a lock is deployed although the entry in the space cannot be published, and the space does not wait for locks', async () => {
  engine.provide()
  const { space, locks } = engine.providers()
  const refused = async () => Promise.reject(new Blocked('the space is closed'))
  engine.provide({ more: { space: { ...space, unavailableReason: null, identify: refused } } })
  const closed = await engine.addTrack('Closed Space')
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(closed)).toMatchObject({ mint_grc20: 'failed', deploy_unlock: 'completed' })
  engine.provide({ more: { locks: { ...locks, unavailableReason: null, deploy: refused } } })
  const lockless = await engine.addTrack('No Lock')
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(lockless)).toMatchObject({ mint_grc20: 'completed', deploy_unlock: 'failed' })
  expect(await engine.query('select id from find_artists_ready_for_unlock()')).toEqual([{ id: lockless }])
  const [before] = await engine.query('select count(*) from grc20_edits')
  engine.provide()
  await engine.query("select create_artist_task($1, 'deploy_unlock')", [lockless])
  await engine.untilIdle('artist')
  expect((await engine.statusesOf(lockless)).deploy_unlock).toBe('completed')
  expect(await engine.query('select count(*) from grc20_edits')).toEqual([before])
})

test('artists of one name, and of names in other scripts, get handles of their own, and the taken ones are on record', async () => {
  engine.provide()
  const artists = []
  for (const [name, id] of [
    ['Twin', 't1'],
    ['TWIN', 't2'],
    ['Twín', 't3'],
    ['王菲', null],
    ['周杰倫', null],
  ] as const)
    artists.push(await engine.addTrack(name, id ? { primary_artist_id: id } : {}))
  expect(new Set(artists).size).toBe(5)
  await engine.untilIdle('artist')
  const rows = await engine.query<{ handle: string; taken_handles: string[] }>(
    'select handle, taken_handles from lens_accounts where artist_id = any($1) order by handle',
    [artists],
  )
  expect(rows.slice(0, 2).map(({ handle }) => handle)).toEqual([
    expect.stringMatching(/^artist-[0-9a-f]{10}-ks1$/),
    expect.stringMatching(/^artist-[0-9a-f]{10}-ks1$/),
  ])
  expect(rows.slice(2)).toEqual([
    { handle: 'twin-2-ks1', taken_handles: ['twin-ks1'] },
    { handle: 'twin-3-ks1', taken_handles: ['twin-ks1', 'twin-2-ks1'] },
    { handle: 'twin-ks1', taken_handles: [] },
  ])
})

test('a step that is done and asked for again, twice at once, does nothing new', async () => {
  engine.provide()
  const artist = await engine.addTrack('Asked Again')
  await engine.untilIdle('artist')
  const identity = async () => [await engine.rowOf('pkp_accounts', artist), await engine.rowOf('lens_accounts', artist)]
  const before = await identity()
  const sent = engine.local().orders.length
  for (const stage of IDENTITY) {
    await Promise.all([1, 2, 3].map(() => requestStage(engine.client.pool, 'artist', artist, stage)))
    await engine.untilIdle('artist')
  }
  expect(await engine.statusesOf(artist)).toEqual({ ...all(ENRICHMENT, 'skipped'), ...all(IDENTITY, 'completed') })
  expect(await identity()).toEqual(before)
  expect(engine.local().orders).toHaveLength(sent)
})

test('terms of locks come from the configuration', async () => {
  engine.provide()
  const other = await createTestEngine([pipeline], {
    providers: engine.providers(),
    environment: { LOCK_PRICE_ETH: '1.5', LOCK_DURATION_DAYS: '0.5', LOCK_MAX_KEYS: '7' },
  })
  try {
    await other.startWorker()
    await other.query(
      `insert into tracks (title, source_type, artists) values ('a', 'upload', '[{"name": "Dear Artist"}]')`,
    )
    await other.untilIdle('artist')
    expect(await other.query('select lock_price_wei, lock_duration_seconds, lock_max_keys from lens_accounts')).toEqual(
      [{ lock_price_wei: '1500000000000000000', lock_duration_seconds: 43_200, lock_max_keys: 7 }],
    )
  } finally {
    await other.close()
  }
})

test('an artist that turned out to be another one while it waited gets nothing of its own', async () => {
  engine.provide()
  const known = await engine.addTrack('Known As', { primary_artist_id: 'k1' })
  await engine.untilIdle('artist')
  const [{ id: alias }] = await engine.query<{ id: number }>(
    "insert into artists (name, merged_into) values ('Also Known As', $1) returning id",
    [known],
  )
  await engine.untilIdle('artist')
  expect(await engine.statusesOf(alias)).toEqual(all([...ENRICHMENT, ...IDENTITY], 'skipped'))
  expect((await engine.tasksOf(alias)).mint_pkp.reason).toBe(`it is the same artist as Artist:${known}`)
})

test('private keys are in the vault and nowhere else', async () => {
  const tables = [
    'tasks',
    'task_events',
    'effects',
    'pkp_accounts',
    'lens_accounts',
    'graphile_worker._private_jobs',
    'grc20_edits',
  ]
  const dump = (
    await Promise.all(tables.map((table) => engine.query(`select to_jsonb(t)::text as row from ${table} t`)))
  ).flat()
  const text = JSON.stringify([dump, engine.local().orders], (_key, value) =>
    typeof value === 'bigint' ? `${value}` : value,
  )
  expect(engine.vault.secrets.size).toBeGreaterThan(0)
  const log = engine.logged.join('\n')
  expect(log).toContain('task failed')
  for (const secret of engine.vault.secrets.values()) {
    expect(log).not.toContain(Buffer.from(secret).toString('hex'))
    expect(text).not.toContain(Buffer.from(secret).toString('hex'))
    expect(text).not.toContain(Buffer.from(secret).toString('base64'))
  }
})
