import { formatId } from '@geoprotocol/grc-20/util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { grc20WorkIdOf } from '../../worker/pipelines/artist/grc20/state.ts'
import {
  ARTIST_PROPERTIES,
  coverEntityId,
  GRAPH,
  PROPERTIES,
  RELATIONS,
  TYPES,
  WORK_PROPERTIES,
} from '../../worker/providers/space/grc20-space.ts'
import { createWorld, opOn, relationsOf, valuesOf, type World } from './grc20-world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
}, 60_000)
afterAll(async () => {
  await world.close()
})
beforeEach(() => {
  world.chain.faults = []
  world.chain.sent.length = 0
})

const retry = (artistId: number) =>
  world.engine.query(`update tasks set status = 'pending' where subject_id = $1 and stage = 'mint_grc20'`, [artistId])

test('an artist and its works are published in one edit that says what the rows say', async () => {
  const { artistId, trackIds } = await world.addArtist({
    name: 'Björk “the” 音楽 🎤',
    spotifyArtistId: '7w29UYBi0qsHi5RTcv3lmA',
    aliases: ['Bjork', 'B.'],
    columns: { isni: '0000000121359855', image_url: 'https://i.scdn.co/image/1' },
    metadata: { wikidata: { itemId: 'Q42455', viaf: '1', bnf: '2', gnd: '3', loc: '4' } },
    tracks: [
      { title: 'Jóga', releaseDate: '1997-09-15', metadata: { iswc: { iswc: 'T-034.524.680-1' } } },
      { title: 'Hunter', releaseDate: '1998' },
    ],
  })
  await world.work()
  const [schema, ...edits] = await world.published()
  expect(edits).toHaveLength(1)
  const edit = await world.fetchEdit(edits[0])

  const row = await world.artistRow(artistId)
  const entityId = world.artistEntity(artistId)
  const said = valuesOf(opOn(edit, 'createEntity', entityId).values)
  expect(said).toEqual({
    [GRAPH.name.id]: 'Björk “the” 音楽 🎤',
    [PROPERTIES.alternateNames.id]: 'Bjork; B.',
    [PROPERTIES.lensHandle.id]: row.lens_handle,
    [PROPERTIES.lensAccount.id]: row.lens_account,
    [PROPERTIES.isni.id]: '0000000121359855',
    [PROPERTIES.viaf.id]: '1',
    [PROPERTIES.bnf.id]: '2',
    [PROPERTIES.gnd.id]: '3',
    [PROPERTIES.loc.id]: '4',
    [PROPERTIES.spotifyUrl.id]: 'https://open.spotify.com/artist/7w29UYBi0qsHi5RTcv3lmA',
    [PROPERTIES.wikidataUrl.id]: 'https://www.wikidata.org/wiki/Q42455',
  })
  expect(Object.keys(said).length).toBeLessThan(Object.keys(ARTIST_PROPERTIES).length)
  expect(valuesOf(opOn(edit, 'createEntity', world.workEntity(trackIds[0])).values)).toEqual({
    [GRAPH.name.id]: 'Jóga',
    [PROPERTIES.iswc.id]: 'T-034.524.680-1',
    [PROPERTIES.releaseDate.id]: '1997-09-15Z',
    [PROPERTIES.language.id]: 'en',
  })
  expect(valuesOf(opOn(edit, 'createEntity', world.workEntity(trackIds[1])).values)).not.toHaveProperty(
    WORK_PROPERTIES.releaseDate.id,
  )
  for (const trackId of trackIds)
    expect(relationsOf(edit)).toContainEqual([world.workEntity(trackId), RELATIONS.performedBy.id, entityId])
  expect(relationsOf(edit)).toContainEqual([entityId, GRAPH.types, TYPES.artist.id])
  expect(valuesOf(opOn(edit, 'createEntity', coverEntityId(entityId)).values)).toMatchObject({
    [GRAPH.image.url]: 'https://i.scdn.co/image/1',
  })
  const drawn = valuesOf(opOn(edit, 'createEntity', coverEntityId(world.workEntity(trackIds[0]))).values)
  const png = await world.fetchFile(String(drawn[GRAPH.image.url]).replace('ipfs://', ''))
  expect(png.subarray(1, 4).toString()).toBe('PNG')

  const confirmed = await world.row<{
    cid: string
    edit_id: string
    tx_hash: string
    bytes: null
    entity_ids: string[]
  }>('select cid, edit_id, tx_hash, bytes, entity_ids from grc20_edits where cid = $1 and confirmed_at is not null', [
    edits[0],
  ])
  expect(confirmed).toMatchObject({
    edit_id: formatId(edit.id),
    bytes: null,
    entity_ids: [entityId, ...trackIds.map(world.workEntity)],
  })
  expect(await world.test.client.getTransactionReceipt({ hash: confirmed.tx_hash as `0x${string}` })).toMatchObject({
    status: 'success',
    to: world.test.contracts.space.toLowerCase(),
  })
  const published = { needs_update: false, edit_id: confirmed.edit_id, cid: edits[0], tx_hash: confirmed.tx_hash }
  expect(row).toMatchObject({ ...published, grc20_entity_id: entityId, space_id: world.spaceId, revision: 1 })
  expect(row.minted_at).not.toBeNull()
  const work = await world.workRow(trackIds[1])
  expect(work).toMatchObject({
    ...published,
    grc20_entity_id: world.workEntity(trackIds[1]),
    published_artist_id: artistId,
  })
  expect((await world.fetchEdit(schema)).ops.length).toBeGreaterThan(60)
})

