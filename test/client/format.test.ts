import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../client/bytes.ts'
import { createDecryption } from '../../client/decrypt.ts'
import { createEncryption } from '../../client/encrypt.ts'
import { ciphertextBytes, encodeHeader, HEADER_BYTES, locateRange, parseHeader } from '../../client/header.ts'
import { Sha256 } from '../../client/sha256.ts'
import { bytesOf, collect, inPieces, seeded, sha256Of } from './random-bytes.ts'
import known from './vectors.json' with { type: 'json' }

const CHUNK = 32
const TAG = 16
const key = bytesOf(32, seeded(1))

async function encrypted(
  song: Uint8Array,
  options: { chunkBytes?: number; contentKey?: Uint8Array<ArrayBuffer> } = {},
) {
  const encryption = await createEncryption({
    contentKey: key,
    sizeBytes: song.length,
    binding: bytesOf(32, seeded(2)),
    chunkBytes: CHUNK,
    ...options,
  })
  return { header: encryption.headerBytes, file: await collect(encryption.encrypt(inPieces(song))), encryption }
}

async function decrypted(file: Uint8Array, contentKey = key): Promise<Uint8Array> {
  const decryption = await createDecryption(Uint8Array.from(file.subarray(0, HEADER_BYTES)), contentKey)
  return collect(decryption.decrypt(inPieces(file)))
}

describe('test vectors', () => {
  for (const vector of known.vectors) {
    test(`${vector.name}: encrypts to the known bytes, decrypts back, and so do its ranges`, async () => {
      const hex = 'hex' in vector.song ? vector.song.hex : undefined
      const song = hex === undefined ? madeSong(vector.name, vector.song.sizeBytes) : fromHex(hex)
      expect(sha256Of(song)).toBe(vector.song.sha256)
      const encryption = await createEncryption({
        contentKey: fromHex(vector.contentKey),
        sizeBytes: song.length,
        binding: fromHex(vector.binding),
        salt: fromHex(vector.salt),
        chunkBytes: vector.chunkBytes,
      })
      const file = await collect(encryption.encrypt(inPieces(song, seeded(3), 5000)))
      expect(toHex(file.subarray(0, HEADER_BYTES))).toBe(vector.file.headerHex)
      expect([file.length, sha256Of(file)]).toEqual([vector.file.sizeBytes, vector.file.sha256])
      expect(encryption.sizeBytes).toBe(file.length)
      if (vector.file.hex !== undefined) expect(toHex(file)).toBe(vector.file.hex)

      const decryption = await createDecryption(fromHex(vector.file.headerHex), fromHex(vector.contentKey))
      expect(sha256Of(await collect(decryption.decrypt(inPieces(file, seeded(4), 5000))))).toBe(vector.song.sha256)
      for (const { start, end, from, to, hex } of vector.ranges) {
        const asked: number[][] = []
        const range = decryption.range(start, end, (first, last) => {
          asked.push([first, last])
          return inPieces(file.subarray(first, last), seeded(5), 5000)
        })
        expect(toHex(await collect(range))).toBe(hex)
        expect(asked).toEqual(start === end ? [] : [[from, to]])
      }
    })
  }
})

function madeSong(name: string, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 32) }, (_, i) =>
    createHash('sha256').update(`song: ${name} ${i}`).digest(),
  )
  return Uint8Array.from(Buffer.concat(blocks).subarray(0, sizeBytes))
}

test('songs of every length around a chunk come back as they were', async () => {
  for (let size = 0; size <= CHUNK * 3 + 2; size++) {
    const song = bytesOf(size)
    const { file, encryption } = await encrypted(song)
    expect(file.length).toBe(ciphertextBytes(encryption.header))
    expect(await decrypted(file)).toEqual(song)
  }
})

