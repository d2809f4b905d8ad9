import type { IncomingMessage, ServerResponse } from 'node:http'
import { HttpProblem } from './http-problem.ts'
import type { KeyGate } from './key-gate.ts'
import { KeyGateProblem } from './key-gate-problem.ts'

const MAX_BODY_BYTES = 65_536

/**
 * `POST /keys/nonce` and `POST /keys/release`, as JSON, also for players on the gate's other domains. A refusal is
 * `{ error, code, isRetryable }`.
 */
export async function sendKeys(
  gate: KeyGate,
  request: IncomingMessage,
  response: ServerResponse,
  action: 'nonce' | 'release',
): Promise<void> {
  response.setHeader('cache-control', 'no-store')
  allowOrigin(gate, request, response)
  if (request.method === 'OPTIONS') {
    response.writeHead(204, {
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
    })
    return void response.end()
  }
  if (request.method !== 'POST') throw new HttpProblem(405, 'the key gate takes POST', { allow: 'POST, OPTIONS' })
  try {
    const body = await readJson(request)
    const { remoteAddress } = request.socket
    if (action === 'release') return sendJson(response, 200, await gate.release(body, remoteAddress))
    const { nonce, issuedAt, expiresAt } = await gate.nonce(remoteAddress)
    sendJson(response, 200, { nonce, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() })
  } catch (error) {
    if (!(error instanceof KeyGateProblem)) throw error
    const { message, code, isRetryable, retryAfterSeconds } = error
    if (retryAfterSeconds !== null) response.setHeader('retry-after', String(retryAfterSeconds))
    sendJson(response, error.status, { error: message, code, isRetryable })
  }
}

/** A page may only ask where it could also have the message signed: its own host must be one of the gate's domains. */
function allowOrigin(gate: KeyGate, request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers
  if (origin === undefined) return
  const host = URL.parse(origin)?.host
  if (host === undefined || !gate.domains.includes(host)) {
    throw new HttpProblem(403, 'requests from other sites are not answered')
  }
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('vary', 'origin')
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpProblem(415, 'expected the content type application/json')
  }
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    size += part.length
    if (size > MAX_BODY_BYTES) throw new HttpProblem(413, `expected at most ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch (cause) {
    throw new KeyGateProblem('BAD_REQUEST', 'expected JSON', { cause })
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
