import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Chains } from '../worker/chain/contract.ts'
import type { Config } from '../worker/config.ts'
import type { Client } from '../worker/db/client.ts'
import type { ArtifactStore } from '../worker/engine/artifacts.ts'
import type { Pipeline } from '../worker/engine/define.ts'
import { syncPipelines } from '../worker/engine/tasks.ts'
import { Conflict } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'
import type { Catalogue } from '../worker/providers/catalogue/contract.ts'
import type { Encryption } from '../worker/providers/encryption/contract.ts'
import type { Vault } from '../worker/vault/contract.ts'
import { sendArtifact } from './artifact-route.ts'
import { isAuthorized, isOwnOrigin } from './authorization.ts'
import type { CatalogSources } from './catalog.ts'
import { openCatalogFeed } from './catalog-feed.ts'
import type { Services } from './context.ts'
import { sendEvents } from './events-route.ts'
import { sendStored } from './gateway-route.ts'
import { sendHealth, sendReadiness } from './health.ts'
import { drainAfter, HttpProblem, pathOf, sendProblem } from './http-problem.ts'
import { openHub } from './hub.ts'
import { createKeyGate, type KeyGate } from './key-gate.ts'
import { sendKeys } from './key-gate-route.ts'
import { requestIds } from './masking.ts'
import { createSchema } from './schema.ts'
import { openUploads, type Uploads } from './upload-route.ts'
import { serveWebSocket } from './websocket.ts'
import { createGraphqlServer, type Yoga } from './yoga.ts'

/** A connection on which nothing moves for so long is dead; live subscriptions ping more often. */
const IDLE_SOCKET_MS = 120_000
const EXPIRY_INTERVAL_MS = 3_600_000

export interface ApiOptions {
  readonly config: Config
  readonly client: Client
  readonly pipelines: readonly Pipeline[]
  readonly artifacts: ArtifactStore
  readonly log: Log
  readonly catalogue?: Catalogue
  /** Where the catalog on chain is read; none where no chain is configured. */
  readonly catalogSources?: CatalogSources
  readonly chains?: Chains
  /** With chains: where content keys are kept, and who gives them out. */
  readonly vault?: Vault
  readonly encryption?: Encryption
}

export interface Api {
  /** How clients reach it, without a trailing slash. */
  readonly url: string
  /** Ends subscriptions, finishes what is being answered, and stops listening. */
  close(): Promise<void>
}

/**
 * Serves GraphQL (`/graphql`), uploads, stored files, event streams, `/health` and `/ready`.
 *
 * @throws Conflict when the port is taken
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { config, client, pipelines, artifacts, log } = options
  const schema = createSchema(pipelines)
  await syncPipelines(client.pool, pipelines, {
    attempts: config.MAX_JOB_RETRIES,
    timeoutSeconds: Math.ceil(config.JOB_TIMEOUT_MS / 1000),
  })
  const uploads = openUploads({ client, artifacts, folder: join(config.REFRAIN_DATA_DIR, 'uploads') })
  const server = createServer()
  // A large upload takes as long as it takes; a silent connection does not.
  server.requestTimeout = 0
  server.timeout = IDLE_SOCKET_MS
  const listeningUrl = await listen(server, config)

  const hub = openHub({ client, pipelines, log })
  const publicUrl = (config.PUBLIC_URL ?? listeningUrl).replace(/\/+$/, '')
  const catalogFeed = openCatalogFeed({ client, log })
  const services: Services = {
    config,
    client,
    pipelines,
    log,
    hub,
    publicUrl,
    catalogue: options.catalogue ?? null,
    catalogSources: options.catalogSources ?? null,
    catalogFeed,
    chains: options.chains ?? null,
  }
  const yoga = createGraphqlServer(schema, services)
  const isAllowed = (headers: IncomingMessage['headers']) => isOwnOrigin(headers, publicUrl, isLoopback(config.HOST))
  const sockets = serveWebSocket(server, yoga, isAllowed)
  const { chains, vault, encryption } = options
  const keyGate =
    chains && vault && encryption
      ? createKeyGate({
          client,
          vault,
          encryption,
          locks: chains.locks,
          publicUrl,
          otherDomains: config.KEY_GATE_DOMAINS,
          log,
        })
      : null
  server.on('request', (request, response) => {
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    drainAfter(request, response)
    requestIds.run(requestId, () => {
      route({ services, artifacts, uploads, yoga, keyGate, isAllowed }, request, response).catch((error) =>
        sendProblem(error, request, response, log),
      )
    })
  })
  const removeExpired = () =>
    void uploads.removeExpired().catch((error) => log.warn('expired uploads could not be removed', { error }))
  removeExpired()
  const expiry = setInterval(removeExpired, EXPIRY_INTERVAL_MS)
  log.info('the API listens', { url: publicUrl })

  return {
    url: publicUrl,
    async close() {
      clearInterval(expiry)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all([hub.close(), catalogFeed.close()])
      await sockets.close()
      const deadline = setTimeout(() => server.closeAllConnections(), config.SHUTDOWN_GRACE_MS)
      server.closeIdleConnections()
      await closed
      clearTimeout(deadline)
      await yoga.dispose()
    },
  }
}

interface Routes {
  readonly services: Services
  readonly artifacts: ArtifactStore
  readonly uploads: Uploads
  readonly yoga: Yoga
  /** Null where no chain is configured. */
  readonly keyGate: KeyGate | null
  readonly isAllowed: (headers: IncomingMessage['headers']) => boolean
}

