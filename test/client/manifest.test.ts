import { expect, test } from 'vitest'
import { toBase64 } from '../../client/bytes.ts'
import { canonicalJson } from '../../client/canonical-json.ts'
import { buildConditions, hashConditions } from '../../client/conditions.ts'
import { encodeHeader, parseHeader } from '../../client/header.ts'
import { bindingOf, type Manifest } from '../../client/manifest.ts'
import { readManifest } from '../../client/parse-manifest.ts'
import { publishSong } from './published-song.ts'

const GATE = 'https://gate.test/keys'
const { manifest } = await publishSong(GATE)

const read = (value: unknown) => readManifest(JSON.stringify(value))
/** The manifest with another value at a path. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(manifest) as unknown as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = copy
  for (const name of names) at = at[name] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}

test('a manifest is read back as it was written, whatever the order of its fields', async () => {
  expect((await read(manifest)).manifest).toEqual(manifest)
  const reversed = Object.fromEntries(Object.entries(manifest).reverse())
  expect((await read(reversed)).manifest).toEqual(manifest)
})

test('a field that is missing, of another type, unknown or out of bounds is named', async () => {
  const cases: [string, unknown, string][] = [
    ['version', 2, 'version: expected 1, got 2'],
    ['version', undefined, 'the manifest: the field version is missing'],
    ['kind', 'other', 'kind: expected "refrain/encrypted-song"'],
    ['extra', 1, 'the field "extra" is not known'],
    ['content', null, 'content: expected an object, got null'],
    ['content', [], 'content: expected an object'],
    ['content.kind', 'the vocals', 'content.kind: expected "enhanced instrumental, full"'],
    ['content.sizeBytes', -1, 'content.sizeBytes: expected a whole number, got -1'],
    ['content.sizeBytes', '1000', 'content.sizeBytes: expected a whole number'],
    ['content.sha256', 'AB'.repeat(32), 'content.sha256: expected 64 hexadecimal digits'],
    ['content.contentType', 'audio/flac\r\nx: y', 'content.contentType: expected a MIME type'],
    ['song.title', '', 'song.title: expected text of 1 to 1000 characters'],
    ['song.title', 'x'.repeat(1001), 'song.title: expected text of 1 to 1000 characters'],
    ['song.clipHash', '0x12', 'song.clipHash: expected 0x and 64 hexadecimal digits'],
    ['lock.address', '0xE34FC1e6ba30da5f67a7aff9e7d6e21b3b0e1111', 'lock.address: expected an address in lower case'],
    ['lock.chainId', 1.5, 'lock.chainId: expected a whole number'],
    ['encryption.keyId', '../../etc', 'encryption.keyId: expected a UUID'],
    ['encryption.algorithm', 'none', 'encryption.algorithm: expected'],
    ['encryption.network', 'other', 'encryption.network: expected "embedded", got "other"'],
    ['encryption.gateUrl', 'javascript:alert(1)', 'encryption.gateUrl: expected an HTTP address'],
    ['encryption.gateUrl', `${GATE}/`, 'encryption.gateUrl: expected an HTTP address'],
    ['encryption.sealedKey', 'x', 'encryption: the field "sealedKey" is not known'],
    ['ciphertext.uris', [], 'ciphertext.uris: expected 1 to 20 addresses'],
    ['ciphertext.uris', ['ok', 5], 'ciphertext.uris[1]: expected text'],
    ['ciphertext.header', 'AAAA', 'ciphertext.header: expected 116 bytes in base64'],
    ['ciphertext.header', '!', 'ciphertext.header: expected 116 bytes in base64'],
  ]
  for (const [path, value, message] of cases) {
    const error = await read(changed(path, value)).catch((thrown) => thrown)
    expect(error, path).toMatchObject({ name: 'UnlockError', code: 'BAD_MANIFEST' })
    expect(error.message).toContain(message)
  }
})

test('text that is no manifest at all is refused with a few words of it', async () => {
  for (const text of ['', 'null', '[]', '"x"', '<html>', '{"version":1', 'x'.repeat(300_000)]) {
    await expect(readManifest(text)).rejects.toMatchObject({ code: 'BAD_MANIFEST' })
  }
  await expect(readManifest('<html>not here</html>')).rejects.toThrow(
    'expected JSON, got text beginning with "<html>not here',
  )
})

test('a change of anything but the ciphertext’s addresses and hash is found out without the key', async () => {
  const otherLock = { ...manifest.lock, address: `0x${'22'.repeat(20)}` }
  const otherConditions = buildConditions(otherLock)
  const consistentLockSwap: Manifest = {
    ...manifest,
    lock: otherLock,
    accessControlConditions: otherConditions,
    conditionsHash: await hashConditions(otherConditions),
  }
  const tampered: [string, unknown][] = [
    ['only the lock', { ...manifest, lock: otherLock }],
    ['only the conditions', { ...manifest, accessControlConditions: otherConditions }],
    ['lock, conditions and their hash together', consistentLockSwap],
    ['the chain', changed('lock.chainId', 1)],
    ['the hash of the conditions', changed('conditionsHash', '0'.repeat(64))],
    ['the gate', changed('encryption.gateUrl', 'https://evil.test/keys')],
    ['the key id', changed('encryption.keyId', '0b0e1a3c-1111-4222-8333-444455557777')],
    ['the hash of the song', changed('content.sha256', '0'.repeat(64))],
    ['the type of the song', changed('content.contentType', 'text/html')],
    ['the size of the song', changed('content.sizeBytes', 999)],
    ['the title', changed('song.title', 'Another one')],
    ['the clip', changed('song.clipHash', `0x${'cd'.repeat(32)}`)],
    ['the track', changed('song.trackId', null)],
    ['the size of the file', changed('ciphertext.sizeBytes', manifest.ciphertext.sizeBytes + 1)],
    ['the size of the chunks', changed('ciphertext.chunkBytes', 32)],
  ]
  for (const [what, value] of tampered) {
    await expect(read(value), what).rejects.toMatchObject({ name: 'UnlockError', code: 'MANIFEST_CHANGED' })
  }
  await expect(read(changed('ciphertext.uris', ['https://mirror.test/x']))).resolves.toBeTruthy()
})

test('a manifest whose header was rewritten with it needs a file that nobody can make without the key', async () => {
  const { file, contentKey } = await publishSong(GATE)
  const evil: Manifest = { ...manifest, song: { ...manifest.song, title: 'Another one' } }
  const header = parseHeader(Uint8Array.from(Buffer.from(manifest.ciphertext.header, 'base64')))
  const rewritten = encodeHeader({ ...header, binding: await bindingOf(evil) })
  const text = { ...evil, ciphertext: { ...evil.ciphertext, header: toBase64(rewritten) } }
  const { headerBytes } = await read(text)
  const { createDecryption } = await import('../../client/decrypt.ts')
  const decryption = await createDecryption(headerBytes, contentKey)
  const made = Buffer.concat([rewritten, file.subarray(116)])
  async function* source() {
    yield made
  }
  await expect(decryption.decrypt(source()).next()).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
})

test('canonical JSON is that of RFC 8785 for what manifests hold', () => {
  expect(canonicalJson({ b: [1, 'x', null], a: { ö: true, Z: 'é\n"', a: -5 }, skipped: undefined })).toBe(
    '{"a":{"Z":"é\\n\\"","a":-5,"ö":true},"b":[1,"x",null]}',
  )
})
