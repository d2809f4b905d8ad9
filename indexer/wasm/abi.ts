import { type AbiType, headBytes, isDynamic } from './abi-types.ts'
import { ETHEREUM } from './classes.ts'

/** A value as a contract takes or gives it, with the kind of its type. */
export type AbiValue =
  | {
      readonly kind:
        | typeof ETHEREUM.address
        | typeof ETHEREUM.fixedBytes
        | typeof ETHEREUM.bytes
        | typeof ETHEREUM.function
      readonly bytes: Uint8Array
    }
  | { readonly kind: typeof ETHEREUM.int | typeof ETHEREUM.uint; readonly value: bigint }
  | { readonly kind: typeof ETHEREUM.bool; readonly isTrue: boolean }
  | { readonly kind: typeof ETHEREUM.string; readonly text: string }
  | {
      readonly kind: typeof ETHEREUM.array | typeof ETHEREUM.fixedArray | typeof ETHEREUM.tuple
      readonly items: readonly AbiValue[]
    }

/** Data that is not what its type says: too short, an offset that leads outside, padding that is not empty. */
export class AbiMismatch extends Error {}

const WORD = 32
/** Offsets may point at the same place again and again; this ends what such data can unfold to. */
const MAX_VALUES = 100_000

/**
 * Decodes values that stand one behind the other, as in event data and return values.
 *
 * @see https://docs.soliditylang.org/en/latest/abi-spec.html
 * @throws AbiMismatch
 */
export function decodeAbi(types: readonly AbiType[], data: Uint8Array): AbiValue[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return decodeList(types, bytes, 0, { left: MAX_VALUES })
}

function decodeList(types: readonly AbiType[], data: Buffer, start: number, budget: { left: number }): AbiValue[] {
  let head = start
  return types.map((type) => {
    const value = isDynamic(type)
      ? decodeAt(type, data, start + readSize(data, head), budget)
      : decodeAt(type, data, head, budget)
    head += headBytes(type)
    return value
  })
}

function decodeAt(type: AbiType, data: Buffer, at: number, budget: { left: number }): AbiValue {
  if (--budget.left < 0) throw new AbiMismatch('the data unfolds to too many values')
  switch (type.kind) {
    case 'array': {
      const length = readSize(data, at)
      if (length * headBytes(type.element) > data.length) throw new AbiMismatch('an array is longer than the data')
      return { kind: ETHEREUM.array, items: decodeList(repeat(type.element, length), data, at + WORD, budget) }
    }
    case 'fixedArray':
      return { kind: ETHEREUM.fixedArray, items: decodeList(repeat(type.element, type.length), data, at, budget) }
    case 'tuple':
      return { kind: ETHEREUM.tuple, items: decodeList(type.components, data, at, budget) }
    case 'string': {
      const length = readSize(data, at)
      // Contracts may hold any bytes as a string: what is no UTF-8 becomes replacement characters, and the event counts.
      return { kind: ETHEREUM.string, text: slice(data, at + WORD, length).toString('utf8') }
    }
    case 'bytes':
      return { kind: ETHEREUM.bytes, bytes: slice(data, at + WORD, readSize(data, at)) }
    default:
      return decodeWord(type, slice(data, at, WORD))
  }
}

/** A value that takes one word: also an indexed parameter of an event, from its topic. */
export function decodeWord(type: AbiType, word: Buffer): AbiValue {
  switch (type.kind) {
    case 'address':
      return { kind: ETHEREUM.address, bytes: word.subarray(12) }
    case 'bool':
      return { kind: ETHEREUM.bool, isTrue: word.some((byte) => byte !== 0) }
    case 'uint':
      return { kind: ETHEREUM.uint, value: readUint(word) }
    case 'int':
      return { kind: ETHEREUM.int, value: BigInt.asIntN(256, readUint(word)) }
    case 'function':
      return { kind: ETHEREUM.function, bytes: word.subarray(0, 24) }
    case 'fixedBytes':
      return { kind: ETHEREUM.fixedBytes, bytes: word.subarray(0, type.size) }
    default:
      // Of a type without a fixed size, a topic holds the hash.
      return { kind: ETHEREUM.fixedBytes, bytes: word }
  }
}

