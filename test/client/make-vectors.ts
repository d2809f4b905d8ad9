import { createCipheriv, createHash, hkdfSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'

/**
 * Writes `vectors.json` with node:crypto alone, from the description in docs/encryption.md: the vectors are a second opinion
 * on the format, not a copy of what the module happens to do.
 */
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const filled = (label: string, bytes: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 32) }, (_, i) => createHash('sha256').update(`${label} ${i}`).digest()),
  ).subarray(0, bytes)

function encrypt(song: Buffer, contentKey: Buffer, salt: Buffer, binding: Buffer, chunkBytes: number): Buffer {
  const derived = Buffer.from(hkdfSync('sha256', contentKey, salt, 'refrain encrypted song', 64))
  const header = Buffer.alloc(116)
  header.write('RFNSONG', 'latin1')
  header[7] = 1
  header.writeUInt32BE(chunkBytes, 8)
  header.writeBigUInt64BE(BigInt(song.length), 12)
  salt.copy(header, 20)
  binding.copy(header, 52)
  derived.copy(header, 84, 32)
  const chunks = Math.max(1, Math.ceil(song.length / chunkBytes))
  const parts: Buffer[] = [header]
  for (let index = 0; index < chunks; index++) {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(index, 7)
    nonce[11] = index === chunks - 1 ? 1 : 0
    const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), nonce).setAAD(header)
    parts.push(
      cipher.update(song.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
      cipher.final(),
      cipher.getAuthTag(),
    )
  }
  return Buffer.concat(parts)
}

const cases = [
  { name: 'empty', sizeBytes: 0, chunkBytes: 32, ranges: [[0, 0]] },
  {
    name: 'one byte',
    sizeBytes: 1,
    chunkBytes: 32,
    ranges: [
      [0, 1],
      [1, 1],
    ],
  },
  {
    name: 'exactly one chunk',
    sizeBytes: 32,
    chunkBytes: 32,
    ranges: [
      [0, 32],
      [5, 31],
    ],
  },
  {
    name: 'one chunk and a byte',
    sizeBytes: 33,
    chunkBytes: 32,
    ranges: [
      [31, 33],
      [32, 33],
      [0, 32],
    ],
  },
  {
    name: 'three chunks, the last one short',
    sizeBytes: 80,
    chunkBytes: 32,
    ranges: [
      [33, 34],
      [31, 65],
      [64, 80],
      [0, 80],
    ],
  },
  {
    name: 'the usual chunk size and a byte',
    sizeBytes: 65_537,
    chunkBytes: 65_536,
    ranges: [
      [65_530, 65_537],
      [0, 16],
    ],
  },
]

const vectors = cases.map(({ name, sizeBytes, chunkBytes, ranges }) => {
  const [song, contentKey, salt, binding] = [
    filled(`song: ${name}`, sizeBytes),
    filled(`content key: ${name}`, 32),
    filled(`salt: ${name}`, 32),
    filled(`binding: ${name}`, 32),
  ]
  const file = encrypt(song, contentKey, salt, binding, chunkBytes)
  const isShort = sizeBytes < 100
  return {
    name,
    contentKey: contentKey.toString('hex'),
    salt: salt.toString('hex'),
    binding: binding.toString('hex'),
    chunkBytes,
    song: { sizeBytes, sha256: sha256(song), ...(isShort ? { hex: song.toString('hex') } : {}) },
    file: {
      sizeBytes: file.length,
      sha256: sha256(file),
      headerHex: file.subarray(0, 116).toString('hex'),
      ...(isShort ? { hex: file.toString('hex') } : {}),
    },
    ranges: ranges.map(([start, end]) => {
      const [first, last] = [Math.floor(start / chunkBytes), Math.floor(Math.max(start, end - 1) / chunkBytes)]
      const from = 116 + first * (chunkBytes + 16)
      const to = start === end ? from : Math.min(116 + (last + 1) * (chunkBytes + 16), file.length)
      return { start, end, from, to, hex: song.subarray(start, end).toString('hex') }
    }),
  }
})

const description =
  'Songs without hex are made as the others are: byte blocks SHA-256("song: <name> <i>") for i = 0, 1, …, cut to size. Ranges: bytes start to end (not included) of the song, and the bytes from to to (not included) of the file that hold them.'
await writeFile(new URL('vectors.json', import.meta.url), `${JSON.stringify({ description, vectors }, null, 2)}\n`)
