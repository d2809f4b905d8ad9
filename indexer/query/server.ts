import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { Client } from '../../worker/db/client.ts'
import { Conflict } from '../../worker/errors.ts'
import type { Log } from '../../worker/log.ts'
import { type Admission, openAdmission } from './admission.ts'
import { findDeployment, readStatuses, type Target } from './deployments.ts'
import { type Executor, openExecutor } from './execute.ts'
import { BadRequest, readQueryRequest } from './request.ts'

export interface QueryServerOptions {
  /** Of the database that the deployments are in. A few of its connections are used at a time. */
  readonly client: Client
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  readonly log: Log
  /** Names of the deployments that are served; all when left out. */
  readonly names?: readonly string[]
}

export interface QueryServer {
  /** Without a trailing slash. */
  readonly url: string
  /** Finishes what is being answered, for a few seconds at most, and stops listening. */
  close(): Promise<void>
}

/** Queries that run at once, and that wait for it: whoever indexes needs connections of the same pool. */
const ADMITTED = { running: 4, waiting: 200 } as const
const REQUEST_TIMEOUT_MS = 30_000
const CLOSE_GRACE_MS = 5_000
const OVERLOADED =
  '{"errors":[{"message":"service is overloaded and can not run the query right now. Please try again in a few minutes"}]}'

/**
 * Serves the indexed subgraphs as graph-node does: `POST /subgraphs/name/<name>` and `/subgraphs/id/<id>` take GraphQL, and
 * `GET` leads to a page for writing it. `/status` and `/health` tell how each deployment is doing. All state is in Postgres.
 *
 * @throws Conflict when the port is taken
 */
export async function startQueryServer(options: QueryServerOptions): Promise<QueryServer> {
  const { client, log } = options
  const routes: Routes = { ...options, execute: openExecutor(client.pool, log), admission: openAdmission(ADMITTED) }
  const server = createServer((request, response) => {
    route(routes, request, response).catch((error) => sendProblem(error, request, response, log))
  })
  server.requestTimeout = REQUEST_TIMEOUT_MS
  const url = await listen(server, options)
  log.info('the indexer answers queries', { url })
  return {
    url,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
      server.closeIdleConnections()
      await closed
      clearTimeout(deadline)
    },
  }
}

interface Routes extends QueryServerOptions {
  readonly execute: Executor
  readonly admission: Admission
}

async function route(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0]
  if (request.method === 'POST') {
    const target = targetOf(path)
    if (target) return await sendAnswer(routes, target, request, response)
  }
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (path === '/') return send(response, 200, { message: INDEX })
    if (path === '/status' || path === '/health') return await sendStatus(routes, response)
    const endpoint = path.replace(/\/(?:graphql)?$/, '')
    if (targetOf(endpoint)) {
      if (path.endsWith('/graphql')) return sendPage(response, endpoint)
      response.writeHead(302, { location: `${endpoint}/graphql`, 'content-type': 'text/plain; charset=utf-8' })
      return void response.end('Redirecting...')
    }
  }
  send(response, 404, { message: 'Not found' })
}

const INDEX = 'Access deployed subgraphs by deployment ID at /subgraphs/id/<ID> or by name at /subgraphs/name/<NAME>'

/** @throws BadRequest for what can be no name, in graph-node's words */
function targetOf(path: string): Target | null {
  const [, kind, rest] = /^\/subgraphs\/(name|id)\/(.*)$/.exec(path) ?? []
  if (kind === undefined) return null
  const value = rest.split('/').filter(Boolean).join('/')
  const isValid = kind === 'name' ? isName(value) : /^[\w.:-]{1,128}$/.test(value)
  if (isValid) return { kind: kind === 'name' ? 'name' : 'id', value }
  throw new BadRequest(400, `GraphQL server error (client error): Invalid subgraph ${kind} \`${value}\``)
}

const isName = (name: string) =>
  name.length <= 255 &&
  name
    .split('/')
    .every((part) => part !== 'graphql' && /[a-z]/i.test(part) && /^[a-z0-9]([\w-]*[a-z0-9])?$/i.test(part))

async function sendAnswer(
  { execute, admission, names }: Routes,
  target: Target,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const query = await readQueryRequest(request)
  const answer = await admission.run(async () => {
    // Whoever has gone while it waited gets no answer any more.
    if (response.destroyed) return { body: '', block: null }
    return await execute((connection) => findDeployment(connection, target, names), target.value, query)
  })
  const block = answer?.block
  response.writeHead(200, {
    'content-type': 'application/json',
    // The latest block at the time, as graph-node tells it.
    'graph-indexed': JSON.stringify(
      block ? { hash: block.hash, number: block.number, timestamp: block.timestamp } : null,
    ),
  })
  response.end(answer?.body ?? OVERLOADED)
}

/** 503 only while the database cannot be reached: what is indexed can be asked for whatever the node does. */
async function sendStatus({ client, names, log }: Routes, response: ServerResponse): Promise<void> {
  try {
    send(response, 200, { status: 'ok', deployments: await readStatuses(client.pool, names) })
  } catch (error) {
    log.error('the deployments cannot be read', { error })
    send(response, 503, { status: 'failing', deployments: [] })
  }
}

function sendPage(response: ServerResponse, endpoint: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
  response.end(
    renderGraphiQL({ endpoint, title: 'Subgraph', defaultQuery: '{ _meta { block { number } hasIndexingErrors } }' }),
  )
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

function sendProblem(error: unknown, request: IncomingMessage, response: ServerResponse, log: Log): void {
  if (!(error instanceof BadRequest) && !request.destroyed) log.error('a request of the subgraph failed', { error })
  if (response.headersSent || response.destroyed) return void response.destroy()
  const problem = error instanceof BadRequest ? error : new BadRequest(500, 'Internal server error: the log says why')
  if (!request.complete) response.setHeader('connection', 'close')
  send(response, problem.status, { error: problem.message })
}

async function listen(server: Server, { host, port }: QueryServerOptions): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Conflict(`port ${port} on ${host} is taken: set INDEXER_PORT to another one, or to 0 for a free one`, {
        cause: error,
      })
    }
    throw error
  }
  const { port: bound } = server.address() as AddressInfo
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${bound}`
}
