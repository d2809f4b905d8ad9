import { request as httpRequest } from 'node:http'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

type Messages = readonly string[]
const post = async (query: string): Promise<Messages> =>
  (await api.request(query)).errors?.map((error) => error.message) ?? []
const get = async (query: string): Promise<Messages> => {
  const response = await fetch(`${api.url}/graphql?query=${encodeURIComponent(query)}`, {
    headers: { 'x-graphql-yoga-csrf': '1', accept: 'application/json' },
  })
  const answer = (await response.json()) as { errors?: { message: string }[] }
  return answer.errors?.map((error) => error.message) ?? []
}
const socket = async (query: string): Promise<Messages> => {
  const client = createClient({
    url: `${api.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  })
  try {
    for await (const result of client.iterate({ query })) return result.errors?.map((error) => error.message) ?? []
    return []
  } catch (error) {
    return (Array.isArray(error) ? error : [error]).map((one) => String(one.message ?? one.reason ?? one))
  } finally {
    await client.dispose()
  }
}

const nest = (levels: number) =>
  `{ track(id: "Track:1") { ${'tasks { track { '.repeat(levels)} id ${'} }'.repeat(levels)} } }`
const EXCESSES: [string, string, RegExp][] = [
  ['too deep', nest(6), /levels 14/],
  [
    'too many aliases',
    `{ ${Array.from({ length: 16 }, (_none, n) => `a${n}: workers { name }`).join(' ')} }`,
    /aliases 16/,
  ],
  ['too many root fields', `{ ${'...f '} } fragment f on Query { ${'__typename '.repeat(21)} }`, /root fields 21/],
  ['too many tokens', `{ ${'a '.repeat(2_001)} }`, /token/],
  [
    'too costly',
    `{ tracks(first: 100) { edges { node { tasks { artifacts { url } track { tasks { id } } } } } } }`,
    /cost \d+/,
  ],
  [
    'too costly by a variable',
    `query ($n: Int = 100) { tracks(first: $n) { edges { node { tasks { track { tasks { id type status } } } } } } }`,
    /cost \d+/,
  ],
]

test.each(EXCESSES)('an operation that is %s is refused over every transport', async (_what, query, reason) => {
  for (const send of [post, get, socket]) {
    const messages = await send(query)
    expect(messages, send.name).toHaveLength(1)
    expect(messages[0], send.name).toMatch(reason)
  }
})

test('a subscription is limited like a query', async () => {
  expect(
    await socket(
      `subscription { ${Array.from({ length: 16 }, (_none, n) => `a${n}: backlogChanges { type }`).join(' ')} }`,
    ),
  ).not.toEqual([])
  const deep = `subscription { trackProgress(trackId: "Track:1") { track { ${'tasks { track { '.repeat(6)} id ${'} }'.repeat(6)} } } }`
  expect((await socket(deep))[0]).toMatch(/levels/)
})

test('what the studio and GraphiQL ask is well within the limits', async () => {
  const { getIntrospectionQuery } = await import('graphql')
  expect(await post(getIntrospectionQuery())).toEqual([])
  expect(
    await post(`{ tracks(first: 50) { pageInfo { hasNextPage endCursor } edges { node { id title stage progress artists { name }
      tasks { type status progress attempts maxAttempts errorMessage nextRetryAt waitingReason } } } } backlog { type pending running etaSeconds } }`),
  ).toEqual([])
})

test('a batch of operations is refused', async () => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
  })
  expect(response.status).toBe(400)
})

/** Sends a body of unannounced length. */
async function sendChunked(body: string): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const options = { method: 'POST', headers, body: new Blob([body]).stream(), duplex: 'half' }
  return (await fetch(`${api.url}/graphql`, options as RequestInit)).status
}

test('a body beyond a megabyte is refused, announced or not', async () => {
  const body = JSON.stringify({ query: '{ __typename }', variables: { x: 'x'.repeat(1_100_000) } })
  const announced = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  expect(announced.status).toBe(413)
  expect(await sendChunked(body)).toBe(413)
})

test('a refused body does not hold up the next request on its connection', async () => {
  const body = JSON.stringify({ query: '{ __typename }', variables: { x: 'x'.repeat(1_100_000) } })
  for (let round = 0; round < 10; round++) {
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(`${api.url}/graphql`, { method: 'POST', headers, body })).status).toBe(413)
    expect(await sendChunked(body)).toBe(413)
    expect(await post('{ __typename }')).toEqual([])
    expect(await post('{ __typename }')).toEqual([])
  }
}, 10_000)

test('what a foreign page can send without asking is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: 'query={__typename}',
    })
    expect([403, 415]).toContain(response.status)
  }
  expect((await fetch(`${api.url}/graphql?query={__typename}`)).status).toBe(403)
  const foreign = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
    body: JSON.stringify({ query: '{ __typename }' }),
  })
  expect(foreign.status).toBe(403)
})

test('a name that was made to resolve to this machine is refused', async () => {
  const { port } = new URL(api.url)
  const status = await new Promise((resolve, reject) => {
    httpRequest({ port, host: '127.0.0.1', path: '/health', headers: { host: `evil.example:${port}` } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(403)
})

test('a foreign page cannot open a socket', async () => {
  const open = (origin: string) =>
    new Promise<string>((resolve) => {
      const opened = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { origin })
      opened.on('open', () => {
        opened.close()
        resolve('open')
      })
      opened.on('error', (error) => resolve(error.message))
    })
  expect(await open('https://evil.example')).toContain('403')
  expect(await open(api.url)).toBe('open')
})

test('with a token, only who has it may change anything, over every transport', async () => {
  const guarded = await startTestApi({ API_TOKEN: 'a-long-enough-token' })
  try {
    const mutation = 'mutation { addMissingTasks }'
    const refused = await guarded.request(mutation)
    expect(refused).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHORIZED' } }] })
    expect((await guarded.request(mutation, {}, { authorization: 'Bearer a-wrong-token-altogether' })).status).toBe(401)
    expect(await guarded.request(mutation, {}, { authorization: 'Bearer a-long-enough-token' })).toMatchObject({
      data: { addMissingTasks: 0 },
    })
    expect(await guarded.request('{ workers { name } }')).toMatchObject({ data: { workers: [] } })

    const over = async (connectionParams: Record<string, string>) => {
      const client = createClient({
        url: `${guarded.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams,
      })
      try {
        for await (const result of client.iterate({ query: mutation })) return result
      } finally {
        await client.dispose()
      }
    }
    expect(await over({})).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHORIZED' } }] })
    expect(await over({ authorization: 'Bearer a-long-enough-token' })).toMatchObject({ data: { addMissingTasks: 0 } })
    expect((await fetch(`${guarded.url}/uploads/${crypto.randomUUID()}`, { method: 'PUT', body: 'x' })).status).toBe(
      401,
    )
  } finally {
    await guarded.close()
  }
})
