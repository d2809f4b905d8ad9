import type { Address, Hex } from 'viem'
import { expect } from 'vitest'
import { type ChainHistory, isSame } from './chain-history.ts'
import type { System } from './system.ts'

/** Every stage from the artist's wallet to the proof of access has done its work for all, none more than needed. */
export async function expectTasksSettledWell({ query }: System, artists: number): Promise<void> {
  const bad = await query(
    `select t.pipeline, t.subject_id, t.stage, t.status, t.reason, t.error_message from tasks t
     left join artists a on t.pipeline = 'artist' and a.id = t.subject_id
     where a.name is distinct from 'Unlucky' and (t.status not in ('completed', 'skipped')
       or t.status = 'skipped' and t.attempts > 0 and t.stage not like '%enrichment' and t.stage <> 'promote')`,
  )
  expect(bad).toEqual([])
  const worked = await query(
    "select stage, count(*)::int as times from tasks where status = 'completed' and attempts > 0 group by stage order by stage",
  )
  const identity = ['create_lens', 'deploy_unlock', 'encrypt', 'mint_grc20', 'mint_pkp', 'mint_work', 'populate_grc20']
  const stages = [...identity, 'populate_work', 'prove_access', 'publish', 'register_clip']
  expect(worked).toEqual(stages.map((stage) => ({ stage, times: artists })))
  // The one that could get no wallet has stopped nobody.
  const stuck = await query<{ stage: string; status: string }>(
    "select t.stage, t.status from tasks t join artists a on a.id = t.subject_id where t.pipeline = 'artist' and a.name = 'Unlucky' and t.status <> 'skipped'",
  )
  expect(stuck).toEqual([{ stage: 'mint_pkp', status: 'failed' }])
}

interface Identity {
  readonly name: string
  readonly wallet: Address
  readonly wallet_tx: string
  readonly account: string
  readonly account_tx: string
  readonly handle: string
  readonly lock: string
  readonly lock_tx: string
  readonly cid: string
  readonly edit_tx: string
}

/** The chain has as many of each as there are artists, and each of theirs once. */
export async function expectOneOfEach({ query }: System, chain: ChainHistory, artists: number): Promise<void> {
  const identities = await query<Identity>(
    `select a.name, p.address as wallet, p.tx_hash as wallet_tx, l.account_address as account, l.tx_hash as account_tx, l.handle,
       l.lock_address as lock, l.lock_tx_hash as lock_tx, e.cid, e.tx_hash as edit_tx
     from artists a join pkp_accounts p on p.artist_id = a.id join lens_accounts l on l.artist_id = a.id
     join grc20_artists g on g.artist_id = a.id
     join grc20_edits e on e.edit_id = g.edit_id and g.grc20_entity_id = any (e.entity_ids)
     where a.stage = 'locked'`,
  )
  expect(identities).toHaveLength(artists)
  const { wallets, accounts, locks, edits, registered, processed, encrypted } = chain
  for (const [kind, found] of Object.entries({ wallets, accounts, locks, registered, processed, encrypted }))
    expect(found, kind).toHaveLength(artists)
  // One more says what artists and works are.
  expect(edits).toHaveLength(artists + 1)
  for (const { name, wallet, handle, ...artist } of identities) {
    const minted = wallets.filter(({ args }) => isSame(args.wallet, wallet))
    expect(
      minted.map(({ transactionHash }) => transactionHash),
      name,
    ).toEqual([artist.wallet_tx])
    const made = accounts.filter(({ args }) => isSame(args.owner, wallet))
    expect(
      made.map(({ args, transactionHash }) => [args.handle, args.account.toLowerCase(), transactionHash]),
      name,
    ).toEqual([[handle, artist.account.toLowerCase(), artist.account_tx]])
    const published = edits.filter(({ args }) => args.cid === artist.cid)
    expect(
      published.map(({ transactionHash }) => transactionHash),
      name,
    ).toEqual([artist.edit_tx])
    const [lock, ...others] = locks.filter(({ address }) => isSame(address, artist.lock))
    expect(others, name).toEqual([])
    expect(lock, name).toMatchObject({ transactionHash: artist.lock_tx, keys: 1n })
    expect(await lock.isManagedBy(wallet), name).toBe(true)
  }
}

/** Whatever is on record as sent, in whichever table, is on the chain, in the block that is on record. */
export async function expectRecordsOfTheChain({ query }: System, chain: ChainHistory, artists: number): Promise<void> {
  const transactions = await query<{ what: string; hash: Hex; status: string; number: number; block: string }>(
    'select description as what, hash, status, block_number as number, block_hash as block from chain_transactions order by nonce',
  )
  // Wallet, account, edit, lock, three events and a key for each, and the edit before all others.
  expect(transactions).toHaveLength(8 * artists + 1)
  for (const { what, hash, status, number, block } of transactions) {
    expect(status, what).toBe('mined')
    expect(await chain.blockOf(hash), what).toEqual({ number, hash: block })
  }
  const recorded = await query<{ hash: Hex; number: number | null }>(
    `select tx_hash as hash, null::bigint as number from pkp_accounts
     union all select tx_hash, null from lens_accounts union all select lock_tx_hash, null from lens_accounts
     union all select tx_hash, block_number from grc20_edits
     union all select registered_tx, registered_block from published_clips
     union all select processed_tx, processed_block from published_clips
     union all select encrypted_tx, encrypted_block from encryptions`,
  )
  expect(recorded).toHaveLength(7 * artists + 1)
  for (const { hash, number } of recorded) {
    const block = await chain.blockOf(hash)
    expect({ hash, number: block?.number }).toEqual({ hash, number: number ?? expect.any(Number) })
  }
}

/** The catalog shows every clip with its lock and nothing else, and has told each event once. */
export async function expectCatalog(running: System, chain: ChainHistory, artists: number): Promise<void> {
  const clips = await running.query<{ id: string; lock: string }>(
    `select c.clip_hash as id, lower(l.lock_address) as lock
     from published_clips c join tracks t on t.id = c.track_id join lens_accounts l on l.artist_id = t.artist_id order by 1`,
  )
  expect(clips).toHaveLength(artists)
  expect(chain.registered.map(({ args }) => args.clipHash).sort()).toEqual(clips.map(({ id }) => id))
  const shown = await running.subgraph<{ clips: object[]; locks: object[] }>(
    `{ clips(first: 1000, orderBy: id) { id isRegistered instrumentalUri segments { lockAddress lock { id totalKeys } } }
       locks(first: 1000) { id } }`,
  )
  expect(shown.clips).toEqual(
    clips.map(({ id, lock }) => ({
      id,
      isRegistered: true,
      instrumentalUri: expect.stringMatching(/^ipfs:/),
      segments: [{ lockAddress: lock, lock: { id: lock, totalKeys: '1' } }],
    })),
  )
  expect(shown.locks).toHaveLength(artists)
  const told = await running.query(
    'select kind, count(*)::int as times from catalog_events where retracts is null and retracted_by is null group by 1 order by 1',
  )
  const kinds = ['clip_processed', 'clip_registered', 'key_purchased', 'lock_created', 'segment_encrypted']
  expect(told).toEqual(kinds.map((kind) => ({ kind, times: artists })))
}
