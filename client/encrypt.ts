import { type Bytes, pieces } from './bytes.ts'
import { deriveChunkKey } from './chunk-key.ts'
import { CHUNK_BYTES, ciphertextBytes, countChunks, encodeHeader, type Header, MAX_CHUNK_BYTES } from './header.ts'

export interface Encryption {
  readonly header: Header
  /** The header as it stands in the file. */
  readonly headerBytes: Bytes
  /** Of the whole encrypted file. */
  readonly sizeBytes: number
  /**
   * The encrypted file, piece by piece; no more than one chunk is in memory. May be called once.
   *
   * @throws RangeError when the source has more or fewer bytes than was said
   */
  encrypt(source: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes>
}

/**
 * Begins an encrypted file.
 *
 * @param options.sizeBytes of the song, which must be known before its first byte is encrypted
 * @param options.binding SHA-256 of the manifest without its `ciphertext`, see `bindingOf`
 * @param options.salt only to make the same file again, as test vectors do; never give the same one for two songs
 */
export async function createEncryption(options: {
  readonly contentKey: Bytes
  readonly sizeBytes: number
  readonly binding: Bytes
  readonly chunkBytes?: number
  readonly salt?: Bytes
}): Promise<Encryption> {
  const { contentKey, sizeBytes, binding, chunkBytes = CHUNK_BYTES } = options
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw new RangeError(`expected a size in bytes, got ${sizeBytes}`)
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1 || chunkBytes > MAX_CHUNK_BYTES) {
    throw new RangeError(`expected chunks of 1 to ${MAX_CHUNK_BYTES} bytes, got ${chunkBytes}`)
  }
  const salt = options.salt ?? crypto.getRandomValues(new Uint8Array(32))
  if (binding.length !== 32 || salt.length !== 32)
    throw new RangeError('expected a binding and a salt of 32 bytes each')
  const key = await deriveChunkKey(contentKey, salt)
  const header: Header = { chunkBytes, sizeBytes, salt, binding, commitment: key.commitment }
  const headerBytes = encodeHeader(header)
  const chunks = countChunks(header)
  let isUsed = false

  async function* encrypt(source: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
    if (isUsed) throw new RangeError('an encryption makes one file: begin another one')
    isUsed = true
    let index = 0
    let read = 0
    yield headerBytes
    for await (const chunk of pieces(source, chunkBytes)) {
      read += chunk.length
      if (read > sizeBytes) throw new RangeError(`the song was said to have ${sizeBytes} bytes, and has more`)
      // A chunk that is short before the end is found out below, before anything follows it.
      yield await key.seal(chunk, index, index === chunks - 1, headerBytes)
      index++
    }
    if (read < sizeBytes) throw new RangeError(`the song was said to have ${sizeBytes} bytes, and has ${read}`)
    if (sizeBytes === 0) yield await key.seal(new Uint8Array(0), 0, true, headerBytes)
  }

  return { header, headerBytes, sizeBytes: ciphertextBytes(header), encrypt }
}
