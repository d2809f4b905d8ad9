import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { AppError } from '../../worker/errors.ts'
import { isPublicAddress } from '../../worker/net/address.ts'
import { createDownload, type Download, downloadUrl } from '../../worker/net/download.ts'
import { startVendor } from '../support/vendor.ts'

const options = { maxBytes: 1_000_000, timeoutMs: 3_000, idleTimeoutMs: 1_000 }
/** 127.0.0.2 stands for the public internet, 127.0.0.1 for what must not be reached. */
const isOutside = (address: string) => address === '127.0.0.2'
const fromOutside = createDownload({ allowAddress: isOutside })
const song = Buffer.from('song '.repeat(1_000))
const routes = { 'GET /song.mp3': () => ({ headers: { 'content-type': 'audio/mpeg; x=1' }, body: song }) }

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-download-'))
  path = join(folder, 'song')
})

/** The error of a download that must fail and leave nothing behind. */
async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${error}`)
  expect(await readdir(folder)).toEqual([])
  return error
}

/** A server on 127.0.0.2 that writes its answers by hand. */
async function serve(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.2:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close }
}

test('a file arrives whole with its hash, size and type, and progress ends at 1', async () => {
  await using vendor = await startVendor(routes, '127.0.0.2')
  const fractions: number[] = []
  const got = await fromOutside(`${vendor.url}/song.mp3`, path, {
    ...options,
    onProgress: (f) => void fractions.push(f),
  })
  expect(got).toEqual({
    sizeBytes: 5_000,
    sha256: createHash('sha256').update(song).digest('hex'),
    contentType: 'audio/mpeg',
  })
  expect(await readFile(path)).toEqual(song)
  expect(fractions.at(-1)).toBe(1)
  expect(await readdir(folder)).toEqual(['song'])
})

test('every spelling of a private address is refused without a connection', async () => {
  await using inside = await startVendor(routes)
  const { port } = new URL(inside.url)
  const hosts = [
    '127.0.0.1',
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '127.1',
    'localhost',
    '0.0.0.0',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fec0::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '127。0。0。1',
  ]
  for (const host of hosts) {
    const error = await failure(downloadUrl(`http://${host}:${port}/song.mp3`, path, options))
    expect(error.kind, host).toBe('INVALID_INPUT')
    expect(error.message, host).toContain('not on the public internet')
  }
  expect(inside.requests).toHaveLength(0)
})

test('public addresses are public', () => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1']) {
    expect(isPublicAddress(address), address).toBe(true)
  }
  for (const text of ['', 'localhost', '2606:4700::1111%eth0', '999.1.1.1'])
    expect(isPublicAddress(text), text).toBe(false)
})

test('only http and https URLs without credentials are taken', async () => {
  for (const url of [
    '',
    'song.mp3',
    'ftp://a.test/x',
    'file:///etc/passwd',
    'data:,x',
    'http://user:pw12@a.test/x',
    'http://u@a.test/',
  ]) {
    const error = await failure(downloadUrl(url, path, options))
    expect(error.kind).toBe('INVALID_INPUT')
    expect(error.message).not.toContain('pw12')
  }
})

test('redirects are followed up to five times, also to relative places', async () => {
  await using server = await serve((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end()
    else response.end('there')
  })
  expect((await fromOutside(`${server.url}/5`, path, options)).sizeBytes).toBe(5)
  folder = await mkdtemp(join(tmpdir(), 'refrain-download-'))
  const error = await failure(fromOutside(`${server.url}/6`, join(folder, 'song'), options))
  expect(error.message).toContain('more than 5 times')
})

test('a redirect to a private address or another scheme is refused', async () => {
  await using inside = await startVendor(routes)
  await using vendor = await startVendor(routes, '127.0.0.2')
  for (const location of [`${inside.url}/song.mp3`, 'file:///etc/passwd', 'http://u:p@127.0.0.2/', '//[::1]/', '']) {
    vendor.inject(
      'GET /song.mp3',
      { status: 302, headers: { location } },
      { status: 302, headers: { location: 'ftp://x/' } },
    )
    expect((await failure(fromOutside(`${vendor.url}/song.mp3`, path, options))).kind).toBe('INVALID_INPUT')
  }
  expect(inside.requests).toHaveLength(0)
})

test('a name is resolved once and the connection goes to the address that was checked', async () => {
  await using outside = await startVendor(routes, '127.0.0.2')
  const answers = ['127.0.0.2', '127.0.0.1', '127.0.0.1']
  let asked = 0
  const rebinding: Download = createDownload({ allowAddress: isOutside, lookup: async () => [answers[asked++]] })
  const { port } = new URL(outside.url)
  expect((await rebinding(`http://rebind.test:${port}/song.mp3`, path, options)).sizeBytes).toBe(5_000)
  expect(asked).toBe(1)
  expect(outside.requests[0].headers.host).toBe(`rebind.test:${port}`)

  asked = 0
  outside.inject('GET /song.mp3', { status: 307, headers: { location: '/song.mp3' } })
  folder = await mkdtemp(join(tmpdir(), 'refrain-download-'))
  const error = await failure(rebinding(`http://rebind.test:${port}/song.mp3`, join(folder, 'song'), options))
  expect(error.message).toContain('rebind.test is not on the public internet')
})

