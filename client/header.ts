import type { Bytes } from './bytes.ts'
import { UnlockError } from './errors.ts'

/**
 * Bytes of the song in a chunk, unless a header says otherwise. A player that seeks fetches and decrypts at most this much
 * too much at either end (well under a second of FLAC); the tags cost 16 bytes in 65,536.
 */
export const CHUNK_BYTES = 65_536
/** The most a chunk may hold: what a reader must be able to keep in memory. */
export const MAX_CHUNK_BYTES = 16_777_216
/** GCM's tag, which follows each chunk. */
export const TAG_BYTES = 16
export const HEADER_BYTES = 116

/** `RFNSONG` and the number of the format. */
const MAGIC = Uint8Array.of(0x52, 0x46, 0x4e, 0x53, 0x4f, 0x4e, 0x47, 0x01)

/** What stands in clear before the first chunk. Every chunk's tag covers all of it. */
export interface Header {
  /** Bytes of the song in every chunk but the last, 1 to 16,777,216. */
  readonly chunkBytes: number
  /** Of the song. */
  readonly sizeBytes: number
  /** 32 random bytes: no two files are encrypted under one derived key, even from the same content key. */
  readonly salt: Bytes
  /** SHA-256 of the manifest without its `ciphertext`. */
  readonly binding: Bytes
  /** 32 bytes that only the right content key gives. */
  readonly commitment: Bytes
}

/** The 116 bytes: magic (8), chunk size (4), song size (8), salt (32), binding (32), commitment (32); numbers big-endian. */
export function encodeHeader(header: Header): Bytes {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC, 0)
  view.setUint32(8, header.chunkBytes)
  view.setBigUint64(12, BigInt(header.sizeBytes))
  bytes.set(header.salt, 20)
  bytes.set(header.binding, 52)
  bytes.set(header.commitment, 84)
  return bytes
}

/** @throws UnlockError CIPHERTEXT_CHANGED when these are not the 116 bytes of a header of this format */
export function parseHeader(bytes: Uint8Array): Header {
  if (bytes.length !== HEADER_BYTES || !MAGIC.every((byte, at) => byte === bytes[at])) {
    throw new UnlockError(
      'CIPHERTEXT_CHANGED',
      `expected a header of ${HEADER_BYTES} bytes that begins with RFNSONG, got ${bytes.length} bytes of something else`,
    )
  }
  const copy = Uint8Array.from(bytes)
  const view = new DataView(copy.buffer)
  const chunkBytes = view.getUint32(8)
  const sizeBytes = view.getBigUint64(12)
  if (chunkBytes < 1 || chunkBytes > MAX_CHUNK_BYTES) {
    throw new UnlockError(
      'CIPHERTEXT_CHANGED',
      `expected chunks of 1 to ${MAX_CHUNK_BYTES} bytes, the header says ${chunkBytes}`,
    )
  }
  if (sizeBytes > 2n ** 48n) {
    throw new UnlockError('CIPHERTEXT_CHANGED', `expected a song of at most 2^48 bytes, the header says ${sizeBytes}`)
  }
  return {
    chunkBytes,
    sizeBytes: Number(sizeBytes),
    salt: copy.slice(20, 52),
    binding: copy.slice(52, 84),
    commitment: copy.slice(84, 116),
  }
}

/** How many chunks a song has: one at least, which is empty when the song is. */
export function countChunks({ sizeBytes, chunkBytes }: Pick<Header, 'sizeBytes' | 'chunkBytes'>): number {
  return Math.max(1, Math.ceil(sizeBytes / chunkBytes))
}

/** Size of the whole encrypted file: header, chunks and their tags. */
export function ciphertextBytes(header: Pick<Header, 'sizeBytes' | 'chunkBytes'>): number {
  return HEADER_BYTES + header.sizeBytes + countChunks(header) * TAG_BYTES
}

/** The chunks that hold bytes `start` to `end` (not included) of the song, and where these lie in the encrypted file. */
export function locateRange(
  header: Pick<Header, 'sizeBytes' | 'chunkBytes'>,
  start: number,
  end: number,
): { readonly firstChunk: number; readonly chunkCount: number; readonly from: number; readonly to: number } {
  const { sizeBytes, chunkBytes } = header
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > sizeBytes) {
    throw new RangeError(`expected 0 ≤ start ≤ end ≤ ${sizeBytes}, got ${start} and ${end}`)
  }
  const firstChunk = Math.floor(start / chunkBytes)
  const chunkCount = end === start ? 0 : Math.floor((end - 1) / chunkBytes) - firstChunk + 1
  const sealedBytes = chunkBytes + TAG_BYTES
  const from = HEADER_BYTES + firstChunk * sealedBytes
  return { firstChunk, chunkCount, from, to: Math.min(from + chunkCount * sealedBytes, ciphertextBytes(header)) }
}
