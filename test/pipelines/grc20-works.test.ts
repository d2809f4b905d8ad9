import { formatId } from '@geoprotocol/grc-20/util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { definePipeline } from '../../worker/engine/define.ts'
import { mintAll } from '../../worker/pipelines/artist/grc20/mint-all.ts'
import { mintWork, populateWork, withWork } from '../../worker/pipelines/artist/grc20/work-stages.ts'
import { PROPERTIES, RELATIONS } from '../../worker/providers/space/grc20-space.ts'
import { createWorld, opOn, relationsOf, valuesOf, type World } from './grc20-world.ts'

const track = definePipeline({
  name: 'track',
  description: 'tracks and their works',
  stages: [populateWork, mintWork],
  loadSubject: withWork(async (_transaction, id) => ({ id })),
})

let world: World
beforeAll(async () => {
  world = await createWorld([track])
}, 60_000)
afterAll(async () => {
  await world.close()
})
beforeEach(() => {
  world.chain.faults = []
  world.chain.sent.length = 0
})

test('the work of a track that comes with its artist is in the artist’s edit, and its own stage finds nothing to do', async () => {
  const { artistId, trackIds } = await world.addArtist({ name: 'With', tracks: [{ title: 'Together' }] })
  expect(await world.engine.tasks('track', trackIds[0])).toEqual([])
  await world.work()
  expect(await world.engine.tasks('track', trackIds[0])).toEqual(['populate_work completed', 'mint_work completed'])
  expect((await world.workRow(trackIds[0])).cid).toBe((await world.artistRow(artistId)).cid)
  // One for the space, one for the artist and the work.
  expect(world.chain.sent).toHaveLength(2)
})

test('a track that comes when its artist is long published gets its work by itself, in an edit of its own', async () => {
  const { artistId } = await world.addArtist({ name: 'Long published' })
  await world.work()
  const before = await world.artistRow(artistId)
  world.chain.sent.length = 0
  const trackId = await world.addTrack(artistId, {
    title: 'Afterwards',
    releaseDate: '2024-02-29',
    metadata: { iswc: { iswc: 'T-034.524.680-1' } },
  })
  await world.work()
  expect(world.chain.sent).toHaveLength(1)
  const row = await world.workRow(trackId)
  expect(row).toMatchObject({ grc20_entity_id: world.workEntity(trackId), needs_update: false })
  const edit = await world.fetchEdit(String(row.cid))
  expect(valuesOf(opOn(edit, 'createEntity', world.workEntity(trackId)).values)).toMatchObject({
    [PROPERTIES.iswc.id]: 'T-034.524.680-1',
    [PROPERTIES.releaseDate.id]: '2024-02-29Z',
  })
  expect(relationsOf(edit)).toContainEqual([
    world.workEntity(trackId),
    RELATIONS.performedBy.id,
    world.artistEntity(artistId),
  ])
  expect(edit.ops.some((op) => op.type === 'createEntity' && formatId(op.id) === world.artistEntity(artistId))).toBe(
    false,
  )
  expect(await world.artistRow(artistId)).toEqual(before)
})

test('a work whose task has broken off is left to it by a batch, and published once', async () => {
  const { artistId } = await world.addArtist({ name: 'Broken work' })
  await world.work()
  world.chain.sent.length = 0
  world.chain.faults = ['break after sending']
  const trackId = await world.addTrack(artistId, { title: 'Broken' })
  await world.work()
  expect(await world.engine.tasks('track', trackId)).toContain('mint_work failed')
  expect(await mintAll(world.services)).toEqual([])
  await world.engine.query(`update tasks set status = 'pending' where subject_id = $1 and stage = 'mint_work'`, [
    trackId,
  ])
  await world.work()
  expect(await world.workRow(trackId)).toMatchObject({ grc20_entity_id: world.workEntity(trackId) })
  expect(world.chain.sent).toHaveLength(1)
})

test('a track of an artist that is not published goes without, with the reason', async () => {
  const [{ id }] = await world.engine.query<{ id: number }>(
    `insert into artists (name) values ('Unpublished') returning id`,
  )
  const trackId = await world.addTrack(id, { title: 'Alone' })
  for (const stage of ['spotify', 'quansic', 'wikidata', 'genius'])
    await world.engine.query(`select skip_artist_task($1, $2, 'test')`, [id, `${stage}_enrichment`])
  for (const stage of ['mint_pkp', 'create_lens'])
    await world.engine.query(`select skip_artist_task($1, $2, 'test')`, [id, stage])
  await world.work()
  expect(await world.engine.tasks('track', trackId)).toEqual(['populate_work skipped', 'mint_work skipped'])
  expect(await world.engine.query('select from grc20_works where track_id = $1', [trackId])).toEqual([])
})
