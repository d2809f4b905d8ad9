import type { Bytes } from './bytes.ts'

export const CONTENT_KEY_BYTES = 32

/** Encrypts and decrypts single chunks of one file. */
export interface ChunkKey {
  /** 32 bytes that only this content key gives with this salt. */
  readonly commitment: Bytes
  seal(chunk: Bytes, index: number, isLast: boolean, header: Bytes): Promise<Bytes>
  /** Null when the chunk is not what was sealed with this key, in this place, under this header. */
  open(sealed: Bytes, index: number, isLast: boolean, header: Bytes): Promise<Bytes | null>
}

const INFO = new TextEncoder().encode('refrain encrypted song')

/**
 * The key of one file's chunks: HKDF-SHA-256 of the content key and the file's salt gives 64 bytes, of which the first half is
 * the AES-256 key and the second half the commitment. GCM alone does not commit to its key: without the commitment, bytes could
 * be made that open to something else under another one.
 */
export async function deriveChunkKey(contentKey: Bytes, salt: Bytes): Promise<ChunkKey> {
  if (contentKey.length !== CONTENT_KEY_BYTES) {
    throw new RangeError(`expected a content key of ${CONTENT_KEY_BYTES} bytes, got ${contentKey.length}`)
  }
  const source = await crypto.subtle.importKey('raw', contentKey, 'HKDF', false, ['deriveBits'])
  const bits = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: INFO }, source, 512)
  const key = await crypto.subtle.importKey('raw', bits.slice(0, 32), 'AES-GCM', false, ['encrypt', 'decrypt'])
  const parameters = (index: number, isLast: boolean, header: Bytes) => ({
    name: 'AES-GCM',
    iv: nonceOf(index, isLast),
    additionalData: header,
  })
  return {
    commitment: new Uint8Array(bits.slice(32)),
    async seal(chunk, index, isLast, header) {
      return new Uint8Array(await crypto.subtle.encrypt(parameters(index, isLast, header), key, chunk))
    },
    async open(sealed, index, isLast, header) {
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(index, isLast, header), key, sealed))
      } catch {
        // WebCrypto says no more than that it failed.
        return null
      }
    },
  }
}

/** 12 bytes: the chunk's number from 0 in the first 11, big-endian, then 1 for the last chunk of the file, else 0. */
function nonceOf(index: number, isLast: boolean): Bytes {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(3, BigInt(index))
  nonce[11] = isLast ? 1 : 0
  return nonce
}
