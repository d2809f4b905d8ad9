import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Client, createSession, inTransaction } from '../worker/db/client.ts'
import type { ArtifactStore } from '../worker/engine/artifacts.ts'
import { HttpProblem } from './http-problem.ts'
import { isToken } from './upload-ticket.ts'

const UPLOADS_AT_ONCE = 20
const UUID = /^[0-9a-f-]{36}$/

export interface Uploads {
  /** `PUT /uploads/:id`: takes the bytes; `HEAD`: how many there are. */
  handle(request: IncomingMessage, response: ServerResponse, id: string): Promise<void>
  /** Forgets unfinished uploads that nobody has continued for a day. @returns how many */
  removeExpired(): Promise<number>
}

interface UploadRow {
  readonly id: string
  readonly content_type: string
  readonly size_bytes: number
  readonly expected_sha256: string | null
  readonly token_sha256: string
  readonly sha256: string | null
}

/**
 * Takes files in, however large, without holding them in memory: bytes go to a part file beside the store, hashed on
 * the way, and move into the store when the last one has come and the hash is right.
 *
 * @param folder where part files live; on the same file system as the store
 */
export function openUploads(options: { client: Client; artifacts: ArtifactStore; folder: string }): Uploads {
  const { client, artifacts, folder } = options
  let active = 0
  const partOf = (id: string) => join(folder, `${id}.part`)

  async function find(request: IncomingMessage, id: string): Promise<UploadRow> {
    const { rows } = UUID.test(id)
      ? await client.pool.query<UploadRow>(
          `select id, content_type, size_bytes, expected_sha256, token_sha256, sha256 from uploads
           where id::text = $1 and (sha256 is not null or expires_at > now())`,
          [id],
        )
      : { rows: [] }
    if (!rows[0]) throw new HttpProblem(404, 'there is no such upload, or it has expired: create a new one')
    const token = request.headers['upload-token']
    if (typeof token !== 'string' || !isToken(token, rows[0].token_sha256)) {
      throw new HttpProblem(403, 'the header Upload-Token must carry the token of this upload')
    }
    return rows[0]
  }

  async function head(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const upload = await find(request, id)
    const offset = upload.sha256 ? upload.size_bytes : await sizeOf(partOf(upload.id))
    response.writeHead(200, {
      'upload-offset': String(offset),
      'upload-length': String(upload.size_bytes),
      'cache-control': 'no-store',
    })
    response.end()
  }

  async function put(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const upload = await find(request, id)
    if (upload.sha256) throw new HttpProblem(409, 'this upload is finished: create another one')
    if (active >= UPLOADS_AT_ONCE)
      throw new HttpProblem(503, 'too many uploads at once: try again soon', { 'retry-after': '10' })
    active++
    try {
      await holdingLock(client.url, upload.id, () => receive(request, response, upload))
    } finally {
      active--
    }
  }

  async function receive(request: IncomingMessage, response: ServerResponse, upload: UploadRow): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = partOf(upload.id)
    const offset = parseOffset(request.headers['upload-offset'])
    const present = offset === null ? 0 : await sizeOf(path)
    if (offset !== null && offset !== present) {
      throw new HttpProblem(409, `expected Upload-Offset ${present}, got ${offset}`, {
        'upload-offset': String(present),
      })
    }
    const announced = Number(request.headers['content-length'] ?? 0)
    if (present + announced > upload.size_bytes) throw tooLarge(upload)
    const hash = createHash('sha256')
    if (present > 0) await rehash(path, present, hash)
    const received = await writePart(request, path, present, hash, upload)
    if (received < upload.size_bytes) {
      response.writeHead(202, { 'upload-offset': String(received), 'cache-control': 'no-store' })
      response.end()
      return
    }
    const sha256 = hash.digest('hex')
    if (upload.expected_sha256 !== null && sha256 !== upload.expected_sha256) {
      await discard(upload.id)
      throw new HttpProblem(
        422,
        `the bytes have SHA-256 ${sha256}, announced was ${upload.expected_sha256}: send them again`,
      )
    }
    await finish(upload, path, sha256)
    response.writeHead(201, {
      'content-type': 'application/json',
      'upload-offset': String(received),
      'cache-control': 'no-store',
    })
    response.end(JSON.stringify({ sha256, sizeBytes: received }))
  }

  async function writePart(
    request: IncomingMessage,
    path: string,
    from: number,
    hash: Hash,
    upload: UploadRow,
  ): Promise<number> {
    let received = from
    const file = await open(path, from === 0 ? 'w' : 'r+', 0o600)
    try {
      // Left open on an early exit, so that the refusal can still be sent.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        if (received + chunk.length > upload.size_bytes) throw tooLarge(upload)
        hash.update(chunk)
        await writeFully(file, chunk, received)
        received += chunk.length
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
        throw new HttpProblem(507, 'the disk of the server is full: make room, then continue the upload')
      }
      if (error instanceof HttpProblem) throw error
      if (request.destroyed) throw new HttpProblem(400, `the upload broke off after ${received} bytes: continue it`)
      throw error
    } finally {
      await file.close()
      await client.pool.query(
        `update uploads set received_bytes = $2, expires_at = now() + interval '1 day' where id = $1`,
        [upload.id, received],
      )
    }
    return received
  }

  async function finish(upload: UploadRow, path: string, sha256: string): Promise<void> {
    await artifacts.adopt(path, sha256)
    await inTransaction(client, async (connection) => {
      await connection.query(
        'insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, $3) on conflict (sha256) do nothing',
        [sha256, upload.size_bytes, upload.content_type],
      )
      await connection.query('update uploads set sha256 = $2 where id = $1', [upload.id, sha256])
    })
  }

  async function discard(id: string): Promise<void> {
    await rm(partOf(id), { force: true })
    await client.pool.query('update uploads set received_bytes = 0 where id = $1', [id])
  }

  return {
    async handle(request, response, id) {
      if (request.method === 'PUT') return put(request, response, id)
      if (request.method === 'HEAD') return head(request, response, id)
      throw new HttpProblem(405, 'an upload takes PUT and HEAD', { allow: 'PUT, HEAD' })
    },
    async removeExpired() {
      const { rows } = await client.pool.query<{ id: string }>(
        'delete from uploads where sha256 is null and expires_at < now() returning id',
      )
      for (const { id } of rows) await rm(partOf(id), { force: true })
      return rows.length
    },
  }
}

