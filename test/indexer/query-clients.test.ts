import { expect, test } from 'vitest'
import { askSmall } from './query-fixtures/asking.ts'

const small = askSmall()

test('filters, orders and pages as variables, by the names of their types', async () => {
  const query = `query Things($where: Thing_filter, $orderBy: Thing_orderBy, $direction: OrderDirection, $first: Int!, $skip: Int, $block: Block_height) {
    things(where: $where, orderBy: $orderBy, orderDirection: $direction, first: $first, skip: $skip, block: $block) { id }
  }`
  const variables = {
    where: { int_gt: 0, owner_: { rank_gte: 2 } },
    orderBy: 'text',
    direction: 'desc',
    first: 2,
    skip: 1,
  }
  expect(await small.ask(query, variables)).toEqual({ things: [{ id: 'd' }, { id: 'a' }] })
  expect(await small.ask(query, { first: 1, block: { number: 15 }, where: { id: 'd' } })).toEqual({
    things: [{ id: 'd' }],
  })
  expect(await small.refused(query, { where: {} })).toBe('No value provided for required variable `first`')
  expect(await small.refused(query, { first: 'x' })).toBe('Invalid value provided for argument `first`: String("x")')
})

test('locks with their keys, as lock dashboards ask', async () => {
  const data = await small.ask(
    `query ($owners: [Bytes!]!, $after: BigInt!) {
      owners(where: {id_in: $owners}, first: 1000, orderBy: rank, orderDirection: desc) {
        id
        things(where: {amount_gt: $after, owner_contains: "0x"}, first: 10, skip: 0, orderBy: amount) { id owner { name } }
      }
    }`,
    { owners: ['0xaa01', '0xbb02'], after: -1 },
  )
  expect(data).toEqual({
    owners: [
      { id: '0xaa01', things: [{ id: 'a', owner: { name: 'Ann' } }] },
      { id: '0xbb02', things: [{ id: 'b', owner: { name: 'bob' } }] },
    ],
  })
})

test('directives, default values, variables that are left out, and introspection beside data', async () => {
  const query =
    'query ($more: Boolean = false, $text: String) { things(first: 1, where: {text: $text}) { id int @include(if: $more) } }'
  expect(await small.ask(query)).toEqual({ things: [{ id: 'e' }] })
  expect(await small.ask(query, { more: true, text: 'Apple' })).toEqual({ things: [{ id: 'a', int: 5 }] })
  expect(
    await small.ask(
      '{ __type(name: "Thing") { kind } thing(id: "a") { id ... on Thing @skip(if: true) { text } } _logs { id } }',
    ),
  ).toEqual({
    __type: { kind: 'OBJECT' },
    thing: { id: 'a' },
    _logs: [],
  })
})

test('numbers beyond 2^53 stay exact', async () => {
  expect(await small.things('{big: 9007199254740993}')).toBe('a')
  expect(await small.things('{big: 9007199254740992}')).toBe('')
  expect(await small.ask('query ($n: Int8) { things(where: {big: $n}) { id } }', { n: 9007199254740993n })).toEqual({
    things: [{ id: 'a' }],
  })
})

test('nothing that is sent becomes SQL', async () => {
  const attack = `'; drop table ${small.schema}.thing; --`
  for (const text of [attack, "' or '1'='1", '" or true --', '$1', '\\', '\\\\x', '%', '\u{1f4a9}', '\ud800']) {
    const { data } = await small.answer(
      'query ($t: String!, $l: [String!]!) { a: things(where: {text: $t}) { id } b: things(where: {tags_contains: $l, id_in: $l}) { id } c: thing(id: $t) { id } }',
      { t: text, l: [text] },
    )
    expect(data).toEqual({ a: [], b: [], c: null })
  }
  expect(await small.answer(`{ things(orderBy: "${attack}") { id } }`)).toHaveProperty('errors')
  expect(await small.answer(`{ things(where: {text_contains_nocase: "${attack}"}) { id } }`)).toEqual({
    data: { things: [] },
  })
  expect(await small.things('{}')).toBe('abcde')
})

test('a text that looks like a mark of ours is a text', async () => {
  await small.client.pool.query(`update ${small.schema}.profile set bio = $1 where id = 'p2'`, [
    '"x:0" \u2028 </script> 😀',
  ])
  expect(await small.ask('{ profile(id: "p2") { bio owner { id } } }')).toEqual({
    profile: { bio: '"x:0" \u2028 </script> 😀', owner: { id: '0xbb02' } },
  })
})

test('depth, breadth and size are limited before anything is read', async () => {
  const deep = `{ things ${'{ children '.repeat(30)}{ id }${' }'.repeat(30)} }`
  expect(await small.refused(deep)).toBe('query has a depth that exceeds the limit of `16`')
  const wide = `{ things(first: 1000) { children(first: 1000) { children(first: 1000) { id } } } }`
  expect(await small.refused(wide)).toContain(
    'query potentially returns `1001001000` entities or more and thereby exceeds the limit of `5000000` entities',
  )
  expect(
    await small.refused(
      `{ ${Array.from({ length: 300 }, (_, index) => `a${index}: thing(id: "a") { id }`).join(' ')} }`,
    ),
  ).toContain('limit of `200` root fields')
  const bomb = Array.from(
    { length: 20 },
    (_, index) => `fragment F${index} on Thing { a: parent { ...F${index + 1} } b: parent { ...F${index + 1} } }`,
  )
  expect(await small.refused(`{ things { ...F0 } } ${bomb.join(' ')} fragment F20 on Thing { id }`)).toMatch(/limit of/)
  const fans = Array.from(
    { length: 30 },
    (_, index) => `fragment F${index} on Thing { ...F${index + 1} ...F${index + 1} }`,
  )
  expect(await small.ask(`{ things(first: 1) { ...F0 } } ${fans.join(' ')} fragment F30 on Thing { id }`)).toEqual({
    things: [{ id: 'a' }],
  })
  expect(await small.refused(`{ things(where: ${'{and: ['.repeat(5_000)}${']}'.repeat(5_000)}) { id } }`)).toMatch(
    /nested too deeply|Syntax Error/,
  )
  expect(await small.refused(`{ things { ${'id '.repeat(30_000)} } }`)).toContain(
    'Syntax Error: Document contains more that 20000 tokens',
  )
  let nested: unknown = {}
  for (let depth = 0; depth < 100; depth++) nested = { and: [nested] }
  expect(await small.refused('query ($w: Thing_filter) { things(where: $w) { id } }', { w: nested })).toBe(
    'the query is nested too deeply',
  )
  expect(
    await small.refused(
      '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
    ),
  ).toContain('introspection depth')
})
