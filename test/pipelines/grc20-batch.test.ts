import { formatId } from '@geoprotocol/grc-20/util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { mintAll } from '../../worker/pipelines/artist/grc20/mint-all.ts'
import { SCHEMA } from '../../worker/pipelines/artist/grc20/schema-edit.ts'
import { setUpSpace } from '../../worker/pipelines/artist/grc20/setup-space.ts'
import { updateArtists, updateWorks } from '../../worker/pipelines/artist/grc20/update-all.ts'
import {
  GRAPH,
  GRC20_LEGACY_ARTIST_PROPERTIES,
  GRC20_LEGACY_WORK_PROPERTIES,
  PROPERTIES,
} from '../../worker/providers/space/grc20-space.ts'
import { createWorld, opOn, valuesOf, type World } from './grc20-world.ts'

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

const flags = () =>
  world.engine.query<{ artists: number; works: number }>(
    `select (select count(*)::int from grc20_artists where needs_update) as artists,
       (select count(*)::int from grc20_works where needs_update) as works`,
  )

test('setting the space up publishes what it lacks, and nothing the second time', async () => {
  const [edit] = await setUpSpace(world.services)
  const published = await world.fetchEdit(edit.cid)
  const made = published.ops.flatMap((op) =>
    op.type === 'createEntity' || op.type === 'createRelation' ? [formatId(op.id)] : [],
  )
  expect(made).toEqual(expect.arrayContaining(SCHEMA.map(({ id }) => id)))
  expect(await world.published()).toEqual([edit.cid])
  const held = await world.engine.query<{ item_id: string }>('select item_id from grc20_space where space_id = $1', [
    world.spaceId,
  ])
  expect(held.map((row) => row.item_id).sort()).toEqual(SCHEMA.map(({ id }) => id).sort())

  world.chain.sent.length = 0
  expect(await setUpSpace(world.services)).toEqual([])
  expect(world.chain.sent).toEqual([])

  await world.engine.query('delete from grc20_space where item_id = any ($1)', [
    [PROPERTIES.isni.id, PROPERTIES.gnd.id],
  ])
  const [more] = await setUpSpace(world.services)
  expect(
    (await world.fetchEdit(more.cid)).ops.flatMap((op) => (op.type === 'createEntity' ? [formatId(op.id)] : [])),
  ).toEqual([PROPERTIES.isni.id, PROPERTIES.gnd.id])
  expect(world.chain.sent).toHaveLength(1)
})

test('minting publishes one edit for all artists and then one for all works, with their hashes', async () => {
  const seeded = []
  for (let n = 0; n < 5; n++)
    seeded.push(await world.addArtist({ name: `Artist ${n}`, tracks: [{ title: `A${n}` }, { title: `B${n}` }] }))
  const edits = await mintAll(world.services)
  expect(edits.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['mint 5 artists', 'mint 10 works'])
  expect((await world.published()).slice(-2)).toEqual(edits.map(({ cid }) => cid))
  for (const { artistId, trackIds } of seeded) {
    const row = await world.artistRow(artistId)
    expect(row).toMatchObject({
      grc20_entity_id: world.artistEntity(artistId),
      cid: edits[0].cid,
      tx_hash: edits[0].txHash,
    })
    expect(row).toMatchObject({ needs_update: false, pending_edit_id: null })
    for (const trackId of trackIds)
      expect(await world.workRow(trackId)).toMatchObject({
        grc20_entity_id: world.workEntity(trackId),
        cid: edits[1].cid,
      })
  }
  for (const { txHash, cid } of edits) {
    const { status } = await world.test.client.getTransactionReceipt({ hash: txHash as `0x${string}` })
    expect(status).toBe('success')
    expect((await world.fetchEdit(cid)).ops.length).toBeGreaterThan(20)
  }
  expect(await mintAll(world.services)).toEqual([])
  // The tasks that follow find everything minted.
  world.chain.sent.length = 0
  await world.work()
  expect(world.chain.sent).toEqual([])
  expect(await world.engine.query(`select from tasks where status = 'failed'`)).toEqual([])
})

