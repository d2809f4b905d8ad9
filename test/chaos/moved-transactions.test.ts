import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let client: Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
  await client.pool.query('insert into chains (chain_id) values (31337)')
  await client.pool.query("insert into tracks (title, source_type) values ('Song', 'upload')")
  await client.pool.query('insert into karaoke_segments (track_id, start_ms, end_ms) select id, 0, 60000 from tracks')
})
afterAll(async () => {
  await client?.close()
  await database?.drop()
})

const hashOf = (digit: number) => `0x${String(digit).repeat(64)}`
const query = async (sql: string, values: unknown[] = []) => (await client.pool.query(sql, values)).rows

/** A transaction that is mined in a block. */
const mine = (nonce: number, block: number) =>
  query(
    `insert into chain_transactions (idempotency_key, chain_id, sender, nonce, description, to_address, data, gas_limit, raw, hash, hashes,
       status, block_number, block_hash)
     values ($2, 31337, $3, $1, 'test', $3, '0x', 21000, '0x00', $2, array[$2], 'mined', $4, $5)`,
    [nonce, hashOf(nonce), `0x${'1'.repeat(40)}`, block, hashOf(9)],
  )
const lose = () =>
  query("update chain_transactions set status = 'pending', block_number = null, block_hash = null, mined_at = null")
const mineAgain = (nonce: number, block: number) =>
  query("update chain_transactions set status = 'mined', block_number = $2, block_hash = $3 where nonce = $1", [
    nonce,
    block,
    hashOf(8),
  ])
const blocks = () =>
  query(
    `select c.registered_block, c.processed_block, e.encrypted_block, g.block_number as edit_block, c.registered_tx, g.tx_hash as edit_tx
     from published_clips c join encryptions e using (track_id, segment_index), grc20_edits g`,
  )

test('records say the block that a transaction stands in, also when it comes into another one or is replaced', async () => {
  for (const [nonce, block] of [
    [1, 11],
    [2, 12],
    [3, 13],
    [4, 14],
  ] as const)
    await mine(nonce, block)
  // The chain lost the first one after its receipt was read, and mined it again before it was written down.
  await query(
    `insert into published_clips (track_id, segment_index, catalog_id, clip_hash, chain_id, registered_tx, registered_block, processed_tx, processed_block)
     select id, 0, 'catalog', $1, 31337, $1, 10, $2, 12 from tracks`,
    [hashOf(1), hashOf(2)],
  )
  await query(
    `insert into encryptions (track_id, segment_index, key_id, network, content_sha256, ciphertext_sha256, ciphertext_uri, manifest_sha256,
       manifest_uri, lock_address, lock_chain_id, conditions, conditions_hash, chain_id, encrypted_tx, encrypted_block)
     select id, 0, 'key', 'embedded', '', '', '', '', '', $1, 31337, '[]', '', 31337, $2, 13 from tracks`,
    [`0x${'2'.repeat(40)}`, hashOf(3)],
  )
  const edit = { id: '0'.repeat(32), cid: `b${'a'.repeat(58)}` }
  await query(
    `insert into grc20_edits (edit_id, space_id, kind, name, cid, entity_ids, recorded_as, tx_hash, chain_id, block_number, confirmed_at)
     values ($1, $1, 'mint', 'edit', $2, '{}', 'recorded', $3, 31337, 14, now())`,
    [edit.id, edit.cid, hashOf(4)],
  )
  const before = { registered_block: 11, processed_block: 12, encrypted_block: 13, edit_block: 14 }
  expect(await blocks()).toEqual([{ ...before, registered_tx: hashOf(1), edit_tx: hashOf(4) }])

  await lose()
  // What is lost keeps the block it was in until it has another.
  expect(await blocks()).toMatchObject([before])
  await query('update chain_transactions set hash = $1, hashes = hashes || array[$1] where nonce = 4', [hashOf(7)])
  for (const [nonce, block] of [
    [1, 21],
    [2, 21],
    [3, 22],
    [4, 22],
  ] as const)
    await mineAgain(nonce, block)
  const after = { registered_block: 21, processed_block: 21, encrypted_block: 22, edit_block: 22 }
  expect(await blocks()).toEqual([{ ...after, registered_tx: hashOf(1), edit_tx: hashOf(7) }])
})

test('a stage that writes down again what it knew of a transaction takes nothing back', async () => {
  const before = await blocks()
  await query(
    `insert into published_clips (track_id, segment_index, catalog_id, clip_hash, chain_id, registered_tx, registered_block, processed_tx, processed_block)
     select track_id, segment_index, catalog_id, clip_hash, chain_id, registered_tx, 11, processed_tx, 12 from published_clips
     on conflict (track_id, segment_index) do update set registered_tx = $1, registered_block = 11, processed_tx = $2, processed_block = 12`,
    [hashOf(1), hashOf(2)],
  )
  await query('update encryptions set encrypted_tx = $1, encrypted_block = 13', [hashOf(3)])
  // The hash is the one before the replacement.
  await query('update grc20_edits set tx_hash = $1, block_number = 14', [hashOf(4)])
  expect(await blocks()).toEqual(before)
})

test('a transaction of somebody else, on another chain, moves nothing', async () => {
  const before = await blocks()
  await query('insert into chains (chain_id) values (1)')
  await query(
    `insert into chain_transactions (idempotency_key, chain_id, sender, nonce, description, to_address, data, gas_limit, raw, hash, hashes)
     select 'other', 1, sender, 1, 'test', to_address, '0x', 21000, '0x00', hash, hashes from chain_transactions where nonce = 1`,
  )
  await query("update chain_transactions set status = 'mined', block_number = 99, block_hash = hash where chain_id = 1")
  expect(await blocks()).toEqual(before)
})
