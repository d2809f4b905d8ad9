import type { IncomingMessage } from 'node:http'
import type { QueryRequest } from './execute.ts'

const MAX_BODY_BYTES = 2_000_000

/** A request that is not answered with GraphQL, with its HTTP status. */
export class BadRequest extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'BadRequest'
    this.status = status
  }
}

/** In graph-node's words. */
const clientError = (message: string) => new BadRequest(400, `GraphQL server error (client error): ${message}`)

/**
 * Reads `{"query", "variables", "operationName"}`.
 *
 * @throws BadRequest as graph-node words it, and for bodies above 2 MB
 */
export async function readQueryRequest(request: IncomingMessage): Promise<QueryRequest> {
  if (request.headers['content-type'] === undefined) throw new BadRequest(400, 'Content-Type header is required')
  const body = await readBody(request)
  if (body.length === 0) throw new BadRequest(400, 'Body is required')
  const json = parseJson(body.toString('utf8'))
  if (!isRecord(json)) throw clientError('Request data is not an object')
  const { query, variables = null, operationName = null } = json
  if (query === undefined) throw clientError('The "query" field is missing in request data')
  if (typeof query !== 'string') throw clientError('The "query" field is not a string')
  if (variables !== null && !isRecord(variables)) throw clientError('Invalid query variables provided')
  if (operationName !== null && typeof operationName !== 'string') {
    throw clientError('The "operationName" field is not a string')
  }
  return { query, variables: variables ?? {}, operationName }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is too large is read on and dropped, so that the sender gets to read why; who does not stop is cut off. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let sizeBytes = 0
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes <= MAX_BODY_BYTES) return void chunks.push(chunk)
      chunks = []
      reject(new BadRequest(413, `a body has ${MAX_BODY_BYTES} bytes at most`))
      if (sizeBytes > 8 * MAX_BODY_BYTES) request.destroy()
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', reject)
    request.on('close', () => reject(new BadRequest(400, 'the request broke off')))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, keepLargeNumbers)
  } catch (error) {
    throw clientError(error instanceof Error ? error.message : 'invalid JSON')
  }
}

/** Whole numbers that a `number` would round stay exact: people send 64-bit values without quotes. */
function keepLargeNumbers(_key: string, value: unknown, context?: { readonly source: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !context) return value
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}