test('a name with one private address among public ones is refused; an unknown name is the URL’s fault', async () => {
  const mixed = createDownload({ allowAddress: isOutside, lookup: async () => ['127.0.0.2', '10.0.0.1'] })
  const refused = await failure(mixed('http://mixed.test:9/', path, options))
  expect(refused.message).toContain('mixed.test is not on the public internet')
  const lookup = (code: string) => async () => Promise.reject(Object.assign(new Error(code), { code }))
  const unknown = createDownload({ lookup: lookup('ENOTFOUND') })
  expect((await failure(unknown('http://nowhere.test/', path, options))).message).toContain('check the URL')
  const failing = createDownload({ lookup: lookup('EAI_AGAIN') })
  expect((await failure(failing('http://later.test/', path, options))).kind).toBe('PROVIDER_UNAVAILABLE')
})

test('a connection refused by one address falls to the next', async () => {
  await using vendor = await startVendor(routes, '127.0.0.2')
  const lookup = async () => ['127.0.0.3', '127.0.0.2']
  const download = createDownload({ allowAddress: (address) => address.startsWith('127.0.0.'), lookup })
  const { port } = new URL(vendor.url)
  expect((await download(`http://two.test:${port}/song.mp3`, path, options)).sizeBytes).toBe(5_000)
})

test('an endless body stops at the size limit', async () => {
  await using server = await serve((_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
    }
    response.on('drain', more)
    more()
  })
  const error = await failure(fromOutside(server.url, path, options))
  expect(error.kind).toBe('INVALID_INPUT')
  expect(error.message).toContain('too large: expected at most 1000000 bytes')
})

test('an announced size above the limit is refused before the body', async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '99999999999' })
    response.flushHeaders()
  })
  // Waiting for the body would end as PROVIDER_UNAVAILABLE.
  expect((await failure(fromOutside(server.url, path, options))).kind).toBe('INVALID_INPUT')
})

test('a slow drip ends at the total time, silence at the idle time', async () => {
  await using drip = await serve((_request, response) => {
    const timer = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(timer))
  })
  const slow = await failure(fromOutside(drip.url, path, { ...options, timeoutMs: 300, idleTimeoutMs: 100 }))
  expect(slow.kind).toBe('PROVIDER_UNAVAILABLE')
  expect(slow.message).toContain('longer than 0.3 s')
  for (const isBegun of [false, true]) {
    await using silent = await serve((_request, response) => void (isBegun && response.write('x')))
    const startedMs = performance.now()
    const error = await failure(fromOutside(silent.url, path, { ...options, idleTimeoutMs: 100 }))
    expect(error.kind).toBe('PROVIDER_UNAVAILABLE')
    expect(performance.now() - startedMs).toBeLessThan(2_500)
  }
})

test('a truncated body is an error that may be tried again', async () => {
  await using vendor = await startVendor(routes, '127.0.0.2')
  vendor.inject('GET /song.mp3', 'truncate')
  const error = await failure(fromOutside(`${vendor.url}/song.mp3`, path, options))
  expect(error.kind).toBe('PROVIDER_UNAVAILABLE')
  expect(error.message).toContain('broke off')
})

test('an answer that is not proper HTTP is the server’s fault', async () => {
  const answers = [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n',
    'SSH-2.0-OpenSSH\r\n',
    '\0\0',
  ]
  for (const answer of answers) {
    const server = createNetServer(
      (socket) =>
        void socket
          .on('error', () => {})
          .resume()
          .end(answer),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
    const { port } = server.address() as AddressInfo
    const error = await failure(fromOutside(`http://127.0.0.2:${port}/`, path, options))
    expect(error.kind).toBe('PROVIDER_UNAVAILABLE')
    await new Promise((resolve) => server.close(resolve))
  }
})

test('a folder that is not there is our own fault, not the server’s', async () => {
  await using vendor = await startVendor(routes, '127.0.0.2')
  const lost = fromOutside(`${vendor.url}/song.mp3`, join(folder, 'missing', 'song'), options)
  await expect(lost).rejects.toMatchObject({ code: 'ENOENT' })
})

test('answers without a usable file say whose fault it is', async () => {
  await using vendor = await startVendor(routes, '127.0.0.2')
  const cases = [
    [{ status: 404 }, 'INVALID_INPUT'],
    [{ status: 403 }, 'INVALID_INPUT'],
    [{ status: 206, body: 'part' }, 'INVALID_INPUT'],
    [{ body: '' }, 'INVALID_INPUT'],
    [{ body: 'x', headers: { 'content-encoding': 'gzip' } }, 'INVALID_INPUT'],
    [{ status: 429 }, 'PROVIDER_UNAVAILABLE'],
    [{ status: 503 }, 'PROVIDER_UNAVAILABLE'],
    ['reset', 'PROVIDER_UNAVAILABLE'],
  ] as const
  for (const [fault, kind] of cases) {
    vendor.inject('GET /song.mp3', fault)
    const error = await failure(fromOutside(`${vendor.url}/song.mp3?sig=feedface`, path, options))
    expect(error.kind, JSON.stringify(fault)).toBe(kind)
    expect(error.message).not.toContain('feedface')
    expect(error.message).not.toContain('127.0.0.2:80')
  }
})

test('an abort ends the download with its reason and leaves nothing', async () => {
  await using server = await serve((_request, response) => void response.write('x'))
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('canceled')), 50)
  await expect(fromOutside(server.url, path, { ...options, signal: controller.signal })).rejects.toThrow('canceled')
  expect(await readdir(folder)).toEqual([])
})
