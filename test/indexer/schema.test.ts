import { expect, test } from 'vitest'
import { createTables, indexedExpression } from '../../indexer/store/layout.ts'
import { parseEntityTypes, snakeCase } from '../../indexer/store/schema.ts'

test.each([
  ['type A @entity {', 'no GraphQL'],
  ['interface Named { id: ID! }', 'InterfaceTypeDefinition'],
  ['union Both = A | B', 'UnionTypeDefinition'],
  ['type _Schema_ @fulltext(name: "search")', 'type _Schema_ without @entity'],
  ['type A @entity(timeseries: true) { id: Int8! timestamp: Timestamp! }', 'the type Int8'],
  ['type A @entity(timeseries: true) { id: ID! }', 'timeseries'],
  ['type A @aggregation(intervals: ["hour"], source: "B") { id: ID! }', 'without @entity'],
  ['type A implements B @entity { id: ID! }', 'interfaces'],
  ['type A @entity { name: String! }', 'without an id'],
  ['type A @entity { id: Boolean! }', 'the type Boolean'],
  ['type A @entity { id: ID! b: Nothing }', 'A.b: the type Nothing'],
  ['type A @entity { id: ID! b: [[String!]!]! }', 'A.b: lists of lists'],
  ['type A @entity { id: ID! fooBar: Int foo_bar: Int }', 'same column foo_bar'],
  [
    'type A @entity { id: ID! bs: [B!]! @derivedFrom(field: "c") } type B @entity { id: ID! }',
    'B.c is no reference to A',
  ],
  ['type AB @entity { id: ID! } type Ab @entity { id: ID! }', 'another type has its table'],
  [`type A @entity { id: ID! ${'a'.repeat(70)}: Int }`, 'longer than 63'],
])('a schema with %s is refused', (text, message) => {
  expect(() => parseEntityTypes(text)).toThrow(message)
})

test('names, columns and indexes follow from the schema', () => {
  expect(['grc20WorkId', 'registeredAtBlock', 'URLOfItem', 'from'].map(snakeCase)).toEqual([
    'grc20_work_id',
    'registered_at_block',
    'url_of_item',
    'from',
  ])
  const { entities } = parseEntityTypes(`
    "A thing" type Thing @entity(immutable: true) { id: Bytes! "When" validFrom: Int other: Other! names: [String!]! }
    type Other @entity { id: ID! text: String data: Bytes things: [Thing!]! @derivedFrom(field: "other") }`)
  const thing = entities.get('Thing')!
  const other = entities.get('Other')!
  expect(thing.storedFields.map(({ column, scalar, isList }) => [column, scalar, isList])).toEqual([
    ['id', 'Bytes', false],
    ['valid_from_', 'Int', false],
    ['other', 'ID', false],
    ['names', 'String', true],
  ])
  expect([thing.description, thing.fieldsByName.get('validFrom')?.description, thing.isImmutable]).toEqual([
    'A thing',
    'When',
    true,
  ])
  expect(other.storedFields.map((field) => indexedExpression(field))).toEqual([
    '"id"',
    'left("text", 256)',
    'substring("data", 1, 64)',
  ])
  const statements = createTables('sg_x', { entities, enums: new Map() })
  expect(statements.filter((text) => text.startsWith('create unique index'))).toHaveLength(1)
  expect(statements.join('\n')).toContain('"names" text[] collate "C" not null')
})
