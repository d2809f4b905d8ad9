import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../worker/log.ts'
import { requestIds } from './masking.ts'

const DRAIN_BYTES = 16_000_000
const DRAIN_MS = 2_000

/** A request that is answered with an HTTP status and a reason. */
export class HttpProblem extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'HttpProblem'
    this.status = status
    this.headers = headers
  }
}

/** Answers with the problem's status; anything that is no HttpProblem is logged whole and masked. */
export function sendProblem(error: unknown, request: IncomingMessage, response: ServerResponse, log: Log): void {
  const requestId = requestIds.getStore() ?? 'none'
  if (!(error instanceof HttpProblem))
    log.error('a request failed unexpectedly', { requestId, url: pathOf(request), error })
  if (response.headersSent || response.destroyed) return void response.destroy()
  const problem =
    error instanceof HttpProblem
      ? error
      : new HttpProblem(500, `Unexpected error. It has been logged under request ${requestId}.`)
  response.writeHead(problem.status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...problem.headers,
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify({ error: problem.message }))
}

/** The request's path without its query, which may carry secrets. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]
}

/**
 * Reads on after an answer that came before the end of the request: a sender first has to send before it reads, and whatever
 * is left unread would block the next request on the same connection. Who sends too much or too slowly is cut off.
 */
export function drainAfter(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  response.once('finish', () => {
    if (request.complete) return
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS)
    if (request.destroyed) {
      // Whoever handled it gave up reading: this connection can carry no further request.
      socket.once('close', () => clearTimeout(timer))
      socket.end()
      socket.resume()
      return
    }
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > DRAIN_BYTES) socket.destroy()
    })
    request.once('close', () => clearTimeout(timer))
    request.on('error', () => {})
  })
}
