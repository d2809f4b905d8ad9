import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '../worker/errors.ts'
import { HttpProblem } from './http-problem.ts'
import type { Hub } from './hub.ts'

const PING_INTERVAL_MS = 15_000

/**
 * `GET /events/:pipeline/:id`: a subject's changes as plain server-sent events. Every event carries its position as `id`,
 * so that a browser's EventSource goes on by itself where it broke off; `?after=` does the same by hand.
 */
export async function sendEvents(
  hub: Hub,
  request: IncomingMessage,
  response: ServerResponse,
  pipeline: string,
  subjectId: number,
): Promise<void> {
  if (request.method !== 'GET') throw new HttpProblem(405, 'events take GET', { allow: 'GET' })
  const position =
    request.headers['last-event-id'] ?? new URL(request.url ?? '/', 'http://localhost').searchParams.get('after')
  if (position !== null && !/^[0-9]{1,15}$/.test(String(position))) {
    throw new HttpProblem(400, 'after: expected the id of an earlier event')
  }
  const events = await hub.events(pipeline, subjectId, position === null ? null : Number(position)).catch((error) => {
    if (error instanceof AppError) throw new HttpProblem(error.kind === 'NOT_FOUND' ? 404 : 400, error.message)
    throw error
  })
  response.on('close', () => void events.return?.())
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  response.write(': welcome\n\n')
  const ping = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n')
  }, PING_INTERVAL_MS)
  try {
    for await (const { seq, ...event } of events) {
      const hasRoom = response.write(`id: ${seq}\ndata: ${JSON.stringify({ seq, ...event })}\n\n`)
      if (!hasRoom) await room(response)
      if (response.destroyed) return
    }
    response.end()
  } finally {
    clearInterval(ping)
  }
}

/** Until the client has taken what was written, or is gone. */
function room(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
    if (response.destroyed) done()
  })
}
