import { execFile } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Wallet } from '../../client/ask-key.ts'
import { unlockSong } from '../../client/unlock-song.ts'
import { type Reply, startVendor, type Vendor, type VendorRequest } from '../support/vendor.ts'
import { LOCK, type PublishedSong, publishSong } from './published-song.ts'
import { collect, seeded } from './random-bytes.ts'

const checkout = join(import.meta.dirname, '../..')
const ADDRESS = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

let vendor: Vendor
let published: PublishedSong
let files: Record<string, Uint8Array>
let manifest: unknown
let knowsRanges: boolean
let signed: string[]
const wallet: Wallet = {
  address: ADDRESS,
  async signMessage(message) {
    signed.push(message)
    return '0x5167'
  },
}

beforeAll(async () => {
  vendor = await startVendor({
    'GET /songs/manifest.json': () => ({ json: manifest }),
    'GET /files/*': (request, [name]) => sendFile(request, files[name]),
    'POST /keys/nonce': () => ({
      json: { nonce: 'abcdefgh12345678', issuedAt: '2030-01-01T00:00:00.000Z', expiresAt: '2030-01-01T00:10:00.000Z' },
    }),
    'POST /keys/release': () => ({ json: { contentKey: Buffer.from(published.contentKey).toString('base64') } }),
  })
  published = await publishSong(`${vendor.url}/keys`, 5000)
})
afterAll(() => vendor.close())
beforeEach(() => {
  vendor.requests.length = 0
  manifest = published.manifest
  files = { 'song.enc': published.file }
  knowsRanges = true
  signed = []
})

function sendFile(request: VendorRequest, file: Uint8Array | undefined): Reply {
  if (!file) return { status: 404, json: {} }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (!range || !knowsRanges) return { body: file }
  const [from, to] = [Number(range[1]), Number(range[2]) + 1]
  return {
    status: 206,
    headers: { 'content-range': `bytes ${from}-${to - 1}/${file.length}` },
    body: file.subarray(from, to),
  }
}

const open = (options: Partial<Parameters<typeof unlockSong>[0]> = {}) =>
  unlockSong({ manifestUrl: `${vendor.url}/songs/manifest.json`, wallet, ...options })
const withCiphertext = (change: object) => ({
  ...published.manifest,
  ciphertext: { ...published.manifest.ciphertext, ...change },
})
const asked = (path: string) => vendor.requests.filter((request) => request.path.startsWith(path))

test('a gate that has moved is asked, and signed for, where the caller says it is', async () => {
  const moved = await publishSong('http://127.0.0.1:1/keys', 5000)
  manifest = moved.manifest
  files = { 'song.enc': moved.file }
  await expect(open()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(signed).toEqual([])
  const song = await open({ gateUrl: `${vendor.url}/keys/` })
  expect(signed).toHaveLength(1)
  expect(signed[0]).toContain(`\nURI: ${vendor.url}/keys\n`)
  expect(signed[0]).toMatch(new RegExp(`^${new URL(vendor.url).host} wants you to sign in`))
  expect(await collect(song.stream())).toEqual(moved.song)
})

test('a song opens: the right message is signed once, and the bytes are the song', async () => {
  const song = await open()
  expect([song.contentType, song.sizeBytes]).toEqual(['audio/flac', 5000])
  expect(await collect(song.stream())).toEqual(published.song)
  expect(signed).toEqual([
    [
      `${new URL(vendor.url).host} wants you to sign in with your Ethereum account:`,
      ADDRESS,
      '',
      'Open this song with the key I hold. Signing costs nothing and moves nothing.',
      '',
      `URI: ${vendor.url}/keys`,
      'Version: 1',
      'Chain ID: 8453',
      'Nonce: abcdefgh12345678',
      'Issued At: 2030-01-01T00:00:00.000Z',
      'Expiration Time: 2030-01-01T00:10:00.000Z',
      'Resources:',
      `- urn:uuid:${published.manifest.encryption.keyId}`,
    ].join('\n'),
  ])
  expect(asked('/keys/release')[0].json()).toEqual({
    message: signed[0],
    signature: '0x5167',
    keyId: published.manifest.encryption.keyId,
  })
})

test('ranges are the slices of the song, and only their chunks are fetched', async () => {
  const song = await open()
  const random = seeded(3)
  for (let round = 0; round < 40; round++) {
    const start = Math.floor(random() * 5001)
    const end = start + Math.floor(random() * (5001 - start))
    vendor.requests.length = 0
    expect(await collect(song.range(start, end))).toEqual(published.song.slice(start, end))
    if (start === end) expect(vendor.requests).toHaveLength(0)
    else {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked('/files/')[0].headers.range ?? '') ?? []
      const chunks = Math.floor((end - 1) / 64) - Math.floor(start / 64) + 1
      expect(Number(to) + 1 - Number(from)).toBeLessThanOrEqual(chunks * 80)
    }
  }
  await expect(collect(song.range(10, 5001))).rejects.toThrow(RangeError)
})

