import { areEqual, type Bytes, pieces } from './bytes.ts'
import { deriveChunkKey } from './chunk-key.ts'
import { UnlockError } from './errors.ts'
import { countChunks, HEADER_BYTES, locateRange, parseHeader, TAG_BYTES } from './header.ts'

export interface Decryption {
  /** Of the song. */
  readonly sizeBytes: number
  /**
   * Decrypts a whole file, header included. What comes out is genuine; that nothing is missing is known only at the end.
   *
   * @throws UnlockError CIPHERTEXT_CHANGED
   */
  decrypt(file: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes>
  /**
   * Decrypts bytes `start` to `end` (not included) of the song.
   *
   * @param fetchBytes gives bytes `from` to `to` (not included) of the encrypted file; only what is needed is asked for
   * @throws RangeError outside the song; UnlockError CIPHERTEXT_CHANGED
   */
  range(
    start: number,
    end: number,
    fetchBytes: (from: number, to: number) => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Bytes>
}

/**
 * Begins to decrypt.
 *
 * @param headerBytes the first 116 bytes of the file
 * @throws UnlockError WRONG_KEY when the song was encrypted with another key; CIPHERTEXT_CHANGED for a broken header
 */
export async function createDecryption(headerBytes: Bytes, contentKey: Bytes): Promise<Decryption> {
  const header = parseHeader(headerBytes)
  const key = await deriveChunkKey(contentKey, header.salt)
  if (!areEqual(key.commitment, header.commitment)) {
    throw new UnlockError('WRONG_KEY', 'this is not the key the song was encrypted with')
  }
  const chunks = countChunks(header)
  const sealedBytes = header.chunkBytes + TAG_BYTES

  async function* open(sealed: AsyncIterable<Uint8Array>, firstChunk: number, count: number): AsyncGenerator<Bytes> {
    let index = firstChunk
    for await (const piece of pieces(sealed, sealedBytes)) {
      if (index === firstChunk + count) throw changed(`bytes follow after chunk ${index - 1}, where it should end`)
      const chunk = piece.length < TAG_BYTES ? null : await key.open(piece, index, index === chunks - 1, headerBytes)
      if (!chunk) throw changed(`chunk ${index} of ${chunks} is not what was encrypted`)
      yield chunk
      index++
    }
    if (index < firstChunk + count) throw changed(`it ends before chunk ${index} of ${chunks}`)
  }

  return {
    sizeBytes: header.sizeBytes,
    async *decrypt(file) {
      yield* open(withoutHeader(file, headerBytes), 0, chunks)
    },
    async *range(start, end, fetchBytes) {
      const { firstChunk, chunkCount, from, to } = locateRange(header, start, end)
      if (chunkCount === 0) return
      let position = firstChunk * header.chunkBytes
      for await (const chunk of open(fetchBytes(from, to), firstChunk, chunkCount)) {
        yield chunk.subarray(Math.max(0, start - position), Math.min(chunk.length, end - position))
        position += chunk.length
      }
    },
  }
}

/** Takes the header off and compares it: it was read from the manifest, and a file with another one is another file. */
async function* withoutHeader(file: AsyncIterable<Uint8Array>, header: Bytes): AsyncGenerator<Uint8Array> {
  let passed = 0
  for await (const part of file) {
    const inHeader = Math.min(HEADER_BYTES - passed, part.length)
    if (!areEqual(part.subarray(0, inHeader), header.subarray(passed, passed + inHeader))) {
      throw changed('its header is not the expected one')
    }
    passed += inHeader
    if (inHeader < part.length) yield part.subarray(inHeader)
  }
  if (passed < HEADER_BYTES) throw changed('it ends within its header')
}

const changed = (what: string) => new UnlockError('CIPHERTEXT_CHANGED', `the encrypted file was changed: ${what}`)
