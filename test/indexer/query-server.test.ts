import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAdmission } from '../../indexer/query/admission.ts'
import { type QueryServer, startQueryServer } from '../../indexer/query/server.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { blockHash, createDeployment, fixture } from './query-fixtures/deployment.ts'
import { representativeQueries } from './query-fixtures/representative.ts'
import { SMALL, SMALL_BLOCK } from './query-fixtures/small.ts'

let database: TestDatabase
let client: Client
let server: QueryServer
let id: string
const log = createLog('silent')

beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
  const schemaText = await fixture('everything.graphql')
  ;({ id } = await createDeployment(client, { name: 'small', schemaText, rows: SMALL, block: SMALL_BLOCK }))
  const own = await readFile(new URL('../../subgraph/schema.graphql', import.meta.url), 'utf8')
  await createDeployment(client, { name: 'own/clips', schemaText: own, rows: {}, block: 3 })
  await createDeployment(client, { name: 'hidden', schemaText, rows: {}, block: 0 })
  server = await startQueryServer({ client, host: '127.0.0.1', port: 0, log, names: ['small', 'own/clips'] })
})

afterAll(async () => {
  await server?.close()
  await client?.close()
  await database?.drop()
})

const JSON_TYPE = { 'content-type': 'application/json' }

async function post(path: string, body: unknown, headers: Record<string, string> = JSON_TYPE) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(server.url + path, { method: 'POST', headers, body: text })
  return { status: response.status, headers: response.headers, json: await response.json() }
}
const one = { query: '{ thing(id: "a") { text } }' }

test('a deployment is asked by its name or its id', async () => {
  for (const path of [
    '/subgraphs/name/small',
    '/subgraphs/name/small/',
    `/subgraphs/id/${id}`,
    '/subgraphs/name/small?x=1',
  ]) {
    const { status, json, headers } = await post(path, one)
    expect({ path, status, json }).toEqual({ path, status: 200, json: { data: { thing: { text: 'Apple' } } } })
    expect(headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(headers.get('graph-indexed') ?? '')).toEqual({
      hash: blockHash(40),
      number: 40,
      timestamp: 1_700_000_040,
    })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
  const { json } = await post('/subgraphs/name/own/clips', {
    query: '{ clips { id } }',
    variables: null,
    operationName: null,
  })
  expect(json).toEqual({ data: { clips: [] } })
})

test('what is not there is told as graph-node tells it', async () => {
  for (const [path, name] of [
    ['/subgraphs/name/nope', 'nope'],
    ['/subgraphs/name/a/b', 'a/b'],
    ['/subgraphs/name/hidden', 'hidden'],
    ['/subgraphs/id/QmYjtig7VJQ6XsnUjqqJvj7QaMcCAwtrgNdahSiFofrE7o', 'QmYjtig7VJQ6XsnUjqqJvj7QaMcCAwtrgNdahSiFofrE7o'],
  ]) {
    const { status, json } = await post(path, one)
    expect({ status, json }).toEqual({
      status: 200,
      json: { errors: [{ message: `deployment \`${name}\` does not exist` }] },
    })
  }
  expect(await post('/subgraphs/name/no%20pe', one)).toMatchObject({
    status: 400,
    json: { error: 'GraphQL server error (client error): Invalid subgraph name `no%20pe`' },
  })
  expect(await post('/nope', one)).toMatchObject({ status: 404, json: { message: 'Not found' } })
  expect((await fetch(`${server.url}/subgraphs/name/small`, { method: 'DELETE' })).status).toBe(404)
})

test('bodies that are no question get 400 and say why', async () => {
  const problem = async (body: unknown, headers?: Record<string, string>) => {
    const { status, json } = await post('/subgraphs/name/small', body, headers)
    return `${status} ${(json as { error: string }).error}`
  }
  const prefix = '400 GraphQL server error (client error): '
  expect(await problem('{bad')).toContain(prefix)
  expect(await problem('[]')).toBe(`${prefix}Request data is not an object`)
  expect(await problem('{}')).toBe(`${prefix}The "query" field is missing in request data`)
  expect(await problem('{"query": 5}')).toBe(`${prefix}The "query" field is not a string`)
  expect(await problem({ ...one, variables: [] })).toBe(`${prefix}Invalid query variables provided`)
  expect(await problem('')).toBe('400 Body is required')
  const large = await post('/subgraphs/name/small', { query: `# ${'x'.repeat(2_100_000)}` })
  expect(large).toMatchObject({ status: 413, json: { error: 'a body has 2000000 bytes at most' } })
  // The connection that carried it goes on.
  expect(await post('/subgraphs/name/small', one)).toMatchObject({ status: 200 })
})

test('a request without a content type is refused, and one that breaks off harms nobody', async () => {
  const { port } = new URL(server.url)
  const speak = (text: string) =>
    new Promise<string>((resolve) => {
      let answer = ''
      const socket = connect(Number(port), '127.0.0.1', () => socket.end(text))
      socket.on('data', (chunk) => (answer += chunk))
      socket.on('close', () => resolve(answer))
    })
  const head = 'POST /subgraphs/name/small HTTP/1.1\r\nhost: x\r\nconnection: close\r\n'
  expect(await speak(`${head}content-length: 2\r\n\r\n{}`)).toContain('{"error":"Content-Type header is required"}')
  await speak(`${head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{"query"`)
  expect(await post('/subgraphs/name/small', one)).toMatchObject({ status: 200 })
})

test('a page for writing queries is a redirect away', async () => {
  const redirect = await fetch(`${server.url}/subgraphs/name/small`, { redirect: 'manual' })
  expect([redirect.status, redirect.headers.get('location')]).toEqual([302, '/subgraphs/name/small/graphql'])
  const page = await fetch(`${server.url}/subgraphs/name/small`)
  expect(await page.text()).toContain('/subgraphs/name/small"')
  expect((await fetch(`${server.url}/subgraphs/name/%3Cscript%3E/graphql`)).status).toBe(400)
  expect(await (await fetch(server.url)).json()).toEqual({
    message: 'Access deployed subgraphs by deployment ID at /subgraphs/id/<ID> or by name at /subgraphs/name/<NAME>',
  })
})

test('the status tells how far each deployment is, and why one stands still', async () => {
  await client.pool.query(
    `update indexer.deployments set state = 'failed', message = 'handler boom', failed_handler = 'handleBoom', failed_block = 41,
       head_number = 50 where name = 'small'`,
  )
  try {
    const response = await fetch(`${server.url}/status`)
    const { deployments } = (await response.json()) as { deployments: Record<string, unknown>[] }
    expect(deployments.map(({ name }) => name)).toEqual(['own/clips', 'small'])
    expect(deployments[1]).toMatchObject({
      id,
      state: 'failed',
      message: 'handler boom',
      failedHandler: 'handleBoom',
      failedBlock: 41,
      block: { number: 40, hash: blockHash(40) },
      headNumber: 50,
      blocksBehind: 10,
    })
    expect(JSON.stringify(deployments)).not.toContain('@entity')
  } finally {
    await client.pool.query(
      `update indexer.deployments set state = 'following', message = null, failed_block = null where name = 'small'`,
    )
  }
})

test('a deployment that is built anew is served anew', async () => {
  const schemaText = 'type Song @entity(immutable: true) { id: ID! title: String! }'
  await client.pool.query(`update indexer.deployments set is_current = false where name = 'small'`)
  const rebuilt = await createDeployment(client, { name: 'small2', schemaText, rows: {}, block: 1 })
  await client.pool.query(`update indexer.deployments set name = 'small' where id = $1`, [rebuilt.id])
  try {
    expect((await post('/subgraphs/name/small', { query: '{ songs { title } _meta { deployment } }' })).json).toEqual({
      data: { songs: [], _meta: { deployment: rebuilt.id } },
    })
    expect((await post('/subgraphs/name/small', one)).json).toMatchObject({
      errors: [{ message: 'Type `Query` has no field `thing`' }],
    })
  } finally {
    await client.pool.query(`delete from indexer.deployments where id = $1`, [rebuilt.id])
    await client.pool.query(`update indexer.deployments set is_current = true where id = $1`, [id])
  }
})

test('without a database the answer is an error, not a hang', async () => {
  const broken = openClient('postgres://nobody@127.0.0.1:1/none')
  const without = await startQueryServer({ client: broken, host: '127.0.0.1', port: 0, log })
  try {
    const response = await fetch(`${without.url}/subgraphs/name/small`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify(one),
    })
    expect(await response.json()).toEqual({
      errors: [{ message: 'Store error: the entities could not be read; the log says why' }],
    })
    expect((await fetch(`${without.url}/health`)).status).toBe(503)
  } finally {
    await without.close()
    await broken.close()
  }
})

