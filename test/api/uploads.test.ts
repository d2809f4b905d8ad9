import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, symlink } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openUploads } from '../../api/upload-route.ts'
import { startTestApi, type TestApi } from './test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ MAX_UPLOAD_BYTES: '50000000' })
})
afterAll(() => api.close())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

interface Ticket {
  readonly id: string
  readonly url: string
  readonly token: string
}

async function announce(sizeBytes: number, more: Record<string, unknown> = {}) {
  const { data } = await api.request(
    `mutation ($name: String!, $type: String!, $size: SafeInt!, $sha256: String) {
       createUpload(name: $name, contentType: $type, sizeBytes: $size, sha256: $sha256) {
         __typename ... on Upload { id url token expiresAt } ... on InvalidInputError { field message } } }`,
    { name: 'song.mp3', type: 'audio/mpeg', size: sizeBytes, ...more },
  )
  return data.createUpload as Ticket & { __typename: string; field?: string }
}

const put = (ticket: Ticket, body: Uint8Array | ReadableStream, headers: Record<string, string> = {}) =>
  fetch(ticket.url, {
    method: 'PUT',
    body,
    headers: { 'upload-token': ticket.token, ...headers },
    duplex: 'half',
  } as RequestInit)
const offsetOf = async (ticket: Ticket) => {
  const response = await fetch(ticket.url, { method: 'HEAD', headers: { 'upload-token': ticket.token } })
  return Number(response.headers.get('upload-offset'))
}

/** Sends the first bytes of an upload, then breaks the connection. */
async function breakOff(ticket: Ticket, bytes: Uint8Array, sizeBytes: number): Promise<void> {
  const request = httpRequest(ticket.url, {
    method: 'PUT',
    headers: { 'upload-token': ticket.token, 'content-length': sizeBytes },
  })
  const broken = new Promise<void>((resolve) => request.on('error', () => resolve()))
  request.write(bytes)
  await expect.poll(() => offsetOf(ticket), { timeout: 20_000 }).toBe(bytes.length)
  request.destroy()
  await broken
  // Until the server has noticed, it still holds the upload for the old connection.
  await expect.poll(countWriters, { timeout: 20_000 }).toBe(0)
}

async function countWriters(): Promise<number> {
  const { rows } = await api.client.pool.query(
    `select count(*) as n from pg_stat_activity where datname = current_database() and application_name = 'refrain upload'`,
  )
  return rows[0].n
}

test('a file sent in one go is stored under its hash and can be made a track', async () => {
  const bytes = randomBytes(3_000_000)
  const ticket = await announce(bytes.length, { sha256: sha256(bytes).toUpperCase(), name: 'a "b" 😀\u00e9.mp3' })
  const early = await api.request(
    `mutation ($id: String!) { addTrack(input: { title: "T", artists: ["A"], source: { uploadId: $id } }) { __typename ... on Error { message } } }`,
    { id: ticket.id },
  )
  expect(early.data.addTrack).toMatchObject({
    __typename: 'BlockedError',
    message: expect.stringContaining('0 of 3000000'),
  })
  const response = await put(ticket, bytes)
  expect(response.status).toBe(201)
  expect(await response.json()).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length })
  expect(sha256(await readFile(api.artifacts.pathOf(sha256(bytes))))).toBe(sha256(bytes))
  const { data } = await api.request(
    `mutation ($id: String!) { addTrack(input: { title: "T", artists: ["A"], source: { uploadId: $id } }) { ... on Track { id sourceType } } }`,
    { id: ticket.id },
  )
  expect(data.addTrack.sourceType).toBe('UPLOAD')
  const { rows } = await api.client.pool.query(`select source from tracks where id = $1`, [
    data.addTrack.id.split(':')[1],
  ])
  expect(rows[0].source).toEqual({ kind: 'upload', sha256: sha256(bytes), name: 'a "b" 😀\u00e9.mp3' })
  expect((await put(ticket, bytes)).status).toBe(409)
})

test('an upload that broke off goes on where it stopped', async () => {
  const bytes = randomBytes(1_000_000)
  const ticket = await announce(bytes.length, { sha256: sha256(bytes) })
  await breakOff(ticket, bytes.subarray(0, 300_000), bytes.length)
  const wrong = await put(ticket, bytes.subarray(400_000), { 'upload-offset': '400000' })
  expect(wrong.status).toBe(409)
  expect(wrong.headers.get('upload-offset')).toBe('300000')
  const rest = await put(ticket, bytes.subarray(300_000), { 'upload-offset': '300000' })
  expect(rest.status).toBe(201)
  expect(await offsetOf(ticket)).toBe(bytes.length)
})

test('an upload may come in pieces, and may begin afresh', async () => {
  const bytes = randomBytes(30_000)
  const ticket = await announce(bytes.length)
  const first = await put(ticket, randomBytes(10_000))
  expect([first.status, first.headers.get('upload-offset')]).toEqual([202, '10000'])
  expect((await put(ticket, bytes.subarray(0, 20_000))).headers.get('upload-offset')).toBe('20000')
  expect((await put(ticket, bytes.subarray(20_000), { 'upload-offset': '20000' })).status).toBe(201)
  expect(await api.artifacts.has(sha256(bytes))).toBe(true)
})

