import { expect, test } from 'vitest'
import { askSmall } from './query-fixtures/asking.ts'

const small = askSmall()

test('patterns, cases, bytes and lists', async () => {
  expect(await small.things('{text_contains: "pp"}')).toBe('ab')
  expect(await small.things('{text_contains: "p_l"}')).toBe('ab')
  expect(await small.things('{text_contains: "0%"}')).toBe('')
  expect(await small.things('{text_starts_with: "App"}')).toBe('a')
  expect(await small.things('{text_starts_with_nocase: "app"}')).toBe('ab')
  expect(await small.things('{text_ends_with: "sure\\\\\\\\"}')).toBe('c')
  expect(await small.things('{text_not_contains_nocase: "APP"}')).toBe('cd')
  expect(await small.things('{data_contains: "0xff"}')).toBe('ac')
  expect(await small.things('{data: "0102FF"}')).toBe('a')
  expect(await small.things('{tags_contains: ["Red", "blue"]}')).toBe('a')
  expect(await small.things('{tags: ["blue", "Red"]}')).toBe('')
  expect(await small.things('{tags_contains_nocase: ["r%"]}')).toBe('ade')
  expect(await small.things('{owner_contains: "0xaa", owners_not_contains: ["0xcc03"]}')).toBe('a')
})

test('null is asked for by name, and matches nothing else', async () => {
  expect(await small.things('{text: null}')).toBe('e')
  expect(await small.things('{text_not: null}')).toBe('abcd')
  expect(await small.things('{text_not: "old"}')).toBe('abcd')
  expect(await small.things('{text_not_in: ["Apple"]}')).toBe('bcd')
  expect(await small.refused('{ things(where: {text_gt: null}) { id } }')).toBe(
    'Store error: unsupported filter `>` for value `null`',
  )
  expect(await small.refused('{ things(where: {text_in: null}) { id } }')).toBe('Non-list value passed to `_in` filter')
})

test('empty lists find nothing, also when negated', async () => {
  expect(await small.things('{id_in: []}')).toBe('')
  expect(await small.things('{id_not_in: []}')).toBe('')
})

test('conditions are joined as graph-node joins them', async () => {
  expect(await small.things('{and: [{int: 5}, {flag: true}]}')).toBe('a')
  expect(await small.things('{or: [{int: 5}, {int: 2}]}')).toBe('ade')
  expect(await small.things('{or: []}')).toBe('')
  expect(await small.things('{and: []}')).toBe('abcde')
  expect(await small.things('{and: [{int_gt: 0}], or: [{id: "a"}, {id: "e"}]}')).toBe('')
  expect(await small.refused('{ things(where: {and: [{int: 5}], text: "Apple"}) { id } }')).toBe(
    'Filter must by an object',
  )
  expect(await small.refused('{ things(where: {or: [{int: 5}], text: "x", int_gt: 3}) { id } }')).toContain(
    "Cannot mix column filters with 'or' operator at the same level. Found column filter(s) 'int_gt', 'text' alongside 'or' operator.",
  )
})

test('by the entity referred to, by those that refer back, and no deeper', async () => {
  expect(await small.things('{owner_: {name: "Ann"}}')).toBe('ae')
  expect(await small.things('{owners_: {rank_lt: 3}}')).toBe('ae')
  expect(
    await small.ask('{ owners(where: {things_: {int: 5}}) { id } co: owners(where: {coOwned_: {id: "a"}}) { id } }'),
  ).toEqual({
    owners: [{ id: '0xaa01' }],
    co: [{ id: '0xaa01' }, { id: '0xbb02' }],
  })
  expect(
    await small.refused('{ owners(where: {things_: {owner_: {name_contains: "n", rank_in: [1, 2]}}}) { id } }'),
  ).toBe(
    'Child filter nesting not supported by value `owner`: `join on owner with Owner(name ~ *n* and rank in (1,2))`',
  )
})

test('by the block of the last change', async () => {
  expect(await small.things('{_change_block: {number_gte: 20}}')).toBe('d')
  expect(await small.things('{_change_block: {number_gte: 3}}', ', block: {number: 15}')).toBe('e')
})