function tooLarge(upload: UploadRow): HttpProblem {
  return new HttpProblem(
    413,
    `more than the announced ${upload.size_bytes} bytes came: create a new upload with the right size`,
  )
}

/** A `PUT` without the header begins afresh. */
function parseOffset(header: string | string[] | undefined): number | null {
  if (header === undefined) return null
  if (typeof header !== 'string' || !/^[0-9]{1,15}$/.test(header)) {
    throw new HttpProblem(400, 'Upload-Offset: expected a number of bytes')
  }
  return Number(header)
}

/** Holds the upload for one writer among all processes; the lock goes when the connection does. */
async function holdingLock(url: string, id: string, work: () => Promise<void>): Promise<void> {
  const connection = createSession(url, 'refrain upload')
  connection.on('error', () => {})
  await connection.connect()
  try {
    const { rows } = await connection.query<{ held: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('upload:' || $1, 0)) as held",
      [id],
    )
    if (!rows[0].held) throw new HttpProblem(409, 'somebody else sends to this upload right now')
    await work()
  } finally {
    await connection.end().catch(() => {})
  }
}

/** The state of the hash after what is there already cannot be kept across restarts: it is computed again. */
async function rehash(path: string, bytes: number, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 1 << 20 })) hash.update(chunk)
}

async function writeFully(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written)
    written += bytesWritten
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0
}