test('ranges work from a server that knows none, and from one that answers another range not at all', async () => {
  knowsRanges = false
  const song = await open()
  expect(await collect(song.range(1000, 2100))).toEqual(published.song.slice(1000, 2100))
  vendor.inject('GET /files/song.enc', {
    status: 206,
    headers: { 'content-range': `bytes 0-9/${published.file.length}` },
    body: published.file.subarray(0, 10),
  })
  await expect(collect(song.range(1000, 2100))).rejects.toMatchObject({ code: 'UNREACHABLE' })
})

test('ranges work where a page may not see which bytes were sent, and other bytes are no song there either', async () => {
  const song = await open()
  // The chunks of 64 bytes that hold the range, each with its tag, behind the header.
  const [from, to] = [116 + 15 * 80, 116 + 33 * 80]
  const hidden = (at: number) => ({ status: 206, body: published.file.subarray(from + at, to + at) })
  vendor.inject('GET /files/song.enc', hidden(0), hidden(80))
  expect(await collect(song.range(1000, 2100))).toEqual(published.song.slice(1000, 2100))
  await expect(collect(song.range(1000, 2100))).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
})

test('when one address does not give the file the next one does; when none does, it says so', async () => {
  manifest = withCiphertext({ uris: [`${vendor.url}/files/gone`, 'http://127.0.0.1:9/nobody', '/files/song.enc'] })
  expect(await collect((await open()).stream())).toEqual(published.song)
  files = {}
  const error = await collect((await open()).stream()).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'UNREACHABLE' })
  expect(error.message).toContain('none of 3 addresses gave the file')
})

test('addresses of another scheme go through the given resolver, and are refused without one', async () => {
  manifest = withCiphertext({ uris: ['ipfs://song.enc'] })
  const resolveUri = (uri: string) => uri.replace('ipfs://', `${vendor.url}/files/`)
  expect(await collect((await open({ resolveUri })).stream())).toEqual(published.song)
  await expect(open()).rejects.toThrow('expected an HTTP address, got "ipfs://song.enc"')
  manifest = withCiphertext({ uris: ['ipfs://song.enc', '/files/song.enc'] })
  expect(await collect((await open()).stream())).toEqual(published.song)
  await expect(open({ manifestUrl: 'file:///etc/passwd' })).rejects.toMatchObject({ code: 'BAD_MANIFEST' })
})

test('a file that was flipped, cut off, extended or replaced never passes as the song', async () => {
  const flipped = Uint8Array.from(published.file)
  flipped[3000] ^= 1
  const other = (await publishSong(`${vendor.url}/keys`, 5000)).file
  const faults: Record<string, Uint8Array> = {
    flipped,
    'cut off': published.file.subarray(0, 116 + 20 * 80),
    extended: Buffer.concat([published.file, published.file.subarray(116, 196)]),
    'another encryption of the same song': other,
    empty: new Uint8Array(0),
  }
  for (const [what, file] of Object.entries(faults)) {
    files = { 'song.enc': file }
    await expect(collect((await open()).stream()), what).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  }
  files = { 'song.enc': flipped }
  const song = await open()
  await expect(collect(song.range(2300, 2500))).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  expect(await collect(song.range(0, 500))).toEqual(published.song.slice(0, 500))
})

test('an answer that breaks off is a fault of the way, not of the file', async () => {
  const song = await open()
  vendor.inject('GET /files/song.enc', 'truncate')
  await expect(collect(song.stream())).rejects.toMatchObject({ code: 'UNREACHABLE' })
})

test('the hash of the encrypted file is compared too', async () => {
  manifest = withCiphertext({ sha256: '0'.repeat(64) })
  await expect(collect((await open()).stream())).rejects.toMatchObject({ code: 'MANIFEST_CHANGED' })
})

test('a song that is not what its manifest said from the beginning is found out at the end', async () => {
  const lie = await publishSong(`${vendor.url}/keys`, 5000, { sha256: '0'.repeat(64) })
  manifest = lie.manifest
  files = { 'song.enc': lie.file }
  await expect(collect((await open()).stream())).rejects.toThrow("the song has another SHA-256 than the manifest's")
})

test('for a manifest with another gate or lock nothing is signed and no gate is asked', async () => {
  const { lock, encryption } = published.manifest
  for (const change of [
    { encryption: { ...encryption, gateUrl: `${vendor.url}/evil` } },
    { lock: { ...lock, address: `0x${'22'.repeat(20)}` } },
    { content: { ...published.manifest.content, sha256: '0'.repeat(64) } },
  ]) {
    manifest = { ...published.manifest, ...change }
    await expect(open()).rejects.toMatchObject({ code: 'MANIFEST_CHANGED' })
  }
  expect(signed).toEqual([])
  expect(vendor.requests.filter(({ method }) => method === 'POST')).toEqual([])
})

