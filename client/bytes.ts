/** Bytes that own their memory: what WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>

export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** @param hex an even number of hexadecimal digits; the caller has checked them */
export function fromHex(hex: string): Bytes {
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Standard base64 with padding; null when the text is anything else, other spellings of the same bytes included. */
export function fromBase64(text: string): Bytes | null {
  try {
    const binary = atob(text)
    if (btoa(binary) !== text) return null
    return Uint8Array.from(binary, (sign) => sign.charCodeAt(0))
  } catch {
    return null
  }
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

/** Cuts a stream of pieces of any size into pieces of exactly `size` bytes; the last one may be shorter, and is never empty. */
export async function* pieces(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Bytes> {
  let piece = new Uint8Array(size)
  let filled = 0
  for await (const part of source) {
    for (let at = 0; at < part.length; ) {
      const taken = Math.min(size - filled, part.length - at)
      piece.set(part.subarray(at, at + taken), filled)
      filled += taken
      at += taken
      if (filled === size) {
        yield piece
        // A piece that was handed out belongs to its reader.
        piece = new Uint8Array(size)
        filled = 0
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled)
}