async function route(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { services, yoga } = routes
  const stored = /^\/ipfs\/([a-z0-9]{1,120})$/.exec(pathOf(request))
  // What is published is for pages of every site.
  if (stored) return sendStored(services, request, response, stored[1])
  const keys = /^\/keys\/(nonce|release)$/.exec(pathOf(request))
  // The gate knows by itself which pages may ask.
  if (keys && routes.keyGate) return sendKeys(routes.keyGate, request, response, keys[1] as 'nonce' | 'release')
  if (!routes.isAllowed(request.headers)) throw new HttpProblem(403, 'requests from other sites are not answered')
  const { authorization } = request.headers
  const path = pathOf(request)
  if (path === '/graphql') return void (await yoga(request, response, { authorization }))
  if (path === '/health') return sendHealth(services, response)
  if (path === '/ready') return sendReadiness(services, response)
  const upload = /^\/uploads\/([^/]+)$/.exec(path)
  if (upload) {
    if (!isAuthorized(authorization, services.config.API_TOKEN)) {
      throw new HttpProblem(401, 'uploads need the header `Authorization: Bearer <API_TOKEN>`', {
        'www-authenticate': 'Bearer',
      })
    }
    return routes.uploads.handle(request, response, upload[1])
  }
  const artifact = /^\/artifacts\/([0-9a-f]{64})\/([^/]+)$/.exec(path)
  if (artifact) {
    const { client } = services
    return sendArtifact(
      { client, artifacts: routes.artifacts },
      request,
      response,
      artifact[1],
      decodeName(artifact[2]),
    )
  }
  const events = /^\/events\/([a-z0-9_]+)\/([0-9]{1,15})$/.exec(path)
  if (events) return sendEvents(services.hub, request, response, events[1], Number(events[2]))
  if (path === '/' && services.config.GRAPHIQL) {
    response.writeHead(302, { location: '/graphql' })
    response.end()
    return
  }
  throw new HttpProblem(404, 'there is nothing here: the API is at /graphql')
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new HttpProblem(400, 'the name in the address is not well encoded')
  }
}

/** A caller may name its request; anything that would not stand well in a log is replaced. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

async function listen(server: Server, config: Config): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(config.PORT, config.HOST, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Conflict(
        `port ${config.PORT} on ${config.HOST} is taken: set PORT to another one, or to 0 for a free one`,
        { cause: error },
      )
    }
    throw error
  }
  const { port } = server.address() as AddressInfo
  const host = ['0.0.0.0', '::'].includes(config.HOST) ? 'localhost' : config.HOST
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