test('a song locked by another lock than the caller expects is not opened, and nothing is signed', async () => {
  for (const lock of [
    { ...LOCK, chainId: 1 },
    { ...LOCK, address: `0x${'22'.repeat(20)}` },
  ]) {
    await expect(open({ lock })).rejects.toMatchObject({ code: 'OTHER_LOCK' })
  }
  expect(signed).toEqual([])
  await expect(
    open({ lock: { ...LOCK, address: LOCK.address.toUpperCase().replace('0X', '0x') } }),
  ).resolves.toBeTruthy()
})

test('a key of another song is told from a changed file', async () => {
  vendor.inject('POST /keys/release', { json: { contentKey: Buffer.alloc(32, 7).toString('base64') } })
  await expect(open()).rejects.toMatchObject({ code: 'WRONG_KEY' })
})

test("the gate's refusals and failures come with its own code", async () => {
  const answers: [Reply, object][] = [
    [
      { status: 403, json: { error: 'no', code: 'NO_KEY' } },
      { code: 'REFUSED', reason: 'NO_KEY' },
    ],
    [
      { status: 503, json: { error: 'later', code: 'CHAIN_UNAVAILABLE' } },
      { code: 'UNREACHABLE', reason: 'CHAIN_UNAVAILABLE' },
    ],
    [{ status: 429, json: { error: 'slow', code: 'TOO_MANY_REQUESTS' } }, { code: 'UNREACHABLE' }],
    [
      { status: 502, body: '<html>' },
      { code: 'UNREACHABLE', reason: 'HTTP_502' },
    ],
    [
      { status: 404, body: 'nothing' },
      { code: 'REFUSED', reason: 'HTTP_404' },
    ],
    [{ json: { contentKey: 'short' } }, { code: 'UNREACHABLE' }],
    [{ json: { other: 1 } }, { code: 'UNREACHABLE' }],
    [{ json: null }, { code: 'UNREACHABLE' }],
  ]
  for (const [reply, expected] of answers) {
    vendor.inject('POST /keys/release', reply)
    await expect(open(), JSON.stringify(reply)).rejects.toMatchObject({ name: 'UnlockError', ...expected })
  }
})

test('a signature is not sent on by a redirect', async () => {
  vendor.inject('POST /keys/release', { status: 307, headers: { location: `${vendor.url}/evil` }, body: '' })
  await expect(open()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(asked('/evil')).toEqual([])
})

test('a manifest that is gone, too large or no text is an error that says where', async () => {
  vendor.inject('GET /songs/manifest.json', { status: 404, body: '' })
  await expect(open()).rejects.toThrow('/songs/manifest.json answered 404')
  vendor.inject('GET /songs/manifest.json', { body: new Uint8Array(300_000) })
  await expect(open()).rejects.toMatchObject({ code: 'BAD_MANIFEST' })
  vendor.inject('GET /songs/manifest.json', 'reset')
  const error = await open({ manifestUrl: `${vendor.url}/songs/manifest.json?token=geheim` }).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'UNREACHABLE' })
  expect(error.message).not.toContain('geheim')
})

test('an abort ends everything with its own reason', async () => {
  const reason = new Error('enough')
  await expect(open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const controller = new AbortController()
  const stopping: Wallet = {
    address: ADDRESS,
    async signMessage() {
      controller.abort(reason)
      return '0x'
    },
  }
  await expect(open({ wallet: stopping, signal: controller.signal })).rejects.toBe(reason)
})

test('who stops reading stops the download', async () => {
  const reader = (await open()).stream().getReader()
  expect((await reader.read()).value).toEqual(published.song.slice(0, 64))
  await reader.cancel()
  expect(asked('/files/')).toHaveLength(1)
})

test('neither key nor signature stands in what is thrown or can be written out', async () => {
  files = { 'song.enc': published.file.subarray(0, 500) }
  const song = await open()
  const error = await collect(song.stream()).catch((thrown) => thrown)
  const shown = `${JSON.stringify(song)} ${JSON.stringify(error)} ${error.stack} ${error.cause}`
  expect(shown).not.toContain(Buffer.from(published.contentKey).toString('base64'))
  expect(shown).not.toContain(Buffer.from(published.contentKey).toString('hex'))
  expect(shown).not.toContain('0x5167')
})

test('the module needs nothing of Node and nothing of the project: it compiles against a browser alone', async () => {
  for await (const path of glob('client/*.ts', { cwd: checkout })) {
    const imports = [...(await readFile(join(checkout, path), 'utf8')).matchAll(/from '([^']+)'/g)].map(
      ([, from]) => from,
    )
    for (const from of imports) expect(from, path).toMatch(/^\.\/[a-z0-9-]+\.ts$/)
  }
  const tsc = createRequire(import.meta.url).resolve('typescript/package.json')
  const options = ['--noEmit', '--strict', '--target', 'es2024', '--lib', 'es2024,dom,dom.iterable', '--types', '']
  const modules = [
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    '--allowImportingTsExtensions',
    '--ignoreConfig',
  ]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(tsc, '../bin/tsc'), ...options, ...modules, 'client/index.ts'],
    { cwd: checkout },
  ).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})
