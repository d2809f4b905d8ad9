import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { AppError, type ErrorKind, InvalidInput, ProviderUnavailable } from '../worker/errors.ts'
import { oneLine } from './text.ts'

/** Speaks to a running server's GraphQL API as any dApp would. */
export interface ApiClient {
  readonly url: string
  /** Runs a query or mutation. @throws AppError with the server's code; ProviderUnavailable when there is no server */
  request<Data>(document: string, variables?: Record<string, unknown>): Promise<Data>
  /**
   * Follows a subscription until it completes or `signal` aborts.
   *
   * @param options.onOpen called when the server has accepted it, before the first event
   */
  subscribe<Data>(
    document: string,
    variables: Record<string, unknown>,
    options: { signal: AbortSignal; onOpen?: () => void },
  ): AsyncGenerator<Data>
  /** Sends a file and returns what `addTrack` takes as `uploadId` */
  upload(path: string): Promise<string>
}

interface GraphQLAnswer<Data> {
  readonly data?: Data | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

const KINDS = new Set<string>([
  'INVALID_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'BLOCKED',
  'BUDGET_EXCEEDED',
  'PROVIDER_REJECTED',
  'PROVIDER_UNAVAILABLE',
  'MEDIA_FAILED',
])

/** Codes with which GraphQL servers refuse a request that can never work. */
const REFUSED_INPUT = new Set(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED'])

/** @param url where the server answers, without `/graphql` */
export function createApiClient(url: string, token?: string): ApiClient {
  const endpoint = `${url}/graphql`
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const post = (document: string, variables: Record<string, unknown>, accept: string, signal?: AbortSignal) =>
    reach(url, signal, () =>
      fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, ...authorization },
        body: JSON.stringify({ query: document, variables }),
        signal: signal ?? null,
      }),
    )

  async function request<Data>(document: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const response = await post(document, variables, 'application/json')
    const answer = (await response.json().catch(() => ({}))) as GraphQLAnswer<Data>
    return unwrap(answer, response.status)
  }

  async function* subscribe<Data>(
    document: string,
    variables: Record<string, unknown>,
    { signal, onOpen }: { signal: AbortSignal; onOpen?: () => void },
  ): AsyncGenerator<Data> {
    const response = await post(document, variables, 'text/event-stream', signal)
    if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
      unwrap((await response.json().catch(() => ({}))) as GraphQLAnswer<Data>, response.status)
      throw new ProviderUnavailable('server', `expected a stream of events, got HTTP ${response.status}`)
    }
    onOpen?.()
    for await (const event of readEvents(response.body)) {
      if (event.name === 'complete') return
      if (event.name === 'next') yield unwrap<Data>(JSON.parse(event.data) as GraphQLAnswer<Data>, response.status)
    }
  }

  async function upload(path: string): Promise<string> {
    const { size } = await stat(path)
    const { createUpload } = await request<{
      createUpload: { id?: string; url?: string; token?: string; message?: string; code?: string }
    }>(
      `mutation ($name: String!, $sizeBytes: SafeInt!) {
        createUpload(name: $name, contentType: "application/octet-stream", sizeBytes: $sizeBytes) {
          ... on Upload { id url token }
          ... on Error { message code }
        }
      }`,
      { name: oneLine(basename(path)) || 'song', sizeBytes: size },
    )
    if (!createUpload.id || !createUpload.url || !createUpload.token) throw asError(createUpload)
    const { url: target, token: uploadToken } = createUpload
    const response = await reach(url, undefined, () =>
      fetch(target, {
        method: 'PUT',
        headers: { 'upload-token': uploadToken, 'content-length': String(size), ...authorization },
        body: Readable.toWeb(createReadStream(path)) as ReadableStream,
        duplex: 'half',
      } as RequestInit),
    )
    if (!response.ok) {
      const problem = (await response.json().catch(() => ({}))) as { error?: unknown }
      const why = typeof problem.error === 'string' ? problem.error : `HTTP ${response.status}`
      throw new InvalidInput(`the upload of ${path} was refused: ${why}`)
    }
    return createUpload.id
  }

  return { url, request, subscribe, upload }
}

/** Turns a member of a result union that is an error, or a GraphQL error, into one. */
export function asError(result: { message?: string; code?: string }): AppError {
  const { code = '', message = 'the server gave an answer that this client does not know' } = result
  if (code === 'UNAUTHORIZED')
    return new AppError('BLOCKED', 'the server wants its token: set API_TOKEN to the same one')
  if (REFUSED_INPUT.has(code)) return new InvalidInput(message)
  return new AppError(KINDS.has(code) ? (code as ErrorKind) : 'PROVIDER_REJECTED', message)
}

function unwrap<Data>(answer: GraphQLAnswer<Data>, status: number): Data {
  const [error] = answer.errors ?? []
  if (error)
    throw asError({ message: error.message, ...(error.extensions?.code ? { code: error.extensions.code } : {}) })
  if (answer.data === undefined || answer.data === null)
    throw new ProviderUnavailable('server', `expected a GraphQL answer, got HTTP ${status}`)
  return answer.data
}

async function reach(url: string, signal: AbortSignal | undefined, call: () => Promise<Response>): Promise<Response> {
  try {
    return await call()
  } catch (error) {
    signal?.throwIfAborted()
    throw new ProviderUnavailable(
      'server',
      `no answer from ${url}: start it with \`npm start\`, or name another with --url`,
      { cause: error },
    )
  }
}

/** Events of a `text/event-stream` body. @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    const blocks = rest.split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      let name = 'message'
      const data: string[] = []
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith('event:')) name = line.slice(6).trim()
        else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
      }
      if (name !== 'message' || data.length > 0) yield { name, data: data.join('\n') }
    }
  }
}
