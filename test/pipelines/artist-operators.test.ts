import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { artist as pipeline } from '../../worker/pipelines/artist/index.ts'
import { createTestEngine, type TestEngine } from '../support/engine.ts'

let engine: TestEngine
beforeAll(async () => {
  engine = await createTestEngine([pipeline])
})
afterAll(() => engine?.close())
afterEach(async () => {
  await engine.query('truncate tracks, artists, subjects, tasks, task_events cascade')
})

const task = async (artist: number | null, type: string) =>
  (
    await engine.query<Record<string, unknown>>(
      'select status, retry_count, error_message, result_data, reason from artist_tasks where artist_id = $1 and task_type = $2',
      [artist, type],
    )
  )[0]
async function addArtist(): Promise<number> {
  const [id] = await engine.add('artist')
  return id
}
/** Settles what comes before the identity. */
async function settleEnrichment(artist: number): Promise<void> {
  for (const source of ['spotify', 'quansic', 'wikidata', 'genius'])
    await engine.query('select skip_artist_task($1, $2, $3)', [artist, `${source}_enrichment`, 'not asked'])
}
const call = (fn: string, ...args: unknown[]) =>
  engine.query(`select ${fn}(${args.map((_arg, at) => `$${at + 1}`).join(', ')})`, args)
const found = async (fn: string, ...args: unknown[]) =>
  (
    await engine.query<{ id: number }>(`select id from ${fn}(${args.map((_arg, at) => `$${at + 1}`).join(', ')})`, args)
  ).map((row) => row.id)
const address = (digit: string) => `0x${digit.repeat(40)}`
const givePkp = (artist: number, digit: string) =>
  engine.query(
    "insert into pkp_accounts (artist_id, address, network, provider) values ($1, $2, 'eip155:31337', 'embedded')",
    [artist, address(digit)],
  )
const giveLens = (artist: number, digit: string) =>
  engine.query(
    `insert into lens_accounts (artist_id, handle, account_address, owner, namespace, provider, metadata_uri)
     values ($1, $2, $3, $4, 'here', 'embedded', 'ipfs://x')`,
    [artist, `artist-${digit}-ks1`, address(digit), address('f')],
  )

test('create_artist_task queues a task that is ready, resets a failed one and leaves every other alone', async () => {
  const artist = await addArtist()
  await expect(call('create_artist_task', artist, 'create_lens')).rejects.toThrow(
    /create_lens of artist \d+ cannot run yet: waits for mint_pkp/,
  )
  await expect(call('create_artist_task', artist, 'mint_gold')).rejects.toThrow(
    /no artist task mint_gold, only spotify_enrichment/,
  )
  await expect(call('create_artist_task', 999, 'mint_pkp')).rejects.toThrow('no artist 999')
  // Asked for by name, it waits for nothing that it does not need.
  await call('create_artist_task', artist, 'mint_pkp')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'pending', retry_count: 0 })
  await call('start_artist_task', artist, 'mint_pkp')
  await call('create_artist_task', artist, 'mint_pkp')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'in_progress', retry_count: 1 })
  await call('fail_artist_task', artist, 'mint_pkp', 'no gas')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'failed', retry_count: 1, error_message: 'no gas' })
  await call('create_artist_task', artist, 'mint_pkp')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'pending', retry_count: 0, error_message: null })
  await call('complete_artist_task', artist, 'mint_pkp', { address: address('a') })
  await call('create_artist_task', artist, 'mint_pkp')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'completed', result_data: { address: address('a') } })
  expect(await engine.query("select id from tasks where stage = 'mint_pkp'")).toHaveLength(1)
})

test('two that create the same task at once have the same one', async () => {
  const artist = await addArtist()
  const made = await Promise.all(Array.from({ length: 8 }, () => call('create_artist_task', artist, 'mint_pkp')))
  expect(new Set(made.map(([row]) => JSON.stringify(row))).size).toBe(1)
  const settled = await Promise.allSettled(
    Array.from({ length: 8 }, () => call('start_artist_task', artist, 'mint_pkp')),
  )
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'in_progress', retry_count: 1 })
})

test('start, complete, fail and skip settle the task of an artist and nothing else, and say when they cannot', async () => {
  const artist = await addArtist()
  await expect(call('start_artist_task', artist, 'mint_pkp')).rejects.toThrow('has no task mint_pkp')
  await settleEnrichment(artist)
  expect(await task(artist, 'spotify_enrichment')).toMatchObject({ status: 'skipped', reason: 'not asked' })
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'pending' })
  await call('fail_artist_task', artist, 'mint_pkp', 'never begun')
  expect(await task(artist, 'mint_pkp')).toMatchObject({ status: 'failed', retry_count: 1 })
  await expect(call('start_artist_task', artist, 'mint_pkp')).rejects.toThrow('is failed, expected pending')
  await call('skip_artist_task', artist, 'mint_pkp', 'no chain')
  // A skipped task counts as settled for what stands on it.
  expect(await task(artist, 'create_lens')).toMatchObject({ status: 'pending' })
  await call('start_artist_task', artist, 'create_lens')
  await call('complete_artist_task', artist, 'create_lens', null)
  expect(await task(artist, 'create_lens')).toMatchObject({ status: 'completed', result_data: null })
  expect(await engine.query('select stage from artists')).toEqual([{ stage: 'identified' }])
})

