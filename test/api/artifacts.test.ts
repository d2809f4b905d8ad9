import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentDisposition, parseRange } from '../../api/artifact-route.ts'
import { startTestApi, type TestApi } from './test-api.ts'

const bytes = randomBytes(10_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')
let api: TestApi
let url: string

async function store(content: Uint8Array, contentType: string): Promise<string> {
  const hash = createHash('sha256').update(content).digest('hex')
  const path = await api.artifacts.temporaryPath()
  await writeFile(path, content)
  await api.artifacts.adopt(path, hash)
  await api.client.pool.query('insert into artifacts (sha256, size_bytes, content_type) values ($1, $2, $3)', [
    hash,
    content.length,
    contentType,
  ])
  return `${api.url}/artifacts/${hash}`
}

beforeAll(async () => {
  api = await startTestApi()
  url = `${await store(bytes, 'audio/flac')}/vocals.flac`
})
afterAll(() => api.close())

test('a file comes whole, with its type, its name and leave to keep it for ever', async () => {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'audio/flac',
    'content-length': '10000',
    'accept-ranges': 'bytes',
    etag: `"${sha256}"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'content-disposition': `inline; filename="vocals.flac"; filename*=UTF-8''vocals.flac`,
    'x-content-type-options': 'nosniff',
  })
  const head = await fetch(url, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10000', ''])
})

test.each<[string, number, number]>([
  ['bytes=0-0', 0, 0],
  ['bytes=100-199', 100, 199],
  ['bytes=9990-', 9990, 9999],
  ['bytes=-10', 9990, 9999],
  ['bytes=-99999', 0, 9999],
  ['bytes=5000-99999', 5000, 9999],
])('the range %s is answered with exactly those bytes', async (range, start, end) => {
  const response = await fetch(url, { headers: { range } })
  expect(response.status).toBe(206)
  expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/10000`)
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end + 1))).toBe(true)
})

test('a range beyond the end is refused, a strange one is ignored', async () => {
  for (const range of ['bytes=10000-', 'bytes=10000-10001', 'bytes=-0']) {
    const response = await fetch(url, { headers: { range } })
    expect([response.status, response.headers.get('content-range')], range).toEqual([416, 'bytes */10000'])
  }
  for (const range of ['bytes=5-1', 'bytes=0-1,5-6', 'seconds=0-1', 'bytes=-', 'bytes=a-b']) {
    expect((await fetch(url, { headers: { range } })).status, range).toBe(200)
  }
  expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable')
})

test('what a client has already is not sent again', async () => {
  expect((await fetch(url, { headers: { 'if-none-match': `W/"x", "${sha256}"` } })).status).toBe(304)
  expect((await fetch(url, { headers: { 'if-none-match': '"x"' } })).status).toBe(200)
  expect((await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': `"${sha256}"` } })).status).toBe(206)
  expect((await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': '"old"' } })).status).toBe(200)
})

test('an empty file is a file', async () => {
  const empty = `${await store(new Uint8Array(), 'text/plain')}/empty.txt`
  const response = await fetch(empty)
  expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
})

test('a page that was stored does not run as ours', async () => {
  const page = await fetch(`${await store(Buffer.from('<script>1</script>'), 'text/html')}/page.html`)
  expect(page.headers.get('content-disposition')).toMatch(/^attachment;/)
  expect(page.headers.get('content-security-policy')).toContain('sandbox')
})

test('no address leads to another file', async () => {
  const raw = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(api.url)
      httpRequest({ port, host: '127.0.0.1', path }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
  for (const path of [
    '/artifacts/../../etc/passwd',
    `/artifacts/${sha256}/../../../etc/passwd`,
    '/artifacts/..%2f..%2fetc%2fpasswd/x',
    `/artifacts/${sha256.toUpperCase()}/x`,
    `/artifacts/${'0'.repeat(64)}/x`,
    `/artifacts/${sha256}`,
  ]) {
    expect(await raw(path), path).toBe(404)
  }
  // The name is only what the download is called.
  const named = await fetch(`${api.url}/artifacts/${sha256}/..%2f..%2fetc%2fpasswd`)
  expect(named.status).toBe(200)
  expect(named.headers.get('content-disposition')).toContain('filename="_.._etc_passwd"')
  expect((await fetch(`${api.url}/artifacts/${sha256}/%ff`)).status).toBe(400)
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
})

test.each<[string, string]>([
  ['plain.mp3', `attachment; filename="plain.mp3"; filename*=UTF-8''plain.mp3`],
  ['a "b".mp3', `attachment; filename="a _b_.mp3"; filename*=UTF-8''a%20%22b%22.mp3`],
  ['Café 😀.mp3', `attachment; filename="Cafe .mp3"; filename*=UTF-8''Caf%C3%A9%20%F0%9F%98%80.mp3`],
  ['a\r\nSet-Cookie: x', `attachment; filename="aSet-Cookie_ x"; filename*=UTF-8''aSet-Cookie_%20x`],
  ['../../etc/passwd', `attachment; filename="_.._etc_passwd"; filename*=UTF-8''_.._etc_passwd`],
  ['...', `attachment; filename="file"; filename*=UTF-8''file`],
  ['歌', `attachment; filename="file"; filename*=UTF-8''%E6%AD%8C`],
  ['gpj\u202e.exe', `attachment; filename="gpj.exe"; filename*=UTF-8''gpj.exe`],
  ['half \ud83d', `attachment; filename="half"; filename*=UTF-8''half%20%EF%BF%BD`],
])('the name %j is safe in a header and on a disk', (name, header) => {
  expect(contentDisposition(name, 'attachment')).toBe(header)
})
