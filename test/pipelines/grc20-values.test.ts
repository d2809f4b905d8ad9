import { decodeEdit } from '@geoprotocol/grc-20'
import { formatId } from '@geoprotocol/grc-20/util'
import { expect, test } from 'vitest'
import { artistValues } from '../../worker/pipelines/artist/grc20/artist-values.ts'
import { type EditPlan, encodePlan, planOf } from '../../worker/pipelines/artist/grc20/edit.ts'
import { mintArtist, mintWork, updateArtist, updateWork } from '../../worker/pipelines/artist/grc20/parts.ts'
import { planSchema } from '../../worker/pipelines/artist/grc20/schema-edit.ts'
import { cleanText, cleanUrl, flatten } from '../../worker/pipelines/artist/grc20/text.ts'
import { workValues } from '../../worker/pipelines/artist/grc20/work-values.ts'
import {
  ARTIST_PROPERTIES,
  artistEntityId,
  GRAPH,
  GRC20_LEGACY_ARTIST_PROPERTIES,
  GRC20_LEGACY_WORK_PROPERTIES,
  PROPERTIES,
  RELATIONS,
  TYPES,
  WORK_PROPERTIES,
  workEntityId,
} from '../../worker/providers/space/grc20-space.ts'
import { artist, installation, space, work } from './grc20-samples.ts'
import { opOn, relationsOf, valuesOf } from './grc20-world.ts'

const hex = (values: ReturnType<typeof artistValues>['values']) => values.map(({ property }) => formatId(property))
const decoded = async (plan: EditPlan) => decodeEdit(Buffer.from((await encodePlan(plan, space)).base64, 'base64'))

