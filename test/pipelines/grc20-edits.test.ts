import { createHash } from 'node:crypto'
import { crc32, inflateSync } from 'node:zlib'
import { decodeEdit } from '@geoprotocol/grc-20'
import { formatId } from '@geoprotocol/grc-20/util'
import { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import type { Grc20WorkRow } from '../../worker/db/grc20-tables.ts'
import { COVER_SIZE, drawCover } from '../../worker/pipelines/artist/grc20/draw-cover.ts'
import { type EditPlan, encodePlan, planOf } from '../../worker/pipelines/artist/grc20/edit.ts'
import { mintArtist, mintWork, updateWork } from '../../worker/pipelines/artist/grc20/parts.ts'
import { planSchema, SCHEMA } from '../../worker/pipelines/artist/grc20/schema-edit.ts'
import {
  artistEntityId,
  coverEntityId,
  GRAPH,
  PROPERTIES,
  RELATIONS,
  TYPES,
  workEntityId,
} from '../../worker/providers/space/grc20-space.ts'
import { artist, installation, space, work } from './grc20-samples.ts'
import { opOn, relationsOf, valuesOf } from './grc20-world.ts'

const decoded = async (plan: EditPlan) => decodeEdit(Buffer.from((await encodePlan(plan, space)).base64, 'base64'))

test('ids are UUIDs without dashes and stay what they are', () => {
  const ids = SCHEMA.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of [...ids, artistEntityId(installation, 1), workEntityId(installation, 1)])
    expect(id).toMatch(/^[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
  expect(artistEntityId(installation, 1)).not.toBe(workEntityId(installation, 1))
  expect(artistEntityId(installation, 1)).not.toBe(artistEntityId('another', 1))
  // Published for good: a key that is renamed would make every space publish the property a second time.
  const named = { ...PROPERTIES, ...TYPES, ...RELATIONS }
  expect(Object.fromEntries(Object.entries(named).map(([key, { id }]) => [key, id]))).toMatchObject({
    alternateNames: '31dd8863dbbb8167ad8de9ff896666b0',
    lensHandle: '94cfb682a62c851c88d6ed8bbbfec964',
    lensAccount: '6d37a627d09988eda503acfd02829bee',
    isni: 'd91bffd94d7d8b799d84f8eb73001e25',
    viaf: 'bce54121fb3b8de7ad135c07c195f102',
    bnf: '9818158e8ee581a6b165573d703ea0c0',
    gnd: '8c8774e05ab180a7a860d01226f7530f',
    loc: '5dd08866b7c5862e9687ea0b8c324455',
    spotifyUrl: 'd1a33842468a82a69caac549c90827c5',
    geniusUrl: 'b0b5d6abd22c83fcba01951a94caad46',
    wikidataUrl: '691e9f0ce43f885f84d6d8dbaa86d85c',
    musicbrainzUrl: '3a37cbadda2b8e79b3109b2716861e08',
    appleMusicUrl: '3421f3ffab7f86b6b6d9f5c1466a14cd',
    youtubeUrl: '2bfd56b873fc8f539727be72d4cd3a47',
    instagramUrl: 'a90f2f2be13c89dbbbd0e902f9650a14',
    tiktokUrl: '2fc69326089188458802e0470ea3ff5a',
    websiteUrl: '7c55e2c3c8b08904be70a071d197cedc',
    iswc: 'de29767b85988d24b8db0c37da2f5ff2',
    releaseDate: '4ccd3a1ef532817ead06282721778f93',
    language: '87eee3eccaae812a8666c7c698a28b05',
    artist: '5c3b652ae536804992eb4a734af7bf8c',
    work: 'acf772d361c98fde91a73b7789d74ecf',
    performedBy: '2283655d04d58228b6518213830b4d07',
  })
})

test('an edit that two make at once is the same, byte for byte; others have an id and a time of their own', async () => {
  const plan = planSchema(space, new Set())
  if (!plan) throw new Error('expected a plan')
  const [a, b] = await Promise.all([encodePlan(plan, space), encodePlan(plan, space)])
  expect(a).toMatchObject({ editId: b.editId, cid: b.cid, base64: b.base64 })
  const bytes = Buffer.from(a.base64, 'base64')
  const { version, code, multihash } = CID.parse(a.cid)
  expect([version, code, multihash.code]).toEqual([1, 0x55, 0x12])
  expect(Buffer.from(multihash.digest)).toEqual(createHash('sha256').update(bytes).digest())
  const mint = planOf('mint', 'Ada', [mintArtist(installation, artist)])
  const [c, d] = await Promise.all([encodePlan(mint, space), encodePlan(mint, space)])
  expect(c.editId).not.toBe(d.editId)
  expect(decodeEdit(Buffer.from(c.base64, 'base64')).authors.map(formatId)).toEqual([space.authorId])
})

test('the schema says of every property what its values are, and of every type which properties it has', async () => {
  const plan = planSchema(space, new Set())
  if (!plan) throw new Error('expected a plan')
  const relations = relationsOf(await decoded(plan))
  for (const property of Object.values(PROPERTIES)) {
    expect(relations).toContainEqual([property.id, GRAPH.types, GRAPH.property])
    expect(relations).toContainEqual([property.id, GRAPH.dataType, GRAPH.dataTypes[property.dataType]])
  }
  for (const type of Object.values(TYPES))
    for (const property of [GRAPH.name, ...type.properties])
      expect(relations).toContainEqual([type.id, GRAPH.properties, property.id])
  expect(planSchema(space, new Set(SCHEMA.map(({ id }) => id)))).toBeNull()
  const gap = planSchema(space, new Set(SCHEMA.map(({ id }) => id).filter((id) => id !== PROPERTIES.isni.id)))
  expect(gap?.entityIds).toEqual([PROPERTIES.isni.id])
})

test('a cover is a valid PNG, the same for the same entity and another for another', () => {
  const png = drawCover('a')
  expect(drawCover('a')).toEqual(png)
  expect(drawCover('b')).not.toEqual(png)
  const chunks: Record<string, Buffer> = {}
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 4, at + 8 + length)
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body))
    chunks[body.subarray(0, 4).toString()] = body.subarray(4)
    at += 12 + length
  }
  expect(Object.keys(chunks)).toEqual(['IHDR', 'PLTE', 'IDAT', 'IEND'])
  expect([chunks.IHDR.readUInt32BE(0), chunks.IHDR.readUInt32BE(4)]).toEqual([COVER_SIZE, COVER_SIZE])
  expect(inflateSync(chunks.IDAT).length).toBe((COVER_SIZE + 1) * COVER_SIZE)
})

