import type { Bytes } from './bytes.ts'

const BLOCK_BYTES = 64

/** The first 32 bits of the fractional parts of a root of the first `count` primes. */
function rootFractions(count: number, root: (prime: number) => number): Int32Array {
  // Signed, as engines compute with 32 bits.
  const words = new Int32Array(count)
  let found = 0
  for (let candidate = 2; found < count; candidate++) {
    let isPrime = true
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false
    if (isPrime) words[found++] = Math.floor((root(candidate) % 1) * 2 ** 32)
  }
  return words
}

const ROUND_CONSTANTS = rootFractions(64, Math.cbrt)
const INITIAL_STATE = rootFractions(8, Math.sqrt)

/**
 * SHA-256 of bytes that come piece by piece, which WebCrypto cannot do: its `digest` wants the whole file in memory.
 *
 * @see FIPS 180-4, https://doi.org/10.6028/NIST.FIPS.180-4
 * @example new Sha256().update(first).update(second).digest() // 32 bytes
 */
export class Sha256 {
  readonly #state = INITIAL_STATE.slice()
  readonly #schedule = new Int32Array(64)
  readonly #block = new Uint8Array(BLOCK_BYTES)
  #length = 0

  update(bytes: Uint8Array): this {
    const held = this.#length % BLOCK_BYTES
    this.#length += bytes.length
    let at = 0
    if (held > 0) {
      at = Math.min(BLOCK_BYTES - held, bytes.length)
      this.#block.set(bytes.subarray(0, at), held)
      if (held + at < BLOCK_BYTES) return this
      this.#compress(this.#block, 0)
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) this.#compress(bytes, at)
    this.#block.set(bytes.subarray(at))
    return this
  }

  /** The 32 bytes of the hash. Nothing can be added afterwards. */
  digest(): Bytes {
    const bits = this.#length * 8
    const held = this.#length % BLOCK_BYTES
    const padding = new Uint8Array((held < 56 ? 64 : 128) - held)
    padding[0] = 0x80
    const view = new DataView(padding.buffer)
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32))
    view.setUint32(padding.length - 4, bits >>> 0)
    this.update(padding)
    const hash = new Uint8Array(32)
    const words = new DataView(hash.buffer)
    this.#state.forEach((word, index) => {
      words.setInt32(index * 4, word)
    })
    return hash
  }

  #compress(bytes: Uint8Array, offset: number): void {
    const schedule = this.#schedule
    const state = this.#state
    for (let t = 0, at = offset; t < 16; t++, at += 4) {
      schedule[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
    }
    for (let t = 16; t < 64; t++) {
      const x = schedule[t - 15]
      const y = schedule[t - 2]
      const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      schedule[t] = schedule[t - 16] + small0 + schedule[t - 7] + small1
    }
    let a = state[0]
    let b = state[1]
    let c = state[2]
    let d = state[3]
    let e = state[4]
    let f = state[5]
    let g = state[6]
    let h = state[7]
    for (let t = 0; t < 64; t++) {
      const large1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const choice = (e & f) ^ (~e & g)
      const first = (h + large1 + choice + ROUND_CONSTANTS[t] + schedule[t]) | 0
      const large0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const majority = (a & b) ^ (a & c) ^ (b & c)
      h = g
      g = f
      f = e
      e = (d + first) | 0
      d = c
      c = b
      b = a
      a = (first + large0 + majority) | 0
    }
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h
  }
}