test('any range decrypts to the same bytes as the slice of the song, from its own chunks only', async () => {
  const random = seeded(42)
  const song = bytesOf(5000)
  const { file, header, encryption } = await encrypted(song, { chunkBytes: 97 })
  const decryption = await createDecryption(header, key)
  for (let round = 0; round < 300; round++) {
    const [a, b] = [Math.floor(random() * 5001), Math.floor(random() * 5001)]
    const [start, end] = [Math.min(a, b), Math.max(a, b)]
    const located = locateRange(encryption.header, start, end)
    const part = await collect(decryption.range(start, end, (from, to) => inPieces(file.subarray(from, to), random)))
    expect(part).toEqual(song.slice(start, end))
    expect(located.to - located.from).toBeLessThanOrEqual(end - start + 2 * 97 + located.chunkCount * TAG)
  }
  const tooMuch = decryption.range(0, 97, (from, to) => inPieces(file.subarray(from, to + 113)))
  await expect(collect(tooMuch)).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  const tooLittle = decryption.range(0, 300, (from, to) => inPieces(file.subarray(from, to - 113)))
  await expect(collect(tooLittle)).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  await expect(collect(decryption.range(0, 5001, () => inPieces(file)))).rejects.toThrow(RangeError)
  await expect(collect(decryption.range(-1, 5, () => inPieces(file)))).rejects.toThrow(RangeError)
  await expect(collect(decryption.range(9, 5, () => inPieces(file)))).rejects.toThrow('expected 0 ≤ start ≤ end ≤ 5000')
})

test('a flipped bit is found out, wherever it is', async () => {
  const { file } = await encrypted(bytesOf(CHUNK * 2 + 5))
  for (let at = 0; at < file.length; at++) {
    const changed = Uint8Array.from(file)
    changed[at] ^= 1 << (at % 8)
    await expect(decrypted(changed), `byte ${at}`).rejects.toMatchObject({
      name: 'UnlockError',
      code: expect.stringMatching(/^(CIPHERTEXT_CHANGED|WRONG_KEY)$/),
    })
  }
})

test('swapped, doubled and left out chunks are found out', async () => {
  const { file } = await encrypted(bytesOf(CHUNK * 4))
  const sealed = CHUNK + TAG
  const chunks = [0, 1, 2, 3].map((i) => file.slice(HEADER_BYTES + i * sealed, HEADER_BYTES + (i + 1) * sealed))
  const header = file.slice(0, HEADER_BYTES)
  for (const order of [
    [1, 0, 2, 3],
    [0, 1, 3, 2],
    [0, 0, 2, 3],
    [0, 2, 3],
    [0, 1, 2, 2],
    [3, 1, 2, 0],
  ]) {
    const made = Buffer.concat([header, ...order.map((i) => chunks[i])])
    await expect(decrypted(made), order.join()).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  }
})

test('a chunk of another file under the same content key is found out', async () => {
  const [one, other] = [await encrypted(bytesOf(CHUNK * 2)), await encrypted(bytesOf(CHUNK * 2))]
  const mixed = Uint8Array.from(one.file)
  mixed.set(other.file.subarray(HEADER_BYTES, HEADER_BYTES + CHUNK + TAG), HEADER_BYTES)
  await expect(decrypted(mixed)).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
})

test('a file that was cut off anywhere is found out, at the edge of a chunk too', async () => {
  const { file } = await encrypted(bytesOf(CHUNK * 3))
  for (let size = HEADER_BYTES; size < file.length; size++) {
    await expect(decrypted(file.subarray(0, size)), `${size} bytes`).rejects.toMatchObject({
      code: 'CIPHERTEXT_CHANGED',
    })
  }
  await expect(decrypted(file.subarray(0, 50))).rejects.toThrow('expected a header of 116 bytes')
})

test('a shorter song cannot be passed off by a header with another size', async () => {
  const { file, encryption } = await encrypted(bytesOf(CHUNK * 3))
  const header = encodeHeader({ ...encryption.header, sizeBytes: CHUNK * 2 })
  const shorter = Buffer.concat([header, file.subarray(HEADER_BYTES, HEADER_BYTES + 2 * (CHUNK + TAG))])
  await expect(decrypted(shorter)).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
})

test('bytes after the end are found out', async () => {
  for (const size of [0, 5, CHUNK, CHUNK + 5]) {
    const { file } = await encrypted(bytesOf(size))
    for (const extra of [1, TAG, CHUNK + TAG]) {
      await expect(decrypted(Buffer.concat([file, bytesOf(extra)]))).rejects.toMatchObject({
        code: 'CIPHERTEXT_CHANGED',
      })
    }
    // A whole genuine chunk again, after the last one.
    const again = Buffer.concat([file, file.subarray(HEADER_BYTES)])
    await expect(decrypted(again)).rejects.toMatchObject({ code: 'CIPHERTEXT_CHANGED' })
  }
})