test('an image that is known is shown as it is, a file before an address; else a cover is drawn', async () => {
  const cid = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
  const urlOf = async (row: Grc20WorkRow) => {
    const part = mintWork(installation, row)
    const cover = coverEntityId(workEntityId(installation, 7))
    const edit = await decoded(planOf('mint', 'x', [part]))
    expect(relationsOf(edit)).toContainEqual([workEntityId(installation, 7), GRAPH.cover, cover])
    expect(relationsOf(edit)).toContainEqual([cover, GRAPH.types, GRAPH.image.type])
    const values = valuesOf(opOn(edit, 'createEntity', cover).values)
    return { url: values[GRAPH.image.url], width: values[GRAPH.image.width], drawn: part.drawn?.cid }
  }
  expect(await urlOf(work)).toEqual({ url: work.imageUrl, width: undefined, drawn: undefined })
  expect(await urlOf({ ...work, imageCid: cid })).toEqual({ url: `ipfs://${cid}`, width: undefined, drawn: undefined })
  const drawn = await urlOf({ ...work, imageUrl: null })
  expect(drawn).toMatchObject({ url: `ipfs://${drawn.drawn}`, width: COVER_SIZE })
})

test('a work that turns out to be by another artist changes its relation, once', async () => {
  const minted = mintWork(installation, work)
  const relationId = minted.row.table === 'work' ? minted.row.artistRelationId : ''
  const published = {
    ...work,
    grc20EntityId: workEntityId(installation, 7),
    artistRelationId: relationId,
    publishedArtistId: 12,
  }
  const same = updateWork(installation, { ...published, revision: 2 })
  expect(same.ops.filter(({ type }) => type === 'createRelation' || type === 'deleteRelation')).toEqual([])
  const moved = updateWork(installation, { ...published, artistId: 13, revision: 2 })
  const edit = await decoded(planOf('update', 'x', [moved]))
  expect(edit.ops.flatMap((op) => (op.type === 'deleteRelation' ? [formatId(op.id)] : []))).toEqual([relationId])
  expect(relationsOf(edit)).toEqual([
    [workEntityId(installation, 7), RELATIONS.performedBy.id, artistEntityId(installation, 13)],
  ])
  const back = updateWork(installation, {
    ...published,
    artistRelationId: 'cc'.repeat(16),
    publishedArtistId: 13,
    revision: 3,
  })
  expect(back.row).not.toMatchObject({ artistRelationId: relationId })
})
