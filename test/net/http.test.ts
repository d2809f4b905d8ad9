import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { AppError } from '../../worker/errors.ts'
import { createHttp, type HttpLogEntry } from '../../worker/net/http.ts'
import { startVendor } from '../support/vendor.ts'

const limits = { firstDelayMs: 1, maxDelayMs: 4, timeoutMs: 2_000, totalMs: 4_000 }
const Ok = z.object({ ok: z.boolean() })
const routes = {
  'GET /ok': () => ({ json: { ok: true } }),
  'POST /ok': () => ({ json: { ok: true } }),
  'PUT /ok': () => ({ json: { ok: true } }),
  'GET /big': () => ({ body: 'x'.repeat(100_000) }),
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${error}`)
  return error
}

test('a request that met 500 and a broken connection succeeds on the third attempt', async () => {
  await using vendor = await startVendor(routes)
  vendor.inject('GET /ok', { status: 500 }, 'reset')
  expect(await createHttp({ limits }).json(`${vendor.url}/ok`, Ok)).toEqual({ ok: true })
  expect(vendor.requests).toHaveLength(3)
})

test('a POST that may have been carried out is not repeated', async () => {
  await using vendor = await startVendor(routes)
  const http = createHttp({ limits }).as('vendor')
  for (const fault of [{ status: 500 }, { status: 408 }, 'reset', 'truncate'] as const) {
    vendor.inject('POST /ok', fault)
    const before = vendor.requests.length
    const error = await failure(http.json(`${vendor.url}/ok`, Ok, { method: 'POST', json: {} }))
    expect(error.kind).toBe('PROVIDER_UNAVAILABLE')
    expect(error.retryable).toBe(true)
    expect(vendor.requests.length - before).toBe(1)
  }
})

test('a POST is repeated when it was refused before it began, or has an idempotency key', async () => {
  await using vendor = await startVendor(routes)
  const http = createHttp({ limits })
  vendor.inject('POST /ok', { status: 429, headers: { 'retry-after': '0' } }, { status: 425 })
  await http.json(`${vendor.url}/ok`, Ok, { method: 'POST', json: {} })
  expect(vendor.requests).toHaveLength(3)
  vendor.inject('POST /ok', { status: 503 })
  await http.json(`${vendor.url}/ok`, Ok, { method: 'POST', headers: { 'Idempotency-Key': 'a' }, json: {} })
  expect(vendor.requests).toHaveLength(5)
})

test('a service that was never reached is tried again also for a POST', async () => {
  let calls = 0
  const refused = Object.assign(new TypeError('fetch failed'), {
    cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  })
  const http = createHttp({
    limits,
    fetch: async () => (++calls < 3 ? Promise.reject(refused) : Response.json({ ok: true })),
  })
  await http.json('http://vendor.test/', Ok, { method: 'POST', json: {} })
  expect(calls).toBe(3)
})

test('Retry-After is waited for, in seconds and as a date', async () => {
  await using vendor = await startVendor(routes)
  const waits: (number | null)[] = []
  const http = createHttp({ limits, log: (entry) => void waits.push(entry.retryInMs) })
  vendor.inject('GET /ok', { status: 429, headers: { 'retry-after': '1' } })
  const startedMs = performance.now()
  await http.request(`${vendor.url}/ok`)
  expect(performance.now() - startedMs).toBeGreaterThan(990)
  vendor.inject('GET /ok', { status: 503, headers: { 'retry-after': new Date(Date.now() - 5_000).toUTCString() } })
  await http.request(`${vendor.url}/ok`)
  expect(waits).toEqual([1_000, null, 0, null])
})

test('a service that asks for a longer pause than allowed is given up on at once', async () => {
  await using vendor = await startVendor(routes)
  vendor.inject('GET /ok', { status: 429, headers: { 'retry-after': '3600' } })
  const error = await failure(createHttp({ limits }).request(`${vendor.url}/ok`))
  expect(error.kind).toBe('PROVIDER_UNAVAILABLE')
  expect(error.details).toEqual({ status: 429, retryAfterMs: 3_600_000 })
  expect(vendor.requests).toHaveLength(1)
})

test('attempts end after the retries, and all together after the total time', async () => {
  await using vendor = await startVendor(routes)
  vendor.inject('GET /ok', { status: 500 }, { status: 500 }, { status: 500 })
  const last = await failure(createHttp({ limits }).request(`${vendor.url}/ok`, { retries: 2 }))
  expect(last.details).toEqual({ status: 500 })
  expect(vendor.requests).toHaveLength(3)
  vendor.inject('GET /ok', ...Array.from({ length: 9 }, () => 'hang' as const))
  const startedMs = performance.now()
  const http = createHttp({ limits: { ...limits, timeoutMs: 200, totalMs: 500 } })
  await failure(http.request(`${vendor.url}/ok`, { retries: 9 }))
  expect(performance.now() - startedMs).toBeLessThan(1_900)
  expect(vendor.requests.length).toBeLessThan(8)
})

test('a hanging answer times out as unavailable', async () => {
  await using vendor = await startVendor(routes)
  vendor.inject('GET /ok', 'hang')
  const error = await failure(
    createHttp({ limits }).as('vendor').request(`${vendor.url}/ok`, { timeoutMs: 60, retries: 0 }),
  )
  expect(error.message).toBe('vendor: gave no answer: the time allowed ran out')
  expect(error.retryable).toBe(true)
})

test('an abort ends the call with its reason, also between attempts', async () => {
  await using vendor = await startVendor(routes)
  vendor.inject('GET /ok', { status: 503, headers: { 'retry-after': '3' } }, 'hang')
  const controller = new AbortController()
  void vi.waitUntil(() => vendor.requests.length === 1).then(() => controller.abort(new Error('canceled')))
  await expect(createHttp({ limits }).request(`${vendor.url}/ok`, { signal: controller.signal })).rejects.toThrow(
    'canceled',
  )
  expect(vendor.requests).toHaveLength(1)
  await expect(
    createHttp().request(`${vendor.url}/ok`, { signal: AbortSignal.abort(new Error('no')) }),
  ).rejects.toThrow('no')
  expect(vendor.requests).toHaveLength(1)
})

test('an answer above the size limit is refused, whether its size is announced or not', async () => {
  await using vendor = await startVendor(routes)
  const announced = await failure(createHttp({ limits }).request(`${vendor.url}/big`, { maxBytes: 1_000 }))
  expect(announced.kind).toBe('PROVIDER_REJECTED')
  const stream = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) }))
  const endless = await failure(
    createHttp({ fetch: async () => stream() }).request('http://vendor.test/', { maxBytes: 5_000 }),
  )
  expect(endless.message).toContain('at most 5000 bytes')
  expect((await createHttp({ limits }).request(`${vendor.url}/big`, { maxBytes: 100_000 })).bytes).toHaveLength(100_000)
})

test('other 4xx answers are rejections that carry what the vendor said, and are not repeated', async () => {
  await using vendor = await startVendor(routes)
  const http = createHttp({ limits }).as('vendor')
  const bodies = [
    { error: { message: 'too short' } },
    { error: 'too short' },
    { message: 'too short' },
    { detail: { status: 'x', message: 'too short' } },
    { detail: [{ loc: ['body'], msg: 'too short' }] },
  ]
  for (const json of bodies) {
    vendor.inject('GET /ok', { status: 422, json })
    const error = await failure(http.request(`${vendor.url}/ok`))
    expect(error.kind).toBe('PROVIDER_REJECTED')
    expect(error.message).toBe('vendor: answered 422: too short')
    expect(error.details).toEqual({ status: 422 })
  }
  expect(vendor.requests).toHaveLength(bodies.length)
})

test('a redirect is refused and the key does not follow it', async () => {
  await using vendor = await startVendor(routes)
  await using other = await startVendor(routes)
  vendor.inject('GET /ok', { status: 302, headers: { location: `${other.url}/ok?sig=abc` } })
  const error = await failure(
    createHttp({ limits }).request(`${vendor.url}/ok`, { headers: { 'xi-api-key': 'topsecret' } }),
  )
  expect(error.kind).toBe('PROVIDER_REJECTED')
  expect(error.message).not.toContain('abc')
  expect(other.requests).toHaveLength(0)
})

test('keys, signatures and credentials appear in no message and no log entry', async () => {
  await using vendor = await startVendor(routes)
  const entries: HttpLogEntry[] = []
  const http = createHttp({ limits, log: (entry) => void entries.push(entry) })
  const echo = 'bad key sk-live-12345 for https://user:hunter22@files.test/a?X-Amz-Signature=feedface, token=qwertyuiop'
  vendor.inject('GET /ok', { status: 401, json: { error: echo } }, { body: 'sk-live-12345 is no JSON' })
  const request = { headers: { authorization: 'Bearer sk-live-12345' } }
  const rejected = await failure(http.request(`${vendor.url}/ok?api_key=feedface`, request))
  const notJson = await failure(http.json(`${vendor.url}/ok?api_key=feedface`, Ok, request))
  const shown = JSON.stringify([rejected.message, notJson.message, entries])
  for (const secret of ['sk-live-12345', 'hunter22', 'feedface', 'qwertyuiop']) expect(shown).not.toContain(secret)
  expect(rejected.message).toContain('401')
  expect(entries).toHaveLength(2)
})

test('an answer of another form than expected is a rejection that names the place', async () => {
  await using vendor = await startVendor(routes)
  const http = createHttp({ limits }).as('vendor')
  const schema = z.object({ words: z.array(z.object({ start: z.number() })) })
  vendor.inject(
    'GET /ok',
    { json: { words: [{ start: 1 }, { start: 'x' }] } },
    { json: [] },
    { body: '<html>busy</html>' },
  )
  expect((await failure(http.json(`${vendor.url}/ok`, schema))).message).toBe(
    'vendor: the answer has another form than known, at words[1].start: expected number, got string',
  )
  expect((await failure(http.json(`${vendor.url}/ok`, schema))).message).toContain(
    'at the top: expected object, got array',
  )
  expect((await failure(http.json(`${vendor.url}/ok`, schema))).message).toContain(
    'expected JSON, got no content type beginning',
  )
})

test('a file is saved whole or not at all', async () => {
  await using vendor = await startVendor(routes)
  const folder = await mkdtemp(join(tmpdir(), 'refrain-http-'))
  const path = join(folder, 'big')
  vendor.inject('GET /big', 'truncate')
  const saved = await createHttp({ limits }).save(`${vendor.url}/big`, path)
  expect(saved.sizeBytes).toBe(100_000)
  expect(await readFile(path, 'utf8')).toBe('x'.repeat(100_000))
  expect(vendor.requests).toHaveLength(2)
  await failure(createHttp({ limits }).save(`${vendor.url}/big`, join(folder, 'small'), { maxBytes: 10 }))
  vendor.inject('GET /big', 'truncate')
  await failure(createHttp({ limits }).save(`${vendor.url}/big`, join(folder, 'half'), { retries: 0 }))
  expect(await readdir(folder)).toEqual(['big'])
})
