import { expect, test } from 'vitest'
import { z } from 'zod'
import { askSmall } from './query-fixtures/asking.ts'
import { insertRows } from './query-fixtures/deployment.ts'

const small = askSmall()

test('values come in the form graph-node gives them', async () => {
  expect(
    await small.ask(
      '{ thing(id: "a") { id text data flag int big amount ratio at kind tags numbers blobs kinds owner { id } } }',
    ),
  ).toEqual({
    thing: {
      id: 'a',
      text: 'Apple',
      data: '0x0102ff',
      flag: true,
      int: 5,
      big: '9007199254740993',
      amount: '123456789012345678901234567890',
      ratio: '0.1',
      at: '1704067200123456',
      kind: 'BETA',
      tags: ['Red', 'blue'],
      numbers: ['3', '1', '2'],
      blobs: ['0x01'],
      kinds: ['ALPHA', 'GAMMA'],
      owner: { id: '0xaa01' },
    },
  })
  expect(await small.ask('{ thing(id: "c") { text flag ratio kind numbers owner { id } } }')).toEqual({
    thing: { text: '100% _sure\\', flag: null, ratio: null, kind: null, numbers: null, owner: null },
  })
  expect(await small.ask('{ marks(first: 1) { from order } nothing: mark(id: "0xff") { id } }')).toEqual({
    marks: [{ from: '0xf1', order: 1 }],
    nothing: null,
  })
})

test('answers keep the order and the names that were asked for, however long', async () => {
  const long = `alias_${'x'.repeat(200)}`
  const body = await small.body(
    `{ _meta { block { number } } ${long}: things(first: 1) { text ${long}: id __typename } __typename }`,
  )
  expect(body).toBe(
    `{"data":{"_meta":{"block":{"number":40}},"${long}":[{"text":"Apple","${long}":"a","__typename":"Thing"}],"__typename":"Query"}}`,
  )
})

test('a hundred come without being asked for, and a thousand at most', async () => {
  const rows = { Mark: Array.from({ length: 1_100 }, (_, index) => many(index)) }
  await insertRows(small.client, small.schema, small.entities, rows)
  try {
    const count = async (args: string) =>
      z.array(z.unknown()).parse((await small.ask(`{ marks${args} { id } }`))?.marks).length
    expect(await count('(block: {number: 39})')).toBe(100)
    expect(await count('')).toBe(100)
    expect(await count('(first: 1000)')).toBe(1_000)
    expect(await count('(first: 1000, skip: 1100)')).toBe(3)
    expect(await count('(first: 1, skip: 2147483647)')).toBe(0)
  } finally {
    await small.client.pool.query(`delete from ${small.schema}.mark where amount = -1`)
  }
  expect(await small.refused('{ marks(first: 2000) { id } }')).toBe(
    'The `first` argument must be between 0 and 1000, but is 2000',
  )
  expect(await small.refused('{ marks(first: 0) { id } }')).toBe(
    'The `first` argument must be between 0 and 1000, but is 0',
  )
  expect(await small.refused('{ marks(skip: -1) { id } }')).toBe(
    'The `skip` argument must be between 0 and 4294967295, but is -1',
  )
  expect(await small.refused('{ owners { things(first: 2000) { id } } }')).toBe(
    'The `first` argument must be between 0 and 1000, but is 2000',
  )
})

test('paging by id_gt meets every entity once', async () => {
  const seen: string[] = []
  for (let last = ''; ; last = seen.at(-1) ?? '') {
    const data = await small.ask('query ($last: String) { things(first: 2, where: {id_gt: $last}) { id } }', {
      last,
    })
    const page = z.array(z.object({ id: z.string() })).parse(data?.things)
    if (page.length === 0) break
    seen.push(...page.map(({ id }) => id))
  }
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('ties are broken by id in the same direction, nulls are last ascending and first descending', async () => {
  expect(await small.things('{}', ', orderBy: int')).toBe('bdaec')
  expect(await small.things('{}', ', orderBy: int, orderDirection: desc')).toBe('ceadb')
  expect(await small.things('{}', ', orderDirection: desc')).toBe('abcde')
})

test('a list is ordered by a field one level down, with the entities that have none', async () => {
  expect(await small.things('{}', ', orderBy: owner__name')).toBe('aebcd')
  expect(await small.things('{}', ', orderBy: owner__name, orderDirection: desc')).toBe('dcbea')
  expect(await small.things('{}', ', orderBy: owner__name, orderDirection: desc, first: 2, skip: 1')).toBe('cb')
  expect(await small.things('{int: 5}', ', orderBy: owner__rank, orderDirection: desc')).toBe('ea')
  expect(await small.things('{}', ', orderBy: owner__name, block: {number: 2}')).toBe('abcd')
})

test('a required reference that leads nowhere comes last in both directions', async () => {
  expect(await small.things('{}', ', orderBy: main__rank')).toBe('bdaec')
  expect(await small.things('{}', ', orderBy: main__rank, orderDirection: desc')).toBe('eadbc')
})

test('a list below an entity with very many members is cut like any other', async () => {
  await small.client.pool.query(
    `insert into ${small.schema}.thing (id, "int", parent, main, owners, tags, valid_from)
     select 'm' || lpad(n::text, 6, '0'), (n * 7919) % 10007, 'e', '\\xaa01', '{}', '{}', 1 from generate_series(1, 10006) n`,
  )
  try {
    const below = 'children(first: 3, skip: 1, orderBy: int, orderDirection: desc) { int }'
    expect(
      await small.ask(`{ e: thing(id: "e") { ${below} } a: thing(id: "a") { children(orderBy: int) { id } } }`),
    ).toEqual({
      e: { children: [{ int: 10_005 }, { int: 10_004 }, { int: 10_003 }] },
      a: { children: [{ id: 'b' }, { id: 'e' }] },
    })
  } finally {
    await small.client.pool.query(`delete from ${small.schema}.thing where id like 'm%'`)
  }
})

const many = (index: number) => ({
  from: 1,
  to: null,
  values: { id: `0x${(index + 0x1000).toString(16)}`, thing: 'a', amount: '-1', from: '0xf1', order: index },
})