test('a port that is taken is named', async () => {
  const port = Number(new URL(server.url).port)
  await expect(startQueryServer({ client, host: '127.0.0.1', port, log })).rejects.toThrow(
    `port ${port} on 127.0.0.1 is taken`,
  )
})

test('only so many queries run at once, others wait in order, and too many are turned away', async () => {
  const admission = openAdmission({ running: 2, waiting: 3 })
  const finish: (() => void)[] = []
  const started: number[] = []
  const runs = [0, 1, 2, 3, 4, 5].map((number) =>
    admission.run(() => {
      started.push(number)
      return new Promise<number>((resolve) => finish.push(() => resolve(number)))
    }),
  )
  expect(await runs[5]).toBeNull()
  expect(started).toEqual([0, 1])
  for (let number = 0; number < 5; number++) {
    finish[number]()
    expect(await runs[number]).toBe(number)
    await Promise.resolve()
  }
  expect(started).toEqual([0, 1, 2, 3, 4])
  await expect(admission.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await admission.run(async () => 'free again')).toBe('free again')
})

test('a crowd of clients gets right answers', async () => {
  const ids = 'abcde'
  const answers = await Promise.all(
    Array.from({ length: 120 }, (_, index) =>
      post('/subgraphs/name/small', { query: `{ thing(id: "${ids[index % 5]}") { id } }` }),
    ),
  )
  answers.forEach(({ json }, index) => {
    expect(json).toEqual({ data: { thing: { id: ids[index % 5] } } })
  })
})

test('the queries that are compared with graph-node are understood', async () => {
  const hash = (byte: string) => `0x${byte.repeat(32)}`
  const address = '0x00000000000000000000000000000000000000aa'
  const queries = representativeQueries({
    clip: hash('c1'),
    lock: address,
    key: hash('d1'),
    owner: address,
    artist: address,
    block: 2,
    blockHash: blockHash(2),
  })
  expect(queries.length).toBeGreaterThanOrEqual(60)
  const wrong: unknown[] = []
  let refusals = 0
  for (const { name, query, variables } of queries) {
    const { json } = await post('/subgraphs/name/own/clips', { query, variables })
    if (JSON.stringify(json).startsWith('{"errors"')) refusals++
    else if (!JSON.stringify(json).startsWith('{"data"') || 'errors' in (json as object)) wrong.push({ name, json })
  }
  expect(wrong).toEqual([])
  // Those at the end of the list, which both refuse.
  expect(refusals).toBe(14)
})
