import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Client } from '../worker/db/client.ts'
import type { ArtifactStore } from '../worker/engine/artifacts.ts'
import { HttpProblem } from './http-problem.ts'

/** Shown in place; anything else is offered as a download, so that no stored page runs as ours. */
const SHOWN = /^(audio\/|video\/|image\/(png|jpeg|webp|gif)$|text\/(plain|vtt)(;|$)|application\/json$)/

/** `GET` and `HEAD /artifacts/:sha256/:name`: a stored file, or a range of it. The name only names the download. */
export async function sendArtifact(
  services: { readonly client: Client; readonly artifacts: ArtifactStore },
  request: IncomingMessage,
  response: ServerResponse,
  sha256: string,
  name: string,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new HttpProblem(405, 'a file takes GET and HEAD', { allow: 'GET, HEAD' })
  }
  const { rows } = await services.client.pool.query<{ content_type: string }>(
    'select content_type from artifacts where sha256 = $1',
    [sha256],
  )
  const path = services.artifacts.pathOf(sha256)
  if (!rows[0]) throw new HttpProblem(404, `there is no file ${sha256}`)
  await sendFile(request, response, { path, sha256, name, contentType: rows[0].content_type })
}

/**
 * Sends an immutable file, or the range of it that was asked for.
 *
 * @throws HttpProblem 404 when it is not there, 416 for a range outside of it
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  described: { readonly path: string; readonly sha256: string; readonly name: string; readonly contentType: string },
): Promise<void> {
  const { path, sha256, name, contentType } = described
  const file = await stat(path).catch(() => null)
  if (!file) throw new HttpProblem(404, `there is no file ${sha256}`)
  const etag = `"${sha256}"`
  const headers = {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': contentType,
    'content-disposition': contentDisposition(name, SHOWN.test(contentType) ? 'inline' : 'attachment'),
    'content-security-policy': "default-src 'none'; media-src 'self'; sandbox",
    'x-content-type-options': 'nosniff',
  }
  if (
    request.headers['if-none-match']?.split(/\s*,\s*/).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)
  ) {
    response.writeHead(304, headers)
    response.end()
    return
  }
  const ifRange = request.headers['if-range']
  const range = ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, file.size) : null
  if (range === 'unsatisfiable') {
    throw new HttpProblem(416, `the file has ${file.size} bytes`, { 'content-range': `bytes */${file.size}` })
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 }
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': String(end - start + 1),
    ...(range ? { 'content-range': `bytes ${start}-${end}/${file.size}` } : {}),
  })
  if (request.method === 'HEAD' || file.size === 0) return void response.end()
  await pipeline(createReadStream(path, { start, end }), response).catch((error: NodeJS.ErrnoException) => {
    // Players drop a connection whenever they seek.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  })
}

/**
 * A single range of RFC 9110 in bytes, both ends included. Null, which means the whole file, for no range, several ranges
 * or another unit.
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return null
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), sizeBytes)
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1)
  if (match[2] !== '' && Number(match[2]) < start) return null
  return start >= sizeBytes ? 'unsatisfiable' : { start, end }
}

/** `Content-Disposition` of RFC 6266: a plain name for old clients, and the whole name in UTF-8. */
export function contentDisposition(name: string, type: 'inline' | 'attachment'): string {
  const safe = safeName(name)
  const plain =
    safe
      .normalize('NFKD')
      .replace(/[^\x20-\x7e]/g, '')
      .replace(/["\\%]/g, '_')
      .trim() || 'file'
  const encoded = encodeURIComponent(safe).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${type}; filename="${plain}"; filename*=UTF-8''${encoded}`
}

/** A name that is safe as a file name anywhere: no folders, no control or direction signs, no leading dots. */
function safeName(name: string): string {
  const safe = name
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '')
    .replace(/[/\\:*?<>|]/g, '_')
    .replace(/^[. ]+/, '')
    .slice(0, 200)
    .toWellFormed()
    .trim()
  return safe || 'file'
}