test('an update says what changed, takes back what became empty and legacy properties, in one transaction', async () => {
  const one = await world.addArtist({
    name: 'One',
    columns: { isni: '111' },
    tracks: [{ title: 'Song', releaseDate: '2001-02-03' }],
  })
  const two = await world.addArtist({ name: 'Two', tracks: [{ title: 'Other' }] })
  await mintAll(world.services)
  await world.engine.query(
    `update grc20_artists set isni = null, website_url = 'https://one.example/' where artist_id = $1`,
    [one.artistId],
  )
  await world.engine.query(`update grc20_artists set alternate_names = 'Zwei; Deux' where artist_id = $1`, [
    two.artistId,
  ])
  await world.engine.query('update grc20_works set release_date = null where track_id = $1', [one.trackIds[0]])
  expect(await flags()).toEqual([{ artists: 2, works: 1 }])
  world.chain.sent.length = 0

  const [artists, ...none] = await updateArtists(world.services)
  expect(none).toEqual([])
  expect(world.chain.sent).toHaveLength(1)
  const edit = await world.fetchEdit(artists.cid)
  const changed = opOn(edit, 'updateEntity', world.artistEntity(one.artistId))
  expect(valuesOf(changed.set)).toMatchObject({
    [GRAPH.name.id]: 'One',
    [PROPERTIES.websiteUrl.id]: 'https://one.example/',
  })
  const unset = changed.unset.map(({ property }) => formatId(property))
  expect(unset).toEqual(
    expect.arrayContaining([PROPERTIES.isni.id, ...GRC20_LEGACY_ARTIST_PROPERTIES.map(({ id }) => id)]),
  )
  expect(valuesOf(opOn(edit, 'updateEntity', world.artistEntity(two.artistId)).set)).toMatchObject({
    [PROPERTIES.alternateNames.id]: 'Zwei; Deux',
  })
  expect(await flags()).toEqual([{ artists: 0, works: 1 }])

  const [works] = await updateWorks(world.services)
  const work = opOn(await world.fetchEdit(works.cid), 'updateEntity', world.workEntity(one.trackIds[0]))
  expect(work.unset.map(({ property }) => formatId(property))).toEqual(
    expect.arrayContaining([PROPERTIES.releaseDate.id, ...GRC20_LEGACY_WORK_PROPERTIES.map(({ id }) => id)]),
  )
  expect(await flags()).toEqual([{ artists: 0, works: 0 }])
  expect(await world.artistRow(one.artistId)).toMatchObject({
    cid: artists.cid,
    edit_id: artists.editId,
    tx_hash: artists.txHash,
  })
  expect(await updateArtists(world.services)).toEqual([])
  expect(await updateWorks(world.services)).toEqual([])
})

test('a refused update leaves the flag and frees the rows; the next one publishes them', async () => {
  const { artistId } = await world.addArtist({ name: 'Flagged' })
  await mintAll(world.services)
  const before = await world.artistRow(artistId)
  await world.engine.query(`update grc20_artists set isni = '5' where artist_id = $1`, [artistId])
  world.chain.faults = ['refuse']
  await expect(updateArtists(world.services)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(await world.artistRow(artistId)).toMatchObject({
    needs_update: true,
    pending_edit_id: null,
    cid: before.cid,
    edit_id: before.edit_id,
  })
  const refused = await world.row<{ error_message: string; tx_hash: null }>(
    'select error_message, tx_hash from grc20_edits where failed_at is not null',
  )
  expect(refused).toMatchObject({ error_message: expect.stringContaining('would revert'), tx_hash: null })
  await updateArtists(world.services)
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false })
})

test.for(['break before sending', 'break after sending'] as const)(
  'a batch that breaks off (%s) leaves its edit, and whoever comes next sends the same one first',
  async (fault) => {
    const { artistId } = await world.addArtist({ name: `Left over ${fault}` })
    world.chain.faults = [fault]
    await expect(mintAll(world.services)).rejects.toThrow('the connection broke')
    const kept = await world.row<{ edit_id: string; cid: string }>(
      'select edit_id, cid from grc20_edits where confirmed_at is null and failed_at is null',
    )
    expect(await world.artistRow(artistId)).toMatchObject({ minted_at: null, pending_edit_id: kept.edit_id })
    // A change in between waits for an update.
    await world.engine.query(`update grc20_artists set isni = '6' where artist_id = $1`, [artistId])
    const before = await world.published()
    const edits = await updateArtists(world.services)
    expect(edits.map(({ kind }) => kind)).toEqual(['mint', 'update'])
    expect(edits[0].cid).toBe(kept.cid)
    expect(new Set(await world.published()).size).toBe((await world.published()).length)
    expect((await world.published()).length - before.length).toBe(fault === 'break before sending' ? 2 : 1)
    expect(await world.artistRow(artistId)).toMatchObject({
      needs_update: false,
      pending_edit_id: null,
      cid: edits[1].cid,
    })
  },
)

test('two batches at once: one works, the other is told to wait, and nothing is published twice', async () => {
  for (let n = 0; n < 3; n++) await world.addArtist({ name: `Rival ${n}` })
  const outcomes = await Promise.allSettled([mintAll(world.services), mintAll(world.services)])
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused).toHaveLength(1)
  expect(refused[0].reason).toMatchObject({ kind: 'CONFLICT' })
  expect(world.chain.sent).toHaveLength(1)
})