test('find_artists_for_task gives artists never attempted or failed with attempts left, and no others', async () => {
  const ids = []
  for (let at = 0; at < 8; at++) {
    const artist = await addArtist()
    await settleEnrichment(artist)
    ids.push(artist)
  }
  const [untouched, running, done, skipped, failed, worn, retrying, bare] = ids
  await call('start_artist_task', running, 'mint_pkp')
  await call('complete_artist_task', done, 'mint_pkp', {})
  await call('skip_artist_task', skipped, 'mint_pkp', 'no chain')
  await call('fail_artist_task', failed, 'mint_pkp', 'no gas')
  await engine.query(
    "update artist_tasks set status = 'failed', retry_count = max_retries where artist_id = $1 and task_type = 'mint_pkp'",
    [worn],
  )
  await engine.query(
    "update tasks set attempts = 1, next_retry_at = now() + interval '1 hour' where subject_id = $1 and stage = 'mint_pkp'",
    [retrying],
  )
  await engine.query("delete from tasks where subject_id = $1 and stage = 'mint_pkp'", [bare])
  expect(await found('find_artists_for_task', 'mint_pkp')).toEqual([untouched, failed, bare])
  expect(await found('find_artists_for_task', 'mint_pkp', 2)).toEqual([untouched, failed])
  expect(await found('find_artists_for_task', 'deploy_unlock', 100)).toEqual(ids)
})

test('artists are ready for an account with a wallet and without one, and for a lock with an account and without a lock', async () => {
  const [none, wallet, account, locked] = [await addArtist(), await addArtist(), await addArtist(), await addArtist()]
  for (const [at, artist] of [wallet, account, locked].entries()) await givePkp(artist, `${at + 1}`)
  for (const [at, artist] of [account, locked].entries()) await giveLens(artist, `${at + 1}`)
  await engine.query(
    `update lens_accounts set lock_address = $2, lock_chain_id = 31337, lock_price_wei = 600000000000000, lock_currency = 'ETH',
       lock_duration_seconds = 2592000, lock_max_keys = 1000 where artist_id = $1`,
    [locked, address('9')],
  )
  expect(await found('find_artists_ready_for_lens')).toEqual([wallet])
  expect(await found('find_artists_ready_for_unlock')).toEqual([account])
  expect(none).toBeGreaterThan(0)
})

test('an artist has one wallet, one account and one lock, which nobody else has, and cannot be deleted with them', async () => {
  const [one, other] = [await addArtist(), await addArtist()]
  await givePkp(one, '1')
  await giveLens(one, '1')
  await expect(givePkp(one, '2')).rejects.toThrow(/pkp_accounts_pkey/)
  await expect(givePkp(other, '1')).rejects.toThrow(/pkp_accounts_address_key/)
  await expect(giveLens(one, '2')).rejects.toThrow(/lens_accounts_pkey/)
  await expect(giveLens(other, '1')).rejects.toThrow(/lens_accounts_(namespace_handle|account_address)_key/)
  await giveLens(other, '2')
  const lock = (artist: number) =>
    engine.query(
      `update lens_accounts set lock_address = $2, lock_chain_id = 1, lock_price_wei = 1, lock_currency = 'ETH',
         lock_duration_seconds = 1, lock_max_keys = 1 where artist_id = $1`,
      [artist, address('9')],
    )
  await lock(one)
  await expect(lock(other)).rejects.toThrow(/lens_accounts_lock_address_key/)
  await expect(
    engine.query('update lens_accounts set lock_address = $2 where artist_id = $1', [other, address('8')]),
  ).rejects.toThrow(/check constraint/)
  await expect(engine.query('delete from artists where id = $1', [one])).rejects.toThrow(/foreign key/)
})

test('order that is no need holds nothing up: a lock comes although what is published before it never can', async () => {
  const artist = await addArtist()
  await settleEnrichment(artist)
  for (const type of ['mint_pkp', 'create_lens']) await call('complete_artist_task', artist, type, {})
  expect(await engine.tasks('artist', artist)).toContain('populate_grc20 pending')
  expect(await task(artist, 'deploy_unlock')).toBeUndefined()
  await call('fail_artist_task', artist, 'populate_grc20', 'no such picture')
  expect(await task(artist, 'mint_grc20')).toBeUndefined()
  expect(await task(artist, 'deploy_unlock')).toMatchObject({ status: 'pending' })
  // What failed goes on in its own time, and nothing runs twice.
  await call('create_artist_task', artist, 'populate_grc20')
  await call('complete_artist_task', artist, 'populate_grc20', {})
  expect(await task(artist, 'mint_grc20')).toMatchObject({ status: 'pending' })
  expect(await engine.query("select 1 from tasks where stage = 'deploy_unlock'")).toHaveLength(1)
})

test('a lock can be asked for as soon as there is an account, and not before', async () => {
  const artist = await addArtist()
  await settleEnrichment(artist)
  await call('complete_artist_task', artist, 'mint_pkp', {})
  await expect(call('create_artist_task', artist, 'deploy_unlock')).rejects.toThrow(
    /cannot run yet: waits for create_lens/,
  )
  await call('complete_artist_task', artist, 'create_lens', {})
  await call('create_artist_task', artist, 'deploy_unlock')
  expect(await task(artist, 'deploy_unlock')).toMatchObject({ status: 'pending' })
  expect(await task(artist, 'mint_grc20')).toBeUndefined()
})
