import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openCatalogFeed } from '../../api/catalog-feed.ts'
import { openHub } from '../../api/hub.ts'
import { createSchema } from '../../api/schema.ts'
import { startApi } from '../../api/server.ts'
import { createGraphqlServer } from '../../api/yoga.ts'
import { readConfig } from '../../worker/config.ts'
import { openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { subscribe } from './sse.ts'
import { startTestApi, type TestApi, testPipelines } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

test('health asks the services that Refrain depends on, and stays healthy without them', async () => {
  const service = createServer((request, response) =>
    response.writeHead(request.url === '/health' ? 200 : 404).end('{}'),
  )
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  const depending = await startTestApi({ QUANSIC_SERVICE_URL: `${url}/` })
  const ask = async () => (await (await fetch(`${depending.url}/health`)).json()) as Record<string, unknown>
  try {
    expect(await ask()).toMatchObject({ status: 'ok', dependencies: { quansic: 'reachable' } })
    await new Promise((resolve) => service.close(resolve))
    expect(await ask()).toMatchObject({ status: 'ok', dependencies: { quansic: 'unreachable' } })
  } finally {
    service.close()
    await depending.close()
  }
})

test('health says what is reachable and how many workers live', async () => {
  const worker = openClient(api.client.url)
  try {
    await api.client.pool.query(`insert into workers (id, queues) values ('alive', '{light}'), ('dead', '{light}')`)
    const connection = await worker.pool.connect()
    await connection.query(`select pg_advisory_lock(hashtextextended('worker:alive', 0))`)
    const health = await fetch(`${api.url}/health`)
    expect([health.status, await health.json()]).toEqual([
      200,
      {
        status: 'ok',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        database: 'reachable',
        workersAlive: 1,
        dependencies: {},
      },
    ])
    const { data } = await api.request('{ workers { name isAlive runningTasks queues } }')
    expect(data.workers).toEqual([
      { name: 'alive', isAlive: true, runningTasks: 0, queues: ['light'] },
      { name: 'dead', isAlive: false, runningTasks: 0, queues: ['light'] },
    ])
    connection.release()
  } finally {
    await worker.close()
    await api.client.pool.query('delete from workers')
  }
  expect((await fetch(`${api.url}/ready`)).status).toBe(200)
})

test('without a database it is alive and says that it is not ready', async () => {
  const client = openClient('postgres://nobody:x@127.0.0.1:1/none')
  const hub = { events: () => Promise.reject(), backlog: () => Promise.reject(), subscribers: 0, close: async () => {} }
  const { sendHealth } = await import('../../api/health.ts')
  let status = 0
  let body = ''
  const response = { writeHead: (code: number) => (status = code), end: (text: string) => (body = text) }
  const services = { client, hub, log: createLog('silent') }
  await sendHealth(services as never, response as never)
  expect([status, JSON.parse(body)]).toMatchObject([503, { database: 'unreachable' }])
  await client.close()
})

test('a taken port is said with what to do', async () => {
  const { port } = new URL(api.url)
  const start = startApi({
    config: readConfig({ PORT: port, REFRAIN_DATA_DIR: api.dataPath }),
    client: api.client,
    pipelines: testPipelines,
    artifacts: api.artifacts,
    log: createLog('silent'),
  })
  await expect(start).rejects.toThrow(`port ${port} on 127.0.0.1 is taken: set PORT`)
})

test('what is unexpected is masked for the client and whole in the log, under one id', async () => {
  await api.client.pool.query('alter view task_summary rename to hidden')
  try {
    const { errors, data } = await api.request('{ taskSummary { tasks } }', {}, { 'x-request-id': 'my-request-1' })
    expect(data).toBeNull()
    expect(errors).toEqual([
      {
        message: 'Unexpected error. It has been logged under request my-request-1.',
        path: ['taskSummary'],
        locations: expect.anything(),
        extensions: { code: 'INTERNAL', requestId: 'my-request-1' },
      },
    ])
    const line = api.log.map((text) => JSON.parse(text)).find((entry) => entry.requestId === 'my-request-1')
    expect(line.error.message + line.error.cause?.message).toContain('task_summary')
  } finally {
    await api.client.pool.query('alter view hidden rename to task_summary')
  }
})

test('a request id that would break a log is replaced', async () => {
  const id = async (given: string) =>
    (await fetch(`${api.url}/ready`, { headers: { 'x-request-id': given } })).headers.get('x-request-id')
  expect(await id('abc-1')).toBe('abc-1')
  expect(await id('a b"c')).toMatch(/^[0-9a-f-]{36}$/)
})

test('the interactive page opens with a first query, and can be switched off', async () => {
  const page = await fetch(`${api.url}/graphql`, { headers: { accept: 'text/html' } })
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(await page.text()).toContain('FirstLook')
  expect((await fetch(`${api.url}/nothing`)).status).toBe(404)
})

test('a WebSocket client sees the present state, then every change, and can resume', async () => {
  const { id, row } = await api.addTrack()
  const client = createClient({ url: `${api.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
  const query = `subscription ($id: ID!, $after: SafeInt) { trackProgress(trackId: $id, after: $after) { seq isPresentState status } }`
  interface Result {
    trackProgress: { seq: number; isPresentState: boolean }
  }
  const live = client.iterate<Result>({ query, variables: { id } })
  const first = (await live.next()).value.data.trackProgress
  expect(first.isPresentState).toBe(true)
  await api.settle(row, 'download')
  expect((await live.next()).value.data.trackProgress.seq).toBe(first.seq + 1)
  await live.return?.()
  const resumed = client.iterate<Result>({ query, variables: { id, after: first.seq + 1 } })
  expect((await resumed.next()).value.data.trackProgress.seq).toBe(first.seq + 2)
  await resumed.return?.()
  const ahead = client.iterate<Result>({ query, variables: { id, after: 999 } })
  expect((await ahead.next()).value).toMatchObject({
    errors: [{ extensions: { code: 'INVALID_INPUT', field: 'after' } }],
  })
  await client.dispose()
})

test('a subscription to nothing is an error, not an empty stream', async () => {
  const live = await subscribe(api.url, 'subscription { trackProgress(trackId: "Track:999999") { seq } }')
  expect(await live.next()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] })
})

test('plain event streams number their events, and go on after the last one seen', async () => {
  const { row } = await api.addTrack()
  await api.settle(row, 'download')
  const read = async (path: string, count: number, headers: Record<string, string> = {}) => {
    const controller = new AbortController()
    const response = await fetch(`${api.url}${path}`, { headers, signal: controller.signal })
    const ids: number[] = []
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body!) {
      rest += decoder.decode(chunk, { stream: true })
      const found = [...rest.matchAll(/^id: (\d+)\ndata: .*\n\n/gm)].map((match) => Number(match[1]))
      if (found.length < count) continue
      ids.push(...found)
      break
    }
    controller.abort()
    return ids
  }
  const [present] = await read(`/events/track/${row}`, 1)
  expect(await read(`/events/track/${row}?after=1`, present - 1)).toEqual(
    Array.from({ length: present - 1 }, (_none, n) => n + 2),
  )
  expect(await read(`/events/track/${row}`, 1, { 'last-event-id': String(present - 1) })).toEqual([present])
  expect((await fetch(`${api.url}/events/track/999999`)).status).toBe(404)
  expect((await fetch(`${api.url}/events/track/${row}?after=x`)).status).toBe(400)
})

test('a client that goes away is let go, also while nothing happens', async () => {
  const { id } = await api.addTrack()
  const log = createLog('silent')
  const hub = openHub({ client: api.client, pipelines: testPipelines, log })
  const catalogFeed = openCatalogFeed({ client: api.client, log })
  const config = readConfig({ REFRAIN_DATA_DIR: api.dataPath })
  const services = {
    client: api.client,
    pipelines: testPipelines,
    log,
    hub,
    config,
    catalogue: null,
    catalogSources: null,
    catalogFeed,
    chains: null,
    publicUrl: api.url,
  }
  const yoga = createGraphqlServer(createSchema(testPipelines), services)
  const response = await yoga.fetch(
    'http://localhost/graphql',
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: `subscription { trackProgress(trackId: "${id}") { seq } }` }),
    },
    { authorization: undefined },
  )
  const reader = response.body!.getReader()
  await reader.read()
  expect(hub.subscribers).toBe(1)
  await reader.cancel()
  await expect.poll(() => hub.subscribers).toBe(0)
  await Promise.all([hub.close(), catalogFeed.close()])
})

test('closing ends every subscription and gives the port free', async () => {
  const brief = await startTestApi()
  const { id } = await brief.addTrack()
  const live = await subscribe(brief.url, `subscription ($id: ID!) { trackProgress(trackId: $id) { seq } }`, { id })
  await live.next()
  const socket = new WebSocket(`${brief.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise((resolve) => socket.on('open', resolve))
  const gone = new Promise((resolve) => socket.on('close', resolve))
  const begun = Date.now()
  const closing = brief.close()
  expect(await live.next()).toBeNull()
  await gone
  await closing
  expect(Date.now() - begun).toBeLessThan(3_000)
  await expect(fetch(`${brief.url}/health`)).rejects.toThrow()
})
