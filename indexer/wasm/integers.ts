import { MappingFailed } from './failure.ts'

/** Most bits a `BigInt` may have, its sign included: what 131,072 decimal digits need. */
const MAX_BITS = 435_412

/**
 * An integer as the fewest bytes of two's complement that hold it, lowest first; zero is one zero byte.
 *
 * @throws MappingFailed when it is too large to be stored
 */
export function toLittleEndian(value: bigint): Uint8Array {
  if (value >= -0x8000_0000n && value <= 0x7fff_ffffn) return small(Number(value))
  const magnitude = value < 0n ? ~value : value
  const digits = magnitude.toString(16)
  // One bit more for the sign; the first digit says how many of its four bits count.
  const bits = (digits.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(digits[0], 16))) + 1
  if (bits > MAX_BITS) throw new MappingFailed(`a BigInt has ${bits} bits; at most ${MAX_BITS} are possible`)
  const size = (bits + 7) >>> 3
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, '0')
  return Buffer.from(hex, 'hex').reverse()
}

function small(value: number): Uint8Array {
  const size =
    value >= -0x80 && value <= 0x7f
      ? 1
      : value >= -0x8000 && value <= 0x7fff
        ? 2
        : value >= -0x80_0000 && value <= 0x7f_ffff
          ? 3
          : 4
  const bytes = new Uint8Array(size)
  for (let index = 0; index < size; index++) bytes[index] = value >> (8 * index)
  return bytes
}

/** The integer that `bytes[start, end)` hold as two's complement, lowest first. */
export function fromLittleEndian(bytes: Buffer, start = 0, end: number = bytes.length): bigint {
  const size = end - start
  if (size <= 0) return 0n
  if (size <= 6) return BigInt(bytes.readIntLE(start, size))
  const reversed = Buffer.from(bytes.subarray(start, end)).reverse()
  return BigInt.asIntN(size * 8, BigInt(`0x${reversed.toString('hex')}`))
}
