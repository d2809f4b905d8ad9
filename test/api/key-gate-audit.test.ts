import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './test-api.ts'

const TOKEN = 'a-token-of-operators'
const KEY = '0b0e1a3c-1111-4222-8333-444455556666'
const HOLDER = `0x${'ab'.repeat(20)}`
const operator = { authorization: `Bearer ${TOKEN}` }
let api: TestApi

beforeAll(async () => {
  api = await startTestApi({ API_TOKEN: TOKEN })
  await api.client.pool.query(
    `insert into key_releases (key_id, address, decision, reason, block_number) values
     ($1, $2, 'denied', 'BAD_SIGNATURE', null), ($1, $2, 'granted', 'HOLDS_KEY', 12), ('another', $3, 'denied', 'NO_KEY', 13)`,
    [KEY, HOLDER, `0x${'cd'.repeat(20)}`],
  )
})
afterAll(() => api.close())

const FIELDS = 'edges { node { keyId address decision reason blockNumber at } } pageInfo { hasNextPage endCursor }'

test('operators read the decisions of the key gate, newest first, page by page', async () => {
  const { data } = await api.request(`{ keyReleases(first: 2) { ${FIELDS} } }`, {}, operator)
  const { edges, pageInfo } = data.keyReleases
  expect(edges.map((edge: { node: unknown }) => edge.node)).toEqual([
    expect.objectContaining({ keyId: 'another', decision: 'DENIED', reason: 'NO_KEY', blockNumber: 13 }),
    {
      keyId: KEY,
      address: HOLDER,
      decision: 'GRANTED',
      reason: 'HOLDS_KEY',
      blockNumber: 12,
      at: expect.stringMatching(/^\d{4}-/),
    },
  ])
  expect(pageInfo.hasNextPage).toBe(true)
  const rest = await api.request(
    `query ($after: String) { keyReleases(first: 2, after: $after) { ${FIELDS} } }`,
    { after: pageInfo.endCursor },
    operator,
  )
  expect(rest.data.keyReleases.edges).toHaveLength(1)
  expect(rest.data.keyReleases.edges[0].node).toMatchObject({ reason: 'BAD_SIGNATURE', blockNumber: null })
})

test('they can ask for one key, one address or one decision', async () => {
  const reasons = async (args: string) => {
    const { data } = await api.request(`{ keyReleases(${args}) { edges { node { reason } } } }`, {}, operator)
    return data.keyReleases.edges.map((edge: { node: { reason: string } }) => edge.node.reason)
  }
  expect(await reasons(`keyId: "${KEY}"`)).toEqual(['HOLDS_KEY', 'BAD_SIGNATURE'])
  expect(await reasons(`address: "${HOLDER.toUpperCase().replace('0X', '0x')}", decision: DENIED`)).toEqual([
    'BAD_SIGNATURE',
  ])
  expect(await reasons('keyId: "nothing"')).toEqual([])
})

test('without the token nobody reads them', async () => {
  for (const headers of [{}, { authorization: 'Bearer something-else-entirely' }] as Record<string, string>[]) {
    const { data, errors } = await api.request(`{ keyReleases { ${FIELDS} } }`, {}, headers)
    expect(data).toBeFalsy()
    expect(errors?.[0].extensions?.code).toBe('UNAUTHORIZED')
  }
})
