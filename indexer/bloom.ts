import { keccak256 } from 'viem'
import type { Log } from './answers.ts'

/** Bits of a log bloom. */
const BLOOM_BITS = 2_048
const HEX_DIGITS = BLOOM_BITS / 4

/**
 * The filter in a block's header that says which addresses and topics its logs may have: never no wrongly, sometimes yes.
 *
 * @see Ethereum Yellow Paper, section 4.3.1
 */
export class Bloom {
  readonly #bytes: Buffer

  constructor(bytes: Buffer = Buffer.alloc(BLOOM_BITS / 8)) {
    this.#bytes = bytes
  }

  /** Of a header's `logsBloom`; null when the chain keeps none there (absent, of another length, or empty). */
  static read(hex: string | null | undefined): Bloom | null {
    if (!hex || hex.length !== HEX_DIGITS + 2) return null
    const bytes = Buffer.from(hex.slice(2), 'hex')
    return bytes.every((byte) => byte === 0) ? null : new Bloom(bytes)
  }

  static of(logs: readonly Log[]): Bloom {
    const bloom = new Bloom()
    for (const { address, topics } of logs) {
      bloom.#add(address)
      for (const topic of topics) bloom.#add(topic)
    }
    return bloom
  }

  /** @param hex an address or a topic */
  mayHave(hex: string): boolean {
    return bitsOf(hex).every((bit) => (this.#bytes[bit >>> 3] & (1 << (bit & 7))) !== 0)
  }

  equals(other: Bloom): boolean {
    return this.#bytes.equals(other.#bytes)
  }

  #add(hex: string): void {
    for (const bit of bitsOf(hex)) this.#bytes[bit >>> 3] |= 1 << (bit & 7)
  }
}

/** Addresses and signatures come again and again; other topics hardly. */
const known = new Map<string, readonly number[]>()
const MAX_KNOWN = 20_000

/** Positions as byte times eight plus bit, of the three bits that stand for a value. */
function bitsOf(hex: string): readonly number[] {
  const found = known.get(hex)
  if (found) return found
  const hash = keccak256(Buffer.from(hex.slice(2), 'hex'), 'bytes')
  const bits = [0, 2, 4].map((pair) => {
    const bit = ((hash[pair] << 8) | hash[pair + 1]) & (BLOOM_BITS - 1)
    return (BLOOM_BITS / 8 - 1 - (bit >>> 3)) * 8 + (bit & 7)
  })
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(hex, bits)
  return bits
}