test('what a task is publishing is left to it, also after the task has broken off', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'Of a task', tracks: [{ title: 'Its song' }] })
  world.chain.faults = ['break before sending']
  await world.work()
  const kept = await world.row<{ cid: string }>(
    `select result ->> 'cid' as cid from effects where subject_id = $1 and key like 'edit %'`,
    [artistId],
  )
  expect(await mintAll(world.services)).toEqual([])
  expect(await world.artistRow(artistId)).toMatchObject({ minted_at: null })
  await world.engine.query(`update tasks set status = 'pending' where subject_id = $1 and stage = 'mint_grc20'`, [
    artistId,
  ])
  await world.work()
  expect(await world.artistRow(artistId)).toMatchObject({ cid: kept.cid })
  expect(await world.workRow(trackIds[0])).toMatchObject({ cid: kept.cid })
  expect(world.chain.sent).toHaveLength(1)
})

test('tasks and a batch at the same moment mint every artist once', async () => {
  const seeded = []
  for (let n = 0; n < 10; n++)
    seeded.push(await world.addArtist({ name: `Race ${n}`, tracks: [{ title: `Race ${n}` }] }))
  const batches = (async () => {
    for (let n = 0; n < 4; n++) await mintAll(world.services)
  })()
  await Promise.all([world.work(), batches])
  await world.engine.query(`update tasks set status = 'pending' where status = 'failed'`)
  await world.work()
  await mintAll(world.services)
  const minted = new Map<string, number>()
  for (const cid of await world.published())
    for (const op of (await world.fetchEdit(cid)).ops)
      if (op.type === 'createEntity') minted.set(formatId(op.id), (minted.get(formatId(op.id)) ?? 0) + 1)
  for (const { artistId, trackIds } of seeded) {
    expect(minted.get(world.artistEntity(artistId))).toBe(1)
    expect(minted.get(world.workEntity(trackIds[0]))).toBe(1)
    expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, pending_edit_id: null })
  }
}, 60_000)

test('works of tracks that came later are minted by the next batch, and enrichment that came later is an update', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'Later', tracks: [{ title: 'Early' }] })
  await mintAll(world.services)
  const late = await world.addTrack(artistId, { title: 'Late' })
  await world.engine.query(`insert into track_metadata (track_id, source, data) values ($1, 'iswc', $2)`, [
    trackIds[0],
    { iswc: 'T-034.524.680-1' },
  ])
  const edits = await mintAll(world.services)
  expect(edits.map(({ name }) => name)).toEqual(['1 work'])
  expect(await world.workRow(late)).toMatchObject({ grc20_entity_id: world.workEntity(late) })
  expect(await world.workRow(trackIds[0])).toMatchObject({ needs_update: true, iswc: 'T-034.524.680-1' })
  await updateWorks(world.services)
  expect(await flags()).toEqual([{ artists: 0, works: 0 }])
})

test('a row that changes while its edit is made is planned anew; a row in another edit is left out', async () => {
  const { artistId } = await world.addArtist({ name: 'Moving' })
  const { store } = world.services.archive
  let changes = 0
  const archive = {
    ...world.services.archive,
    // The cover is stored between the reading of the row and its claim.
    async store(...given: Parameters<typeof store>) {
      if (given[0].contentType === 'image/png' && changes++ === 0)
        await world.engine.query(`update grc20_artists set isni = '9' where artist_id = $1`, [artistId])
      return await store(...given)
    },
  }
  const [edit] = await mintAll({ ...world.services, archive })
  expect(changes).toBe(2)
  const said = valuesOf(opOn(await world.fetchEdit(edit.cid), 'createEntity', world.artistEntity(artistId)).values)
  expect(said[PROPERTIES.isni.id]).toBe('9')
  expect(await world.artistRow(artistId)).toMatchObject({ needs_update: false, revision: 2 })
})

test('in another space everything counts as not minted', async () => {
  const { artistId } = await world.addArtist({ name: 'Moves house' })
  await mintAll(world.services)
  const { count } = await world.row<{ count: number }>('select count(*)::int from grc20_artists')
  const elsewhere = { spaceId: 'cd'.repeat(16), authorId: 'cd'.repeat(16) }
  const space = { ...world.services.space, unavailableReason: null, identify: async () => elsewhere }
  const edits = await mintAll({ ...world.services, space })
  expect(edits.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    expect.stringContaining('setup'),
    `mint ${count} artists`,
    expect.stringMatching(/^mint \d+ works$/),
  ])
  expect(await world.artistRow(artistId)).toMatchObject({
    space_id: elsewhere.spaceId,
    grc20_entity_id: world.artistEntity(artistId),
  })
})