test('another key is told from a changed file before anything is decrypted', async () => {
  const { file } = await encrypted(bytesOf(100))
  await expect(decrypted(file, bytesOf(32, seeded(9)))).rejects.toMatchObject({ code: 'WRONG_KEY' })
  await expect(decrypted(file, bytesOf(31, seeded(9)))).rejects.toThrow('expected a content key of 32 bytes, got 31')
})

test('the same song under the same key never makes the same bytes twice', async () => {
  const song = bytesOf(CHUNK * 2)
  const [one, other] = [(await encrypted(song)).file, (await encrypted(song)).file]
  for (let at = HEADER_BYTES; at < one.length; at += 8) {
    expect(one.subarray(at, at + 8)).not.toEqual(other.subarray(at, at + 8))
  }
})

test('a source of another length than was said makes no whole file', async () => {
  const begin = () => createEncryption({ contentKey: key, sizeBytes: 50, binding: bytesOf(32), chunkBytes: CHUNK })
  for (const size of [0, 10, 32, 49, 51, 64, 200]) {
    await expect(collect((await begin()).encrypt(inPieces(bytesOf(size)))), `${size}`).rejects.toThrow(
      'the song was said to have 50 bytes',
    )
  }
  const once = await begin()
  await collect(once.encrypt(inPieces(bytesOf(50))))
  await expect(collect(once.encrypt(inPieces(bytesOf(50))))).rejects.toThrow('an encryption makes one file')
})

test('a header with impossible numbers is refused before memory is taken for it', async () => {
  const { encryption } = await encrypted(bytesOf(10))
  const view = (change: (view: DataView) => void) => {
    const bytes = encodeHeader(encryption.header)
    change(new DataView(bytes.buffer))
    return bytes
  }
  expect(() => parseHeader(view((v) => v.setUint32(8, 0)))).toThrow('expected chunks of 1 to 16777216 bytes')
  expect(() => parseHeader(view((v) => v.setUint32(8, 0xffffffff)))).toThrow('the header says 4294967295')
  expect(() => parseHeader(view((v) => v.setBigUint64(12, 2n ** 60n)))).toThrow('at most 2^48 bytes')
  expect(() => parseHeader(view((v) => v.setUint8(7, 2)))).toThrow('begins with RFNSONG')
  expect(parseHeader(encodeHeader(encryption.header))).toEqual(encryption.header)
})

test('the streamed SHA-256 is that of node:crypto, however the bytes come', () => {
  const random = seeded(11)
  for (let size = 0; size < 300; size++) {
    const bytes = bytesOf(size, random)
    const hash = new Sha256()
    for (let at = 0; at < size; ) {
      const piece = Math.floor(random() * 100)
      hash.update(bytes.subarray(at, at + piece))
      at += piece
    }
    expect(toHex(hash.digest())).toBe(sha256Of(bytes))
  }
  expect(toHex(new Sha256().update(bytesOf(1_000_003)).digest())).toBe(sha256Of(bytesOf(1_000_003)))
})

test('64 MB pass through in bounded memory, both ways', async () => {
  const sizeBytes = 64_000_000
  const block = bytesOf(1_000_000)
  async function* song() {
    for (let at = 0; at < sizeBytes; at += block.length) yield block
  }
  const encryption = await createEncryption({ contentKey: key, sizeBytes, binding: bytesOf(32) })
  const decryption = await createDecryption(encryption.headerBytes, key)
  const expected = createHash('sha256')
  for (let at = 0; at < sizeBytes; at += block.length) expected.update(block)
  const came = createHash('sha256')
  const before = memoryBytes()
  let peak = 0
  let pieces = 0
  const began = performance.now()
  for await (const chunk of decryption.decrypt(encryption.encrypt(song()))) {
    came.update(chunk)
    if (pieces++ % 100 === 0) peak = Math.max(peak, memoryBytes() - before)
  }
  expect(came.digest('hex')).toBe(expected.digest('hex'))
  expect(peak).toBeLessThan(48_000_000)
  console.info(
    `${Math.round((2 * sizeBytes) / 1e3 / (performance.now() - began))} MB/s, ${Math.round(peak / 1e6)} MB at most`,
  )
})

/** What is held, collected garbage apart where node was told to allow it. */
function memoryBytes(): number {
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}
