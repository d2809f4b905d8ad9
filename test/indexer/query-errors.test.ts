import { expect, test } from 'vitest'
import { askSmall } from './query-fixtures/asking.ts'

const small = askSmall()

test('what does not exist is named', async () => {
  expect(await small.refused('{ nope { id } }')).toBe('Type `Query` has no field `nope`')
  expect(await small.refused('{ things { nope owner { neither } } }')).toBe(
    'Type `Thing` has no field `nope`\nType `Owner` has no field `neither`',
  )
  expect(await small.refused('{ things { __schema { queryType { name } } } }')).toBe(
    'Type `Thing` has no field `__schema`',
  )
  expect(await small.refused('{ things { ...F } } fragment F on Nope { id }')).toBe(
    'Failed to resolve named type `Nope`',
  )
  expect(await small.refused('{ things { ...F } }')).toBe('fragment `F` is not defined')
  expect(await small.refused('{ things { ...F } } fragment F on Thing { children { ...F } }')).toBe(
    'query has fragment cycle including `F`',
  )
  expect(await small.refused('{ things { owner } }')).toBe('Selection set for type `Owner` is empty')
  expect((await small.answer('{ things { id } }', {}, null, 'nobody')).errors).toEqual([
    { message: 'deployment `nobody` does not exist' },
  ])
})

test('a required reference that leads nowhere, and two where one belongs', async () => {
  expect(await small.refused('{ mark(id: "0x03") { thing { id } } }')).toBe(
    'Null value resolved for non-null field `thing`',
  )
  expect(await small.refused('{ marks { id thing { id } } }')).toBe('Null value resolved for non-null field `thing`')
  expect(await small.ask('{ marks(first: 2) { thing { id } } }')).toEqual({
    marks: [{ thing: { id: 'a' } }, { thing: { id: 'b' } }],
  })
  expect(
    await small.ask('{ owner(id: "0xaa01") { profile { id } } none: owner(id: "0xdd04") { profile { id } } }'),
  ).toEqual({
    owner: { profile: { id: 'p1' } },
    none: { profile: null },
  })
  expect(await small.refused('{ owner(id: "0xcc03") { profile { id } } }')).toBe(
    'Ambiguous result for derived field `profile`: Multiple `Profile` entities refer back via `owner`',
  )
})

test('values that are none are named, with what they should be', async () => {
  const value = (where: string) => small.refused(`{ things(where: ${where}) { id } }`)
  expect(await value('{data: "0x010"}')).toBe('Failed to decode `Bytes` value: `Odd number of digits`')
  expect(await value('{amount: "abc"}')).toBe('Failed to decode `BigInt` value: `invalid digit found in string`')
  expect(await value('{ratio: "abc"}')).toBe('Failed to decode `BigDecimal` value: `invalid digit found in string`')
  expect(await value('{big: "9223372036854775808"}')).toBe('Failed to decode `Int8` value: `9223372036854775808`')
  expect(await value('{owner: "zz"}')).toBe("Store error: store error: Invalid character 'z' at position 0")
  expect(
    await small.refused('{ a: things(where: {data: "0"}) { id } b: things(first: 0) { id } c: thing(id: "a") { id } }'),
  ).toBe(
    'Failed to decode `Bytes` value: `Odd number of digits`\nThe `first` argument must be between 0 and 1000, but is 0',
  )
  expect(await value('{int: "5"}')).toBe('Invalid value provided for argument `where`: Object({"int": String("5")})')
  expect(await value('{kind: DELTA}')).toBe(
    'Invalid value provided for argument `where`: Object({"kind": Enum("DELTA")})',
  )
  expect(await value('{nope: 1}')).toBe('Invalid value provided for argument `where`: Object({"nope": Int(Number(1))})')
  expect(await value('{ratio: "1e999999"}')).toContain(
    'Failed to get entities from store: value overflows numeric format',
  )
  expect(await value('{text_ends_with: "sure\\\\"}')).toBe(
    'Failed to get entities from store: LIKE pattern must not end with escape character',
  )
  // One root field that Postgres refuses ends the query; one that we refuse leaves those of other blocks.
  expect(
    await small.answer('{ a: things(where: {ratio: "1e999999"}) { id } b: thing(id: "a", block: {number: 9}) { id } }'),
  ).toMatchObject({ errors: [{}] })
  expect(
    await small.answer('{ a: things(first: 0) { id } b: thing(id: "a", block: {number: 9}) { id } }'),
  ).toMatchObject({
    data: { b: { id: 'a' } },
    errors: [{}],
  })
  expect(await value('{text: "\\u0000"}')).toContain('invalid byte sequence for encoding "UTF8": 0x00')
})

test('orders that graph-node offers and refuses are refused', async () => {
  expect(await small.refused('{ things(orderBy: kind) { id } }')).toBe(
    'Ordering by `kind` is not supported for type `Thing`',
  )
  expect(await small.refused('{ things(orderBy: owner) { id } }')).toBe(
    'Ordering by `owner` is not supported for type `Thing`',
  )
  expect(await small.refused('{ owners { things(orderBy: main__name) { id } } }')).toContain(
    'SortKey::ChildKey cannot be used for parent ordering (yet)',
  )
})

test('mutations, subscriptions and unclear operations are refused', async () => {
  expect(await small.refused('mutation { things { id } }')).toBe('Not supported: Mutations are not supported')
  expect(await small.refused('subscription { things { id } }')).toBe('Not supported: Subscriptions are not supported')
  const two = 'query A { thing(id: "a") { id } } query B { thing(id: "b") { id } }'
  expect(await small.refused(two)).toBe('Operation name required')
  expect(await small.answer(two, {}, 'B')).toEqual({ data: { thing: { id: 'b' } } })
  expect((await small.answer(two, {}, 'C')).errors).toEqual([{ message: 'Operation name not found `C`' }])
  expect(await small.refused('{ things { id }')).toContain('Syntax Error')
  expect(await small.refused('')).toContain('Syntax Error')
})