test('bytes with another hash than announced are thrown away', async () => {
  const bytes = randomBytes(5_000)
  const ticket = await announce(bytes.length, { sha256: sha256(randomBytes(1)) })
  const response = await put(ticket, bytes)
  expect(response.status).toBe(422)
  expect(await offsetOf(ticket)).toBe(0)
  expect(await api.artifacts.has(sha256(bytes))).toBe(false)
})

test('more bytes than announced are refused, announced or not', async () => {
  const ticket = await announce(1_000)
  expect((await put(ticket, randomBytes(1_001))).status).toBe(413)
  const stream = new Blob([randomBytes(200_000)]).stream()
  expect((await put(ticket, stream)).status).toBe(413)
  expect((await put(ticket, randomBytes(1_000))).status).toBe(201)
})

test('a wrong token opens nothing', async () => {
  const ticket = await announce(10)
  expect((await put({ ...ticket, token: 'x' }, randomBytes(10))).status).toBe(403)
  expect((await fetch(ticket.url, { method: 'PUT', body: 'x' })).status).toBe(403)
  const other = await announce(10)
  expect((await put({ ...ticket, token: other.token }, randomBytes(10))).status).toBe(403)
  expect((await put({ ...ticket, url: `${api.url}/uploads/${crypto.randomUUID()}` }, randomBytes(10))).status).toBe(404)
  expect((await put({ ...ticket, url: `${api.url}/uploads/..%2f..%2fetc` }, randomBytes(10))).status).toBe(404)
})

test('of two who send to one upload at once, one is refused', async () => {
  const bytes = randomBytes(100_000)
  const ticket = await announce(bytes.length)
  let release: (() => void) | undefined
  const slow = new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, 50_000))
      await new Promise<void>((resolve) => {
        release = resolve
      })
      controller.enqueue(bytes.subarray(50_000))
      controller.close()
    },
  })
  const first = put(ticket, slow)
  await expect.poll(() => offsetOf(ticket)).toBe(50_000)
  expect((await put(ticket, bytes)).status).toBe(409)
  release?.()
  expect((await first).status).toBe(201)
  expect(await api.artifacts.has(sha256(bytes))).toBe(true)
})

test('two uploads of the same bytes at once share one file', async () => {
  const bytes = randomBytes(500_000)
  const tickets = await Promise.all([announce(bytes.length), announce(bytes.length)])
  const responses = await Promise.all(tickets.map((ticket) => put(ticket, bytes)))
  expect(responses.map((response) => response.status)).toEqual([201, 201])
  const { rows } = await api.client.pool.query('select size_bytes from artifacts where sha256 = $1', [sha256(bytes)])
  expect(rows).toEqual([{ size_bytes: bytes.length }])
})

test('a full disk is said as such, and what has come stays', async () => {
  const ticket = await announce(1_000)
  await mkdir(join(api.dataPath, 'uploads'), { recursive: true })
  await symlink('/dev/full', join(api.dataPath, 'uploads', `${ticket.id}.part`))
  const response = await put(ticket, randomBytes(1_000))
  expect(response.status).toBe(507)
})

test('empty, endless and strange files are refused before a byte is sent', async () => {
  expect(await announce(0)).toMatchObject({ __typename: 'InvalidInputError', field: 'sizeBytes' })
  expect(await announce(50_000_001)).toMatchObject({ __typename: 'InvalidInputError', field: 'sizeBytes' })
  expect(await announce(10, { type: 'text/html' })).toMatchObject({
    __typename: 'InvalidInputError',
    field: 'contentType',
  })
  expect(await announce(10, { name: 'a\nb' })).toMatchObject({ __typename: 'InvalidInputError', field: 'name' })
  expect(await announce(10, { sha256: 'xyz' })).toMatchObject({ __typename: 'InvalidInputError', field: 'sha256' })
})

test('an unfinished upload is forgotten when it expires, a finished one is not', async () => {
  const [part, whole] = [await announce(100), await announce(10)]
  await put(part, randomBytes(50))
  await put(whole, randomBytes(10))
  await api.client.pool.query(`update uploads set expires_at = now() - interval '1 minute'`)
  const folder = join(api.dataPath, 'uploads')
  const uploads = openUploads({ client: api.client, artifacts: api.artifacts, folder })
  expect(await uploads.removeExpired()).toBeGreaterThan(0)
  await expect(stat(join(folder, `${part.id}.part`))).rejects.toThrow()
  expect((await put(part, randomBytes(50), { 'upload-offset': '50' })).status).toBe(404)
  expect(await offsetOf(whole)).toBe(10)
})

test('what has come is on the disk while the rest is still on its way', async () => {
  const block = randomBytes(1_000_000)
  const ticket = await announce(8 * block.length)
  let sent = 0
  const stream = new ReadableStream({
    async pull(controller) {
      // Nothing more is sent before the server has written what it has.
      await expect.poll(() => offsetOf(ticket)).toBe(sent * block.length)
      if (sent++ < 8) controller.enqueue(block)
      else controller.close()
    },
  })
  // The last step finds the upload finished, which counts as all of it.
  expect((await put(ticket, stream)).status).toBe(201)
})