test('the task says which entity and which edits, and the id of a work is known before it is minted', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'Known', tracks: [{ title: 'Before' }] })
  const before = await grc20WorkIdOf(world.engine.client.database, trackIds[0])
  await world.work()
  const { output } = await world.row<{ output: { entityId: string; spaceId: string; edits: { cid: string }[] } }>(
    `select output from tasks where subject_id = $1 and stage = 'mint_grc20'`,
    [artistId],
  )
  const row = await world.workRow(trackIds[0])
  expect(output).toMatchObject({
    entityId: world.artistEntity(artistId),
    spaceId: world.spaceId,
    edits: [{ cid: row.cid }],
  })
  expect(await grc20WorkIdOf(world.engine.client.database, trackIds[0])).toBe(before)
  expect(row.grc20_entity_id).toBe(before)
})

test('artists that are minted at once share the one edit that sets the space up', async () => {
  const fresh = await createWorld()
  try {
    for (let n = 0; n < 8; n++) await fresh.addArtist({ name: `Artist ${n}`, tracks: [{ title: `Song ${n}` }] })
    await fresh.work()
    const cids = await fresh.published()
    expect(cids).toHaveLength(9)
    expect(new Set(cids).size).toBe(9)
    expect(fresh.chain.sent).toHaveLength(9)
    const { count } = await fresh.row<{ count: number }>(
      'select count(*)::int from grc20_artists where minted_at is not null',
    )
    expect(count).toBe(8)
  } finally {
    await fresh.close()
  }
})

test.for(['break before sending', 'break after sending'] as const)(
  'a task that breaks off (%s) comes back with the very same edit, published once',
  async (fault) => {
    const { artistId } = await world.addArtist({ name: `Broken off: ${fault}`, tracks: [{ title: 'One' }] })
    world.chain.faults = [fault]
    const before = await world.published()
    await world.work()
    expect(await world.engine.tasks('artist', artistId)).toContain('mint_grc20 failed')
    expect(await world.artistRow(artistId)).toMatchObject({ minted_at: null, grc20_entity_id: null, cid: null })
    const kept = await world.row<{ cid: string }>(
      `select result ->> 'cid' as cid from effects where subject_id = $1 and key like 'edit %'`,
      [artistId],
    )
    // What is learned in between waits for an update: the edit is the one that was made.
    await world.engine.query(`update grc20_artists set isni = '123' where artist_id = $1`, [artistId])
    await retry(artistId)
    await world.work()
    expect((await world.published()).slice(before.length)).toEqual([kept.cid])
    expect(world.chain.sent).toHaveLength(1)
    expect(await world.artistRow(artistId)).toMatchObject({ cid: kept.cid, needs_update: true, revision: 2 })
  },
)

test('an edit that the space refuses leaves nothing minted, and the next attempt makes another', async () => {
  const { artistId } = await world.addArtist({ name: 'Refused', tracks: [{ title: 'One' }] })
  world.chain.faults = ['refuse']
  await world.work()
  const task = await world.row<{ status: string; error_message: string }>(
    `select status, error_message from tasks where subject_id = $1 and stage = 'mint_grc20'`,
    [artistId],
  )
  expect(task).toMatchObject({ status: 'failed', error_message: expect.stringContaining('would revert') })
  expect(await world.artistRow(artistId)).toMatchObject({ minted_at: null, grc20_entity_id: null })
  await retry(artistId)
  await world.work()
  expect(await world.artistRow(artistId)).toMatchObject({ grc20_entity_id: world.artistEntity(artistId) })
  expect(world.chain.sent).toHaveLength(1)
})

test('a task that runs again publishes nothing new, and then only works that came since', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'Again', tracks: [{ title: 'First' }] })
  await world.work()
  const first = await world.artistRow(artistId)
  world.chain.sent.length = 0
  for (let n = 0; n < 2; n++) {
    await world.engine.query(`select rerun_stage('artist', $1, 'populate_grc20')`, [artistId])
    await world.work()
  }
  expect(world.chain.sent).toEqual([])
  expect(await world.artistRow(artistId)).toEqual(first)

  const later = await world.addTrack(artistId, { title: 'Later' })
  await world.engine.query(`select rerun_stage('artist', $1, 'populate_grc20')`, [artistId])
  await world.work()
  expect(world.chain.sent).toHaveLength(1)
  expect(await world.artistRow(artistId)).toEqual(first)
  const row = await world.workRow(later)
  const edit = await world.fetchEdit(String(row.cid))
  expect(
    edit.ops.filter(({ type }) => type === 'createEntity').map((op) => ('id' in op ? formatId(op.id) : '')),
  ).toEqual([world.workEntity(later), coverEntityId(world.workEntity(later))])
  expect(row.edit_id).not.toBe((await world.workRow(trackIds[0])).edit_id)
})

test('an artist without an account is left out, with the reason', async () => {
  const [{ id }] = await world.engine.query<{ id: number }>(`insert into artists (name) values ('Nobody') returning id`)
  for (const stage of ['spotify', 'quansic', 'wikidata', 'genius'])
    await world.engine.query(`select skip_artist_task($1, $2, 'test')`, [id, `${stage}_enrichment`])
  for (const stage of ['mint_pkp', 'create_lens'])
    await world.engine.query(`select skip_artist_task($1, $2, 'test')`, [id, stage])
  await world.work()
  expect(
    await world.engine.query('select stage, reason from tasks where subject_id = $1 order by id desc limit 2', [id]),
  ).toEqual([
    { stage: 'mint_grc20', reason: 'there is nothing to publish of the artist' },
    { stage: 'populate_grc20', reason: 'the artist has no account' },
  ])
  expect(await world.engine.query('select from grc20_artists where artist_id = $1', [id])).toEqual([])
})
