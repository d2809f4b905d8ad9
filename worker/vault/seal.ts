import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

export type Secret = Uint8Array<ArrayBuffer>

/** AES-256-GCM with a random nonce and the name as additional data: nonce, ciphertext, tag. */
export function seal(masterKey: Uint8Array, name: string, secret: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(Buffer.from(name))
  return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
}

/** Null when this was not sealed under this name with this master key, or was changed since. */
export function unseal(masterKey: Uint8Array, name: string, sealed: Uint8Array): Secret | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    const opened = [decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]
    return Uint8Array.from(Buffer.concat(opened))
  } catch {
    return null
  }
}

/** A name for a master key that tells it from others and nothing else about it: 16 hexadecimal digits. */
export function masterKeyId(masterKey: Uint8Array): string {
  return createHash('sha256').update('refrain master key ').update(masterKey).digest('hex').slice(0, 16)
}
