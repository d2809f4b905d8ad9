import { readFile } from 'node:fs/promises'
import { GraphQLInputObjectType, printType } from 'graphql'
import { expect, test } from 'vitest'
import { rootFieldNames } from '../../indexer/query/naming.ts'
import { createApiSchema } from '../../indexer/query/schema.ts'
import { parseEntityTypes } from '../../indexer/store/schema.ts'
import { fixture } from './query-fixtures/deployment.ts'
import golden from './query-fixtures/golden.json' with { type: 'json' }
import { typeHashes } from './query-fixtures/type-hashes.ts'

const schemaOf = (text: string) => createApiSchema(parseEntityTypes(text)).graphql

test('the query schema is graph-node 0.45’s, type by type', async () => {
  const schema = schemaOf(await fixture('golden.graphql'))
  const differing = Object.entries(typeHashes(schema)).filter(([name, hash]) => Reflect.get(golden, name) !== hash)
  expect(differing.map(([name]) => name)).toEqual([])
  expect(Object.keys(typeHashes(schema)).sort()).toEqual(Object.keys(golden).sort())
})

test('the comparison with graph-node notices a single changed filter, argument or order', async () => {
  const text = await fixture('golden.graphql')
  const differing = (changed: string) =>
    Object.entries(typeHashes(schemaOf(changed)))
      .filter(([name, hash]) => Reflect.get(golden, name) !== hash)
      .map(([name]) => name)
  expect(differing(text.replace('transfers: Int!', 'transfers: BigInt!'))).toEqual(['Key', 'Key_filter'])
  expect(differing(text.replace('priceEth: BigDecimal\n', ''))).toEqual([
    'Key_orderBy',
    'Lock',
    'Lock_filter',
    'Lock_orderBy',
    'Song_orderBy',
  ])
  expect(differing(text.replace('type Song', 'type Hymn'))).toContain('Query')
})

test('root fields are named as graph-node names them, oddities included', () => {
  // As graph-node 0.45 answered for types of these names.
  const named = `Clip:clip/clips ClipEvent:clipEvent/clipEvents Key:key/keys Lottery:lottery/lotteries Box:box/boxes
    Church:church/churches Hero:hero/heros Status:status/statuses Matrix:matrix/matrixes Leaf:leaf/leaves Wolf:wolf/wolves
    Person:person/persons Child:child/childs Series:series/series_collection News:news/news_collection Data:data/datas
    Axis:axis/axis_collection Bus:bus/buses Day:day/days Analysis:analysis/analyses Potato:potato/potatoes
    Alias:alias/alias_collection Knife:knife/knifes Money:money/monies ERC20Token:erc20Token/erc20Tokens NFT:nft/nfts
    UserOp:userOp/userOps Gas:gas/gas_collection Atlas:atlas/atlases Bureau:bureau/bureaus Shelf:shelf/shelves
    Quality:quality/qualities Monkey:monkey/monkeys Address:address/addresses Keys:keys/keys_collection MyData:myData/myDatas
    my_thing:myThing/myThings HTTPServer:httpserver/httpservers A1:a1/a1S V2Pair:v2Pair/v2Pairs PairV2:pairV2/pairV2S
    TokenMetadata:tokenMetadata/tokenMetadata_collection Police:police/policeice Stomach:stomach/stomaches
    Chaos:chaos/chaos_collection Diagnosis:diagnosis/diagnoses Sphinx:sphinx/sphinxes Waltz:waltz/waltzs Buzz:buzz/buzzes`
  for (const [, type, one, many] of named.matchAll(/(\w+):(\w+)\/(\w+)/g)) {
    expect({ type, ...rootFieldNames(type) }).toEqual({ type, one, many })
  }
})

test('filters are those of the field’s type, and references are compared by id', async () => {
  const schema = schemaOf(await fixture('everything.graphql'))
  const filter = schema.getType('Thing_filter')
  if (!(filter instanceof GraphQLInputObjectType)) throw new Error('Thing has no filter type')
  const fields = Object.values(filter.getFields()).map(({ name, type }) => `${name}: ${type}`)
  const of = (field: string) =>
    fields.filter((text) => new RegExp(`^${field}(_|:)`).test(text)).map((text) => text.replace(field, ''))
  expect(of('flag')).toEqual([': Boolean', '_not: Boolean', '_in: [Boolean!]', '_not_in: [Boolean!]'])
  expect(of('kind')).toEqual([': Kind', '_not: Kind', '_in: [Kind!]', '_not_in: [Kind!]'])
  expect(of('at')).toContain('_gte: Timestamp')
  expect(of('data')).toContain('_not_contains: Bytes')
  expect(of('data')).not.toContain('_starts_with: Bytes')
  expect(of('tags')).toEqual(
    ['', '_not', '_contains', '_not_contains', '_contains_nocase', '_not_contains_nocase'].map(
      (end) => `${end}: [String!]`,
    ),
  )
  expect(of('blobs')).toEqual(['', '_not', '_contains', '_not_contains'].map((end) => `${end}: [Bytes!]`))
  expect(of('main')).toContain('_: Owner_filter')
  expect(of('main')).toContain('_ends_with_nocase: String')
  expect(of('children')).toEqual(['_: Thing_filter'])
})

test('the project’s own subgraph has a query schema, with its descriptions', async () => {
  const text = await readFile(new URL('../../subgraph/schema.graphql', import.meta.url), 'utf8')
  const schema = schemaOf(text)
  const query = schema.getQueryType()?.getFields() ?? {}
  expect(Object.keys(query)).toEqual(
    expect.arrayContaining(['clip', 'clips', 'foreignEvents', 'keyEvents', '_meta', '_logs']),
  )
  const clip = schema.getType('Clip')
  expect(clip && printType(clip)).toContain('The encrypted full song, when there is one')
})
