import type { Scalar } from '../store/schema.ts'
import { QueryError } from './query-error.ts'

/** A value as a parameter of a statement: text for everything that Postgres reads from text. */
export type Stored = string | number | boolean | Buffer

/**
 * Reads a fitted value as what its column holds.
 *
 * @param value a string, a boolean or, for Int, a `bigint`
 * @throws QueryError as graph-node words it, when the text is no such value
 */
export function toStored(value: string | boolean | bigint, scalar: Scalar): Stored {
  if (typeof value === 'boolean') return value
  if (typeof value === 'bigint') return Number(value)
  switch (scalar) {
    case 'Bytes':
      return readBytes(value, (problem) => new QueryError(`Failed to decode \`Bytes\` value: \`${problem}\``))
    case 'BigInt':
      return readBigInt(value)
    case 'BigDecimal':
      return readBigDecimal(value)
    case 'Int8':
      return readInt8(value)
    case 'Timestamp':
      return value.replace('+', '')
    default:
      return readText(value)
  }
}

/**
 * The id of an entity, or of the target of a reference. It comes as a string whatever its type.
 *
 * @param isListed within a list of references
 */
export function toStoredId(value: string, scalar: Scalar, isListed = false): Stored {
  if (scalar !== 'Bytes') return readText(value)
  return readBytes(value, (problem) =>
    isListed ? storeFailure(problem) : new QueryError(`Store error: store error: ${problem}`),
  )
}

function readText(text: string): string {
  // Postgres has no such character, so nothing that is stored contains it.
  if (!text.includes('\0')) return text.toWellFormed()
  throw storeFailure('invalid byte sequence for encoding "UTF8": 0x00')
}

function readBytes(text: string, fail: (problem: string) => QueryError): Buffer {
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length % 2 === 1) throw fail('Odd number of digits')
  const position = digits.search(/[^0-9a-fA-F]/)
  if (position >= 0)
    throw fail(`Invalid character '${String.fromCodePoint(digits.codePointAt(position) ?? 0)}' at position ${position}`)
  return Buffer.from(digits, 'hex')
}

function readBigInt(text: string): string {
  if (/^[+-]?\d[\d_]*$/.test(text)) return text.replaceAll('_', '')
  const problem = /^[+-]?$/.test(text) ? 'cannot parse integer from empty string' : 'invalid digit found in string'
  throw new QueryError(`Failed to decode \`BigInt\` value: \`${problem}\``)
}

function readBigDecimal(text: string): string {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return text
  const problem = text === '' ? 'Failed to parse empty string' : 'invalid digit found in string'
  throw new QueryError(`Failed to decode \`BigDecimal\` value: \`${problem}\``)
}

function readInt8(text: string): string {
  if (/^[+-]?\d+$/.test(text)) {
    const value = BigInt(text.replace('+', ''))
    if (BigInt.asIntN(64, value) === value) return String(value)
  }
  throw new QueryError(`Failed to decode \`Int8\` value: \`${text}\``)
}

/** What graph-node answers when Postgres refuses a value. */
export const storeFailure = (problem: string): QueryError =>
  new QueryError(`Failed to get entities from store: ${problem}`)
