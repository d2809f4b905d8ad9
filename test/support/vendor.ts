import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface VendorRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  json(): unknown
  /** The body as multipart or urlencoded form. */
  form(): Promise<FormData>
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is, instead of `json`. */
  readonly body?: string | Uint8Array
}

/** What a request meets instead of its reply, once per fault, in order. */
export type Fault =
  | Reply
  /** The head and half of the real body, then the connection breaks. */
  | 'truncate'
  /** Takes the request and never answers. */
  | 'hang'
  /** Takes the request and breaks the connection. */
  | 'reset'

type Answer = (request: VendorRequest, parts: readonly string[]) => Reply | Promise<Reply>

/** Routes are `POST /v1/tasks/*`: each `*` matches one path segment, handed over as `parts`; a last `**` matches the rest. */
export type Routes = Readonly<Record<string, Answer>>

export interface Vendor extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** All requests that came, in order, also those that met a fault. */
  readonly requests: VendorRequest[]
  /** The next requests whose method and path match the route meet these, one each. */
  inject(route: string, ...faults: readonly Fault[]): void
  close(): Promise<void>
}

/** A server on loopback that speaks a service's wire format, and breaks it when told. */
export async function startVendor(routes: Routes, host = '127.0.0.1'): Promise<Vendor> {
  const requests: VendorRequest[] = []
  const faults: { route: string; fault: Fault }[] = []
  const server = createServer((incoming, response) => {
    void (async () => {
      const request = await readRequest(incoming)
      requests.push(request)
      const at = faults.findIndex(({ route }) => match(route, request) !== null)
      const fault = at < 0 ? null : faults.splice(at, 1)[0].fault
      if (fault === 'hang') return
      if (fault === 'reset') return void incoming.socket.destroy()
      if (typeof fault === 'object' && fault !== null) return send(response, fault)
      const route = Object.keys(routes).find((name) => match(name, request) !== null)
      if (!route) return send(response, { status: 404, json: { error: `no route ${request.method} ${request.path}` } })
      const reply = await routes[route](request, match(route, request) ?? [])
      if (fault === 'truncate') return truncate(response, reply)
      send(response, reply)
    })().catch((error) => send(response, { status: 500, body: `vendor failed: ${error}` }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    requests,
    inject: (route, ...more) => void faults.push(...more.map((fault) => ({ route, fault }))),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function readRequest(incoming: IncomingMessage): Promise<VendorRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const url = new URL(incoming.url ?? '/', 'http://vendor')
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body,
    json: () => JSON.parse(body.toString('utf8')),
    form: () => new Response(body, { headers: { 'content-type': incoming.headers['content-type'] ?? '' } }).formData(),
  }
}

function match(route: string, request: VendorRequest): string[] | null {
  const [method, path] = route.split(' ')
  if (method !== request.method) return null
  const pattern = path
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*|\*/g, (star) => (star === '*' ? '([^/]+)' : '(.*)'))
  const found = new RegExp(`^${pattern}$`).exec(request.path)
  return found?.slice(1) ?? null
}

function payload(reply: Reply): { headers: Record<string, string>; body: Buffer } {
  const isJson = reply.json !== undefined
  const body = Buffer.from(isJson ? JSON.stringify(reply.json) : (reply.body ?? ''))
  const type = isJson ? { 'content-type': 'application/json' } : {}
  return { headers: { ...type, 'content-length': String(body.length), ...reply.headers }, body }
}

function send(response: ServerResponse, reply: Reply): void {
  const { headers, body } = payload(reply)
  response.writeHead(reply.status ?? 200, headers)
  response.end(body)
}

function truncate(response: ServerResponse, reply: Reply): void {
  const { headers, body } = payload(reply)
  response.writeHead(reply.status ?? 200, headers)
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => setTimeout(() => response.destroy(), 20))
}