test('every mapped column of an artist is one property of its own, decoded as it was written', async () => {
  const edit = await decoded(planOf('mint', 'Ada', [mintArtist(installation, artist)]))
  const values = valuesOf(opOn(edit, 'createEntity', artistEntityId(installation, 12)).values)
  const expected = Object.entries(ARTIST_PROPERTIES).map(([column, { id }]) => [id, artist[column as 'name']])
  expect(values).toEqual(Object.fromEntries(expected))
  expect(new Set(Object.values(ARTIST_PROPERTIES).map(({ id }) => id)).size).toBe(18)
  expect(values).toMatchObject({
    [PROPERTIES.viaf.id]: 'viaf-1',
    [PROPERTIES.bnf.id]: 'bnf-2',
    [PROPERTIES.gnd.id]: 'gnd-3',
    [PROPERTIES.loc.id]: 'loc-4',
    [PROPERTIES.lensHandle.id]: 'ada-ks1',
    [PROPERTIES.alternateNames.id]: 'A.; Countess',
  })
  for (const value of Object.values(values)) expect(value).not.toMatch(/^[[{]/)
})

test('every mapped column of a work is one property of its own, and the artist is a relation', async () => {
  const edit = await decoded(planOf('mint', 'Notes', [mintWork(installation, work)]))
  const id = workEntityId(installation, 7)
  const { [PROPERTIES.releaseDate.id]: date, ...values } = valuesOf(opOn(edit, 'createEntity', id).values)
  const { releaseDate, ...mapped } = WORK_PROPERTIES
  const expected = Object.entries(mapped).map(([column, { id }]) => [id, work[column as 'title']])
  expect(values).toEqual(Object.fromEntries(expected))
  // The SDK keeps a count of days and writes it with the zone it was given in: none, which is UTC.
  expect(date).toBe('2020-03-20Z')
  expect(releaseDate.dataType).toBe('date')
  expect(relationsOf(edit)).toContainEqual([id, RELATIONS.performedBy.id, artistEntityId(installation, 12)])
  expect(relationsOf(edit)).toContainEqual([id, GRAPH.types, TYPES.work.id])
})

test('a release date is published to the day without a time, and not at all when less is known', () => {
  const dateOf = (releaseDate: string | null) =>
    workValues({ ...work, releaseDate }).values.find(({ value }) => value.type === 'date')?.value
  expect(dateOf('2020-03-20')).toEqual({ type: 'date', value: '2020-03-20' })
  expect(dateOf('2020-03-20T00:00:00Z')).toEqual({ type: 'date', value: '2020-03-20' })
  for (const known of ['2020', '2020-03', '2020-02-30', '0000-01-01', '20-03-2020', '', null])
    expect(dateOf(known)).toBeUndefined()
})

test('columns that hold nothing are properties to unset, and the name always says something', () => {
  const bare = Object.fromEntries(
    Object.keys(ARTIST_PROPERTIES).map((column) => [column, column === 'name' ? 'Ada' : ' ']),
  )
  const { values, empty } = artistValues({ ...artist, ...bare })
  expect(hex(values)).toEqual([GRAPH.name.id])
  expect(empty).toEqual(Object.values(ARTIST_PROPERTIES).filter(({ id }) => id !== GRAPH.name.id))
})

test('an update sets what is there, unsets what is empty, and takes legacy properties back', async () => {
  const minted = { ...artist, isni: null, gnd: '', grc20EntityId: artistEntityId(installation, 12) }
  const changed = { ...work, iswc: null, releaseDate: null, grc20EntityId: workEntityId(installation, 7) }
  const edit = await decoded(
    planOf('update', 'Ada', [updateArtist(installation, minted), updateWork(installation, changed)]),
  )
  const unsetOf = (id: string) => opOn(edit, 'updateEntity', id).unset.map(({ property }) => formatId(property))
  expect(unsetOf(minted.grc20EntityId).sort()).toEqual(
    [PROPERTIES.isni, PROPERTIES.gnd, ...GRC20_LEGACY_ARTIST_PROPERTIES].map(({ id }) => id).sort(),
  )
  expect(unsetOf(changed.grc20EntityId).sort()).toEqual(
    [PROPERTIES.iswc, PROPERTIES.releaseDate, ...GRC20_LEGACY_WORK_PROPERTIES].map(({ id }) => id).sort(),
  )
  for (const op of edit.ops)
    if (op.type === 'updateEntity') for (const one of op.unset) expect(one.language.type).toBe('all')
})

test('legacy properties, locks and what belongs to the recording are never published', async () => {
  const legacy = [...GRC20_LEGACY_ARTIST_PROPERTIES, ...GRC20_LEGACY_WORK_PROPERTIES]
  expect(legacy.map(({ name }) => name)).toEqual([
    'artistExternalIds',
    'artistWikipediaUrls',
    'artistLibraryIds',
    'workIsrc',
    'workSpotifyTrackId',
    'workSpotifyUrl',
    'workImageSource',
  ])
  const parts = [mintArtist(installation, artist), updateArtist(installation, artist)]
  const workParts = [mintWork(installation, work), updateWork(installation, work)]
  const schema = planSchema(space, new Set())
  const published = [...parts, ...workParts, ...(schema ? [schema] : [])].flatMap(({ ops }) =>
    ops.flatMap((op) => {
      if (op.type === 'createEntity') return [formatId(op.id), ...hex(op.values)]
      return op.type === 'updateEntity' ? hex(op.set) : []
    }),
  )
  for (const { id } of legacy) expect(published).not.toContain(id)
  const names = [...Object.values(PROPERTIES), ...Object.values(TYPES), ...Object.values(RELATIONS)].map(
    ({ name }) => name,
  )
  expect(names.join()).not.toMatch(/lock|isrc|wikipedia/i)
  const everything = JSON.stringify([artistValues(artist), workValues(work)])
  expect(everything).not.toContain('wikipedia')
})

test('hostile and strange text comes back from the encoded edit as it was cleaned', async () => {
  const names = [
    '\uFEFFByte order mark',
    'half \uD83C a pair',
    'nul\0 and bell\u0007',
    "Robert'); drop table artists;--",
    '<script>alert(1)</script>',
    '\u202Eright to left',
    '🎤👩‍👩‍👧‍👦 音楽 ﷽ e\u0301',
    'line\nbreak\tand tab',
    'x'.repeat(100_000),
    '$(reboot) %s %n ../../etc/passwd',
  ]
  for (const name of names) {
    const edit = await decoded(planOf('mint', name, [mintArtist(installation, { ...artist, name })]))
    const { values } = opOn(edit, 'createEntity', artistEntityId(installation, 12))
    expect(valuesOf(values)[GRAPH.name.id]).toBe(cleanText(name))
    expect([...edit.name].length).toBeLessThanOrEqual(200)
  }
  expect(cleanText('nul\0 and bell\u0007')).toBe('nul and bell')
  expect(cleanText('half \uD83C a pair')).toBe('half \uFFFD a pair')
  expect(cleanText('\uFEFF\0 \n')).toBeNull()
})

test('ten thousand aliases are one text, each once, and come back whole', async () => {
  const aliases = Array.from({ length: 10_000 }, (_, index) => `Alias № ${index} „${'ä'.repeat(index % 40)}“`)
  const alternateNames = flatten([...aliases, ...aliases, '', ' ', null])
  expect(alternateNames?.split('; ')).toEqual(aliases)
  const edit = await decoded(planOf('mint', 'Ada', [mintArtist(installation, { ...artist, alternateNames })]))
  const { values } = opOn(edit, 'createEntity', artistEntityId(installation, 12))
  expect(valuesOf(values)[PROPERTIES.alternateNames.id]).toBe(alternateNames)
})

test('only plain web addresses are taken', () => {
  expect(cleanUrl(' https://a.example/ü ')).toBe('https://a.example/%C3%BC')
  for (const url of [
    'javascript:alert(1)',
    'ftp://a',
    'https://u:p@a',
    'data:,x',
    'a',
    '',
    null,
    `https://a/${'x'.repeat(3e3)}`,
  ])
    expect(cleanUrl(url)).toBeNull()
})
