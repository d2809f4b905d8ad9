import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { fromBase64 } from '../../client/bytes.ts'
import { buildConditions, type Lock } from '../../client/conditions.ts'
import { createDecryption } from '../../client/decrypt.ts'
import type { ManifestDraft } from '../../client/manifest.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { encryption } from '../../worker/providers/encryption/index.ts'
import { conditionsOf, findKey } from '../../worker/providers/encryption/kept-key.ts'
import { proveAccess } from '../../worker/providers/encryption/prove.ts'
import { sealSong, writeManifest } from '../../worker/providers/encryption/seal-song.ts'
import { buyKey, createLock, type GateServer, startGateServer, walletOf } from '../api/key-gate-server.ts'
import { draftOf } from '../client/published-song.ts'
import { bytesOf, collect, inPieces } from '../client/random-bytes.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { chosen, testDeps } from '../support/provider.ts'

const { signal } = new AbortController()
let chain: TestChain
let gate: GateServer
let lock: Lock
let folder: string
const holder = () => walletOf(chain.buyer(0))
const stranger = () => walletOf(chain.buyer(1))

beforeAll(async () => {
  chain = await startTestChain()
  gate = await startGateServer({ locks: { id: async () => chain.chainId, reader: chain.client } })
  lock = await createLock(chain, 'The artist')
  await buyKey(chain, lock, chain.buyer(0))
  folder = await mkdtemp(join(tmpdir(), 'refrain-seal-'))
})
afterAll(async () => {
  await gate.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => gate.restart())

const provider = (environment: Record<string, string> = { PUBLIC_URL: 'https://api.test/refrain/' }) =>
  chosen(encryption, environment, { ...testDeps(), vault: () => gate.vault })

test('every key is another one under another id, kept with the condition it may be given out on', async () => {
  const conditions = buildConditions(lock)
  const [one, other] = await Promise.all([1, 2].map(() => provider().protect({ lock, conditions, signal })))
  expect(one.contentKey).toHaveLength(32)
  expect(one.contentKey).not.toEqual(other.contentKey)
  expect(one.access.keyId).not.toBe(other.access.keyId)
  expect(one.access).toMatchObject({ network: 'embedded', gateUrl: 'https://api.test/refrain/keys' })
  const kept = await findKey(gate.vault, one.access.keyId)
  if (!kept) throw new Error('the key was not kept')
  expect(conditionsOf(kept)).toEqual(conditions)
  expect(await provider().release(kept, { message: '', signature: '' }, { signal })).toEqual(one.contentKey)
  expect(await findKey(gate.vault, '0b0e1a3c-1111-4222-8333-444455556666')).toBe(null)
})

test('conditions of another lock are refused before there is a key', async () => {
  const count = async () => (await gate.client.pool.query('select from secrets')).rowCount
  const before = await count()
  const theirs = buildConditions({ ...lock, address: `0x${'22'.repeat(20)}` })
  const attempt = provider().protect({ lock, conditions: theirs, signal })
  await expect(attempt).rejects.toThrow(InvalidInput)
  await expect(attempt).rejects.toThrow('the song is not encrypted: expected the access conditions')
  expect(await count()).toBe(before)
})

test('the key gate’s address comes from how the API is reached', async () => {
  const gateUrl = async (environment: Record<string, string>) =>
    (await provider(environment).protect({ lock, conditions: buildConditions(lock), signal })).access.gateUrl
  expect(await gateUrl({})).toBe('http://127.0.0.1:4000/keys')
  expect(await gateUrl({ HOST: '0.0.0.0', PORT: '4100' })).toBe('http://localhost:4100/keys')
  expect(await gateUrl({ HOST: '::1', PORT: '4100' })).toBe('http://[::1]:4100/keys')
  expect(await gateUrl({ PORT: '0', PUBLIC_URL: 'https://api.test' })).toBe('https://api.test/keys')
  await expect(gateUrl({ PORT: '0' })).rejects.toThrow('set PUBLIC_URL')
})

async function draftFor(song: Uint8Array): Promise<{ draft: ManifestDraft; contentKey: Uint8Array<ArrayBuffer> }> {
  const { contentKey, access } = await gate.encryption.protect({ lock, conditions: buildConditions(lock), signal })
  return { contentKey, draft: await draftOf(song, access, lock) }
}

test('a song is encrypted from file to file, and what lies there opens to the song', async () => {
  for (const size of [0, 1, 65_536, 65_537, 300_000]) {
    const song = bytesOf(size)
    const [from, to] = [join(folder, `${size}.flac`), join(folder, `${size}.enc`)]
    await writeFile(from, song)
    const { draft, contentKey } = await draftFor(song)
    const sealed = await sealSong({ from, to, contentKey, draft, signal })
    const file = await readFile(to)
    expect(sealed.sizeBytes).toBe(file.length)
    const text = await writeManifest(draft, { uris: ['https://files.test/x'], ...sealed })
    expect(JSON.parse(text)).toEqual({ ...draft, ciphertext: { uris: ['https://files.test/x'], ...sealed } })
    const decryption = await createDecryption(fromBase64(sealed.header) ?? new Uint8Array(0), contentKey)
    expect(await collect(decryption.decrypt(inPieces(file, undefined, 100_000)))).toEqual(song)
  }
})

test('another file than the described one is not encrypted, and nothing is left behind', async () => {
  const song = bytesOf(200_000)
  const { draft, contentKey } = await draftFor(song)
  const changed = Uint8Array.from(song)
  changed[199_999] ^= 1
  const from = join(folder, 'other.flac')
  const to = join(folder, 'other.enc')
  for (const bytes of [changed, song.subarray(1), Buffer.concat([song, song]), new Uint8Array(0)]) {
    await writeFile(from, bytes)
    await expect(sealSong({ from, to, contentKey, draft, signal })).rejects.toThrow(/^expected a song of 200000 bytes/)
  }
  await expect(sealSong({ from: join(folder, 'gone'), to, contentKey, draft, signal })).rejects.toThrow('ENOENT')
  await writeFile(from, song)
  const controller = new AbortController()
  const stopped = sealSong({ from, to, contentKey, draft, signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(stopped).rejects.toThrow('enough')
  expect((await readdir(folder)).filter((name) => name.startsWith('other.enc'))).toEqual([])
})

test('a manifest that no player would accept is not written', async () => {
  const song = bytesOf(10)
  const { draft, contentKey } = await draftFor(song)
  const long = { ...draft, song: { ...draft.song, title: 'x'.repeat(2_000) } }
  await writeFile(join(folder, 'long'), song)
  const sealed = await sealSong({
    from: join(folder, 'long'),
    to: join(folder, 'long.enc'),
    contentKey,
    draft: long,
    signal,
  })
  await expect(writeManifest(long, { uris: ['x'], ...sealed })).rejects.toThrow(
    'song.title: expected text of 1 to 1000',
  )
  await expect(writeManifest(draft, { uris: ['x'], ...sealed })).rejects.toThrow(
    'made for a manifest with other contents',
  )
})

test('the proof: a holder decrypts the very song, a stranger is refused, and both are said', async () => {
  const { manifestUrl, manifest, song } = await gate.publish(lock)
  const proof = await proveAccess({ manifestUrl, lock, holder: holder(), stranger: stranger(), signal })
  expect(proof).toEqual({
    keyId: manifest.encryption.keyId,
    lock,
    conditionsHash: manifest.conditionsHash,
    holder: holder().address,
    stranger: stranger().address,
    decrypted: { sizeBytes: song.length, sha256: manifest.content.sha256 },
    refusal: 'NO_KEY',
    provenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  })
})

test('there is no proof when the holder is none, the stranger is a holder, the file is broken or the lock another', async () => {
  const { manifestUrl, manifest } = await gate.publish(lock)
  const prove = (change: Partial<Parameters<typeof proveAccess>[0]>) =>
    proveAccess({ manifestUrl, lock, holder: holder(), stranger: stranger(), signal, ...change })
  await expect(prove({ holder: stranger() })).rejects.toMatchObject({
    kind: 'CONFLICT',
    retryable: true,
    details: { reason: 'NO_KEY' },
  })
  await expect(prove({ stranger: holder() })).rejects.toThrow('gave the key to a wallet that holds none')
  await expect(prove({ lock: { ...lock, chainId: 1 } })).rejects.toMatchObject({ details: { code: 'OTHER_LOCK' } })
  const name = `${manifest.encryption.keyId}.enc`
  const file = gate.songs.get(name) ?? new Uint8Array(0)
  gate.songs.set(name, file.subarray(0, file.length - 1))
  await expect(prove({})).rejects.toMatchObject({ kind: 'CONFLICT', details: { code: 'CIPHERTEXT_CHANGED' } })
  gate.songs.delete(`${manifest.encryption.keyId}.json`)
  await expect(prove({})).rejects.toMatchObject({ kind: expect.stringMatching(/CONFLICT|PROVIDER_UNAVAILABLE/) })
})
