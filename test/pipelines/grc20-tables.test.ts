import { getTableColumns } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../worker/db/client.ts'
import { grc20Artists, grc20Works } from '../../worker/db/grc20-tables.ts'
import { populate } from '../../worker/pipelines/artist/grc20/populate.ts'
import { ARTIST_PROPERTIES, WORK_PROPERTIES } from '../../worker/providers/space/grc20-space.ts'
import { createWorld, type World } from './grc20-world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
}, 60_000)
afterAll(async () => {
  await world.close()
})

const fill = (artistId: number) =>
  inTransaction(world.engine.client, (_connection, transaction) => populate(transaction, artistId))

async function mintByHand(table: string, key: string, id: number): Promise<void> {
  const relation =
    table === 'grc20_works' ? `, artist_relation_id = repeat('a', 32), published_artist_id = artist_id` : ''
  const editId = id.toString(16).padStart(32, table === 'grc20_works' ? 'b' : 'a')
  const cid = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
  const txHash = `0x${'1'.repeat(64)}`
  await world.engine.query(
    `insert into grc20_edits (edit_id, space_id, kind, name, cid, entity_ids, recorded_as, tx_hash, chain_id, block_number, confirmed_at)
     values ($1::text, $1::text, 'mint', 'x', $2::text, array[$1::text], $2::text, $3, 1, 1, now())`,
    [editId, cid, txHash],
  )
  await world.engine.query(
    `update ${table} set grc20_entity_id = $2, minted_at = now(), space_id = $2, edit_id = $2, cid = $3, tx_hash = $4 ${relation}
     where ${key} = $1`,
    [id, editId, cid, txHash],
  )
}

const NOT_PUBLISHED = {
  wikipedia_url: 'https://en.wikipedia.org/wiki/X',
  populated: '{"a": 1}',
  updated_at: '2020-01-01',
  created_at: '2020-01-01',
}

test('every published column of an artist flags an update once minted, and no other does', async () => {
  const { artistId } = await world.addArtist({ name: 'Columns' })
  await fill(artistId)
  await world.engine.query(`update grc20_artists set isni = 'before' where artist_id = $1`, [artistId])
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, revision: 2 })
  await mintByHand('grc20_artists', 'artist_id', artistId)
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, revision: 2 })

  const all = getTableColumns(grc20Artists)
  const published = [...Object.keys(ARTIST_PROPERTIES), 'imageCid', 'imageUrl'].filter(
    (column) => column !== 'lensHandle',
  )
  let revision = 2
  for (const column of published as (keyof typeof all)[]) {
    const { name } = all[column]
    const value =
      name === 'image_cid' ? 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' : `https://x.example/${name}`
    await world.engine.query(`update grc20_artists set ${name} = $2 where artist_id = $1`, [artistId, value])
    expect(await world.artistRow(artistId), name).toMatchObject({ needs_update: true, revision: ++revision })
    await world.engine.query(`update grc20_artists set ${name} = $2, needs_update = false where artist_id = $1`, [
      artistId,
      value,
    ])
    expect(await world.artistRow(artistId), name).toMatchObject({ needs_update: false, revision })
  }
  for (const [column, value] of Object.entries(NOT_PUBLISHED))
    await world.engine.query(`update grc20_artists set ${column} = $2 where artist_id = $1`, [artistId, value])
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, revision })
  expect(Object.keys(all).sort()).toEqual(
    [
      ...published,
      'lensHandle',
      'artistId',
      'wikipediaUrl',
      'grc20EntityId',
      'mintedAt',
      'needsUpdate',
      'spaceId',
      'editId',
    ]
      .concat(['pendingEditId', 'cid', 'txHash', 'populated', 'revision', 'createdAt', 'updatedAt'])
      .sort(),
  )
})

test('every published column of a work flags an update once minted, its performer too', async () => {
  const other = await world.addArtist({ name: 'Cover band' })
  const { artistId, trackIds } = await world.addArtist({ name: 'Original', tracks: [{ title: 'Song' }] })
  await fill(artistId)
  await mintByHand('grc20_works', 'track_id', trackIds[0])
  const all = getTableColumns(grc20Works)
  const values: Record<string, unknown> = {
    release_date: '1999-12-31',
    artist_id: other.artistId,
    image_cid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  }
  let revision = 1
  const published = [...Object.keys(WORK_PROPERTIES), 'imageCid', 'imageUrl', 'artistId'] as (keyof typeof all)[]
  for (const column of published) {
    const { name } = all[column]
    await world.engine.query(`update grc20_works set needs_update = false, ${name} = $2 where track_id = $1`, [
      trackIds[0],
      values[name] ?? `https://x.example/${name}`,
    ])
    expect(await world.workRow(trackIds[0]), name).toMatchObject({ needs_update: true, revision: ++revision })
  }
  const { wikipedia_url: _, ...bookkeeping } = NOT_PUBLISHED
  await world.engine.query('update grc20_works set needs_update = false where track_id = $1', [trackIds[0]])
  for (const [column, value] of Object.entries(bookkeeping))
    await world.engine.query(`update grc20_works set ${column} = $2 where track_id = $1`, [trackIds[0], value])
  expect(await world.workRow(trackIds[0])).toMatchObject({ needs_update: false, revision })
})

test('the handle in a minted entity cannot change, neither by hand nor by populating', async () => {
  const { artistId } = await world.addArtist({ name: 'Fixed' })
  await fill(artistId)
  await world.engine.query(`update grc20_artists set lens_handle = 'before-ks1' where artist_id = $1`, [artistId])
  await mintByHand('grc20_artists', 'artist_id', artistId)
  await expect(
    world.engine.query(`update grc20_artists set lens_handle = 'after-ks1' where artist_id = $1`, [artistId]),
  ).rejects.toThrow('which cannot change')
  await world.engine.query(`update lens_accounts set handle = 'other-ks1' where artist_id = $1`, [artistId])
  await fill(artistId)
  expect(await world.artistRow(artistId)).toMatchObject({ lens_handle: 'before-ks1', needs_update: false })
})

test('the tables refuse what could not be published', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'Strict', tracks: [{ title: 'Song' }] })
  await fill(artistId)
  for (const assignment of [`genius_url = 'javascript:x'`, `name = ' '`, `image_cid = 'x'`, `grc20_entity_id = 'x'`])
    await expect(
      world.engine.query(`update grc20_artists set ${assignment} where artist_id = $1`, [artistId]),
    ).rejects.toThrow()
  for (const assignment of [`release_date = '2020-02-30'`, `release_date = '20000-01-01'`, `title = ''`])
    await expect(
      world.engine.query(`update grc20_works set ${assignment} where track_id = $1`, [trackIds[0]]),
    ).rejects.toThrow()
})
