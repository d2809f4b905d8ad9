import { createHash } from 'node:crypto'

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A generator that gives the same numbers in [0, 1) for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function bytesOf(size: number, random = seeded(size)): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256))
}

/** Bytes as they come over a network: in pieces of any size, empty ones among them. */
export async function* inPieces(bytes: Uint8Array, random = seeded(7), largest = 50): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = Math.floor(random() * largest)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return Uint8Array.from(Buffer.concat(parts))
}
