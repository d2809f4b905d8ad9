import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askSmall } from './query-fixtures/asking.ts'
import { blockHash } from './query-fixtures/deployment.ts'

const small = askSmall()

test('by number, by hash, and not before a number', async () => {
  const at = (block: string) => small.ask(`{ thing(id: "d", block: ${block}) { text } }`)
  expect(await at('{number: 19}')).toEqual({ thing: { text: 'old' } })
  expect(await at(`{hash: "${blockHash(19)}"}`)).toEqual({ thing: { text: 'old' } })
  expect(await at('{number: 20}')).toEqual({ thing: { text: 'new' } })
  expect(await at('{number: 1}')).toEqual({ thing: null })
  expect(await at('{number_gte: 19}')).toEqual({ thing: { text: 'new' } })
})

test('everything below is of the same block', async () => {
  expect(
    await small.ask(
      '{ owners(block: {number: 9}, where: {coOwned_: {id: "e"}}) { name coOwned { text owner { things { id } } } } }',
    ),
  ).toEqual({
    owners: [{ name: 'Cy', coOwned: [{ text: null, owner: { things: [{ id: 'a' }, { id: 'e' }] } }] }],
  })
  expect(
    await small.ask('{ a: owners(block: {number: 2}) { things { id text } } b: owners(first: 1) { id } }'),
  ).toEqual({
    a: [{ things: [{ id: 'a', text: 'Apple' }] }, { things: [{ id: 'b', text: 'apple pie' }] }],
    b: [{ id: '0xaa01' }],
  })
})

test('what is not there yet, any more or at all is refused', async () => {
  const { id } = small
  expect(await small.refused('{ things(block: {number: 99}) { id } }')).toBe(
    `Failed to decode \`block.number\` value: \`subgraph ${id} has only indexed up to block number 40 and data for block number 99 is therefore not yet available\``,
  )
  expect(await small.refused('{ things(block: {number_gte: 99}) { id } }')).toContain(
    'Failed to decode `block.number_gte` value: `subgraph',
  )
  expect(await small.refused('{ things(block: {number: 0}) { id } }')).toBe(
    `Failed to decode \`block.number\` value: \`subgraph ${id} only has data starting at block number 1 and data for block number 0 is therefore not available\``,
  )
  expect(await small.refused(`{ things(block: {hash: "${blockHash(99)}"}) { id } }`)).toBe(
    'Failed to decode `block.hash` value: `no block with that hash found`',
  )
  expect(await small.refused('{ things(block: {}) { id } }')).toBe(
    'Invalid value provided for argument `block`: Object({})',
  )
})

test('_meta tells the block, and less of one asked for by its number', async () => {
  const block = 'block { number hash parentHash timestamp }'
  expect(await small.ask(`{ _meta { ${block} deployment hasIndexingErrors } }`)).toEqual({
    _meta: {
      block: { number: 40, hash: blockHash(40), parentHash: blockHash(39), timestamp: 1_700_000_040 },
      deployment: small.id,
      hasIndexingErrors: false,
    },
  })
  expect(await small.ask(`{ _meta(block: {hash: "${blockHash(15)}"}) { ${block} } }`)).toEqual({
    _meta: { block: { number: 15, hash: blockHash(15), parentHash: blockHash(14), timestamp: 1_700_000_015 } },
  })
  expect(await small.ask(`{ _meta(block: {number: 15}) { ${block} } }`)).toEqual({
    _meta: { block: { number: 15, hash: null, parentHash: null, timestamp: null } },
  })
})

test('a query reads one snapshot, whatever is written meanwhile', async () => {
  const writer = await small.client.pool.connect()
  try {
    await writer.query('begin')
    await writer.query(`update ${small.schema}.thing set valid_to = 41 where id = 'd' and valid_from = 20`)
    await writer.query(
      `insert into ${small.schema}.thing (id, text, main, owners, tags, valid_from) values ('d', 'newer', '\\xdd04', '{}', '{}', 41)`,
    )
    await writer.query(`update indexer.deployments set block_number = 41 where name = 'small'`)
    expect(await small.ask('{ _meta { block { number } } thing(id: "d") { text } }')).toEqual({
      _meta: { block: { number: 40 } },
      thing: { text: 'new' },
    })
  } finally {
    await writer.query('rollback')
    writer.release()
  }
})

describe('after a handler has failed', () => {
  const fail = (block: number | null) =>
    small.client.pool.query(
      `update indexer.deployments set state = $1, failed_block = $2, message = $3 where name = 'small'`,
      block === null ? ['following', null, null] : ['failed', block, 'boom'],
    )
  beforeAll(() => fail(30))
  afterAll(() => fail(null))
  const indexingError = [{ message: 'indexing_error' }]

  test('data comes only when errors are allowed, and the error comes with it', async () => {
    expect(await small.answer('{ things(first: 1) { id } }')).toEqual({ errors: indexingError })
    expect(await small.answer('{ things(first: 1, subgraphError: allow) { id } }')).toEqual({
      data: { things: [{ id: 'a' }] },
      errors: indexingError,
    })
    expect(
      await small.answer('{ a: things(first: 1, subgraphError: allow) { id } b: things(first: 1) { id } }'),
    ).toEqual({
      errors: indexingError,
    })
  })

  test('_meta and the schema are told anyway', async () => {
    expect(await small.answer('{ _meta { hasIndexingErrors } }')).toEqual({
      data: { _meta: { hasIndexingErrors: true } },
    })
    expect(await small.answer('{ _meta { hasIndexingErrors } things { id } }')).toEqual({
      data: { _meta: { hasIndexingErrors: true } },
      errors: indexingError,
    })
    expect(await small.answer('{ __schema { queryType { name } } things { id } }')).toEqual({
      data: { __schema: { queryType: { name: 'Query' } } },
      errors: indexingError,
    })
  })

  test('blocks before the failure are sound', async () => {
    expect(await small.answer('{ thing(id: "d", block: {number: 19}) { text } }')).toEqual({
      data: { thing: { text: 'old' } },
    })
    expect(await small.answer('{ _meta(block: {number: 29}) { hasIndexingErrors } }')).toEqual({
      data: { _meta: { hasIndexingErrors: false } },
    })
    expect(await small.answer('{ thing(id: "d", block: {number: 30}) { text } }')).toEqual({ errors: indexingError })
  })
})
