import {
  add,
  checkedDecimal,
  divide,
  equalDecimals,
  formatDecimal,
  multiply,
  negate,
  normalize,
  parseDecimal,
} from '../decimal.ts'
import { MappingFailed } from '../failure.ts'
import type { Heap } from '../heap.ts'
import type { HostFunctions } from '../instance.ts'
import { readDecimal, writeDecimal } from '../store-values.ts'

/** Exponents and shifts are bytes: larger ones would make numbers that fill the memory. */
const MAX_STEP = 255

/** `bigInt.*` and `bigDecimal.*`. */
export function numberFunctions(heapOf: () => Heap): HostFunctions {
  const integers = (operate: (x: bigint, y: bigint) => bigint) => (x: number, y: number) => {
    const heap = heapOf()
    return heap.writeBigInt(operate(heap.bigInt(x), heap.bigInt(y)))
  }
  const stepped = (operate: (x: bigint, step: bigint) => bigint) => (x: number, step: number) => {
    const heap = heapOf()
    if (step >>> 0 > MAX_STEP) throw new MappingFailed(`an exponent or shift of ${step >>> 0} is above ${MAX_STEP}`)
    return heap.writeBigInt(operate(heap.bigInt(x), BigInt(step)))
  }
  const decimals = (operate: typeof add) => (x: number, y: number) => {
    const heap = heapOf()
    return writeDecimal(heap, operate(readDecimal(heap, x), readDecimal(heap, y)))
  }
  return {
    'bigInt.plus': integers((x, y) => x + y),
    'bigInt.minus': integers((x, y) => x - y),
    'bigInt.times': integers((x, y) => x * y),
    'bigInt.dividedBy': integers((x, y) => x / divisor(x, y)),
    // Of the sign of x, like the operator and unlike Euclid's.
    'bigInt.mod': integers((x, y) => x % divisor(x, y)),
    'bigInt.bitOr': integers((x, y) => x | y),
    'bigInt.bitAnd': integers((x, y) => x & y),
    'bigInt.pow': stepped((x, step) => x ** step),
    'bigInt.leftShift': stepped((x, step) => x << step),
    'bigInt.rightShift': stepped((x, step) => x >> step),
    'bigInt.fromString'(text) {
      const heap = heapOf()
      return heap.writeBigInt(parseInteger(heap.string(text)))
    },
    'bigInt.dividedByDecimal'(x, y) {
      const heap = heapOf()
      return writeDecimal(heap, divide(normalize(heap.bigInt(x), 0), readDecimal(heap, y)))
    },
    'bigDecimal.plus': decimals(add),
    'bigDecimal.minus': decimals((x, y) => add(x, negate(y))),
    'bigDecimal.times': decimals(multiply),
    'bigDecimal.dividedBy': decimals(divide),
    'bigDecimal.equals'(x, y) {
      const heap = heapOf()
      return equalDecimals(readDecimal(heap, x), readDecimal(heap, y)) ? 1 : 0
    },
    'bigDecimal.toString'(x) {
      const heap = heapOf()
      return heap.writeString(formatDecimal(readDecimal(heap, x)))
    },
    'bigDecimal.fromString'(text) {
      const heap = heapOf()
      const { digits, exponent } = parseDecimal(heap.string(text))
      return writeDecimal(heap, checkedDecimal(digits, BigInt(exponent)))
    },
  }
}

function divisor(x: bigint, y: bigint): bigint {
  if (y === 0n) throw new MappingFailed(`the BigInt ${x} was divided by zero`)
  return y
}

/** @throws MappingFailed when the text is no decimal integer */
export function parseInteger(text: string): bigint {
  const match = /^([+-]?)(\d[\d_]*)$/.exec(text)
  if (!match) throw new MappingFailed(`"${text}" is no BigInt`)
  const magnitude = BigInt(match[2].replaceAll('_', ''))
  return match[1] === '-' ? -magnitude : magnitude
}