function readUint(word: Buffer): bigint {
  if (word.readBigUInt64BE(0) === 0n && word.readBigUInt64BE(8) === 0n && word.readBigUInt64BE(16) === 0n) {
    return word.readBigUInt64BE(24)
  }
  return BigInt(`0x${word.toString('hex')}`)
}

function readSize(data: Buffer, at: number): number {
  const value = readUint(slice(data, at, WORD))
  if (value > BigInt(data.length))
    throw new AbiMismatch(`an offset or length of ${value} leads outside ${data.length} bytes`)
  return Number(value)
}

function slice(data: Buffer, at: number, length: number): Buffer {
  if (at + length > data.length) throw new AbiMismatch(`${length} bytes at ${at} lie outside ${data.length} bytes`)
  return data.subarray(at, at + length)
}

const repeat = (type: AbiType, length: number): AbiType[] => new Array<AbiType>(length).fill(type)

/** Encodes values one behind the other, as arguments of a function. The kinds of the values say how. */
export function encodeAbi(values: readonly AbiValue[]): Buffer {
  const heads: Buffer[] = []
  const tails: Buffer[] = []
  const parts = values.map((value) => ({ isTail: isDynamicValue(value), data: encodeValue(value) }))
  let offset = parts.reduce((sum, part) => sum + (part.isTail ? WORD : part.data.length), 0)
  for (const { isTail, data } of parts) {
    heads.push(isTail ? encodeUint(BigInt(offset)) : data)
    if (!isTail) continue
    tails.push(data)
    offset += data.length
  }
  return Buffer.concat([...heads, ...tails])
}

function isDynamicValue(value: AbiValue): boolean {
  switch (value.kind) {
    case ETHEREUM.bytes:
    case ETHEREUM.string:
    case ETHEREUM.array:
      return true
    case ETHEREUM.fixedArray:
    case ETHEREUM.tuple:
      return value.items.some(isDynamicValue)
    default:
      return false
  }
}

function encodeValue(value: AbiValue): Buffer {
  switch (value.kind) {
    case ETHEREUM.address:
      return padStart(value.bytes)
    case ETHEREUM.fixedBytes:
    case ETHEREUM.function:
      return padEnd(value.bytes)
    case ETHEREUM.bytes:
      return encodeBytes(value.bytes)
    case ETHEREUM.string:
      return encodeBytes(Buffer.from(value.text, 'utf8'))
    case ETHEREUM.bool:
      return encodeUint(value.isTrue ? 1n : 0n)
    case ETHEREUM.int:
    case ETHEREUM.uint:
      return encodeUint(BigInt.asUintN(256, value.value))
    case ETHEREUM.array:
      return Buffer.concat([encodeUint(BigInt(value.items.length)), encodeAbi(value.items)])
    default:
      return encodeAbi(value.items)
  }
}

const encodeUint = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * WORD, '0'), 'hex')
const encodeBytes = (bytes: Uint8Array): Buffer => Buffer.concat([encodeUint(BigInt(bytes.length)), padEnd(bytes)])
const padStart = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(Math.max(0, WORD - bytes.length)), bytes])

function padEnd(bytes: Uint8Array): Buffer {
  const size = Math.ceil(bytes.length / WORD) * WORD
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length)])
}

/** Whether a value can stand for a type. A `uint8` takes any unsigned integer: the contract judges. */
export function fitsType(value: AbiValue, type: AbiType): boolean {
  if (value.kind !== ETHEREUM[type.kind]) return false
  switch (type.kind) {
    case 'fixedBytes':
      return 'bytes' in value && value.bytes.length === type.size
    case 'array':
      return 'items' in value && value.items.every((item) => fitsType(item, type.element))
    case 'fixedArray':
      return (
        'items' in value &&
        value.items.length === type.length &&
        value.items.every((item) => fitsType(item, type.element))
      )
    case 'tuple':
      return (
        'items' in value &&
        value.items.length === type.components.length &&
        value.items.every((item, index) => fitsType(item, type.components[index]))
      )
    default:
      return true
  }
}
