import { MappingFailed } from './failure.ts'

/**
 * A decimal number: `digits × 10^exponent`. Kept normal: at most 34 significant digits and no zero at the end, so that equal numbers
 * have equal parts; zero is `{0, 0}`.
 */
export interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

const SIGNIFICANT_DIGITS = 34
/** Digits to which a quotient is worked out before it is rounded to 34. */
const QUOTIENT_DIGITS = 100
const MIN_EXPONENT = -6143
const MAX_EXPONENT = 6144

const powerOfTen = (exponent: number): bigint => 10n ** BigInt(exponent)
const countDigits = (magnitude: bigint): number => magnitude.toString().length
/** One too few for about 70 % of all numbers. */
const guessDigits = (magnitude: bigint): number => Math.floor(magnitude.toString(2).length / 3.3219280949)

/**
 * Rounds to 34 significant digits. The library that graph-node is bound to (bigdecimal 0.1.2) treats the signs unlike: a positive
 * number is rounded up from the half, a negative one towards zero after its digits were guessed from its bits, so that it may
 * keep a 35th. What is indexed here must not differ from what is indexed there.
 */
export function normalize(digits: bigint, exponent: number): Decimal {
  if (digits === 0n) return { digits: 0n, exponent: 0 }
  const excess = (digits < 0n ? guessDigits(-digits) : countDigits(digits)) - SIGNIFICANT_DIGITS
  if (excess > 0) {
    const unit = powerOfTen(excess)
    const rest = digits % unit
    digits = digits / unit + (rest * 2n >= unit ? 1n : 0n)
    exponent += excess
  }
  const text = digits.toString()
  let zeros = 0
  while (text[text.length - 1 - zeros] === '0') zeros++
  return zeros === 0 ? { digits, exponent } : { digits: BigInt(text.slice(0, -zeros)), exponent: exponent + zeros }
}

/** A decimal that comes out of a module. @throws MappingFailed when its exponent is beyond IEEE 754's decimal128 */
export function checkedDecimal(digits: bigint, exponent: bigint): Decimal {
  const decimal = normalize(digits, Number(BigInt.asIntN(64, exponent)))
  if (decimal.exponent >= MIN_EXPONENT && decimal.exponent <= MAX_EXPONENT) return decimal
  throw new MappingFailed(
    `a BigDecimal has the exponent ${decimal.exponent}; it must lie between ${MIN_EXPONENT} and ${MAX_EXPONENT}`,
  )
}

export function add(left: Decimal, right: Decimal): Decimal {
  const exponent = Math.min(left.exponent, right.exponent)
  const sum = left.digits * powerOfTen(left.exponent - exponent) + right.digits * powerOfTen(right.exponent - exponent)
  return normalize(sum, exponent)
}

export const negate = ({ digits, exponent }: Decimal): Decimal => ({ digits: -digits, exponent })

export const multiply = (left: Decimal, right: Decimal): Decimal =>
  normalize(left.digits * right.digits, left.exponent + right.exponent)

/** @throws MappingFailed when `right` is zero */
export function divide(left: Decimal, right: Decimal): Decimal {
  if (right.digits === 0n) throw new MappingFailed(`${formatDecimal(left)} was divided by zero`)
  const isNegative = left.digits < 0n !== right.digits < 0n
  const numerator = left.digits < 0n ? -left.digits : left.digits
  const denominator = right.digits < 0n ? -right.digits : right.digits
  const shift = Math.max(0, QUOTIENT_DIGITS + 1 + countDigits(denominator) - countDigits(numerator))
  const scaled = numerator * powerOfTen(shift)
  let quotient = scaled / denominator
  let exponent = left.exponent - right.exponent - shift
  const excess = countDigits(quotient) - QUOTIENT_DIGITS
  if (excess > 0) {
    const unit = powerOfTen(excess)
    quotient = quotient / unit + ((quotient % unit) * 2n >= unit ? 1n : 0n)
    exponent += excess
  }
  return normalize(isNegative ? -quotient : quotient, exponent)
}

export const equalDecimals = (left: Decimal, right: Decimal): boolean =>
  left.digits === right.digits && left.exponent === right.exponent

/** Without an exponent: `-0.05`, `1200`. */
export function formatDecimal({ digits, exponent }: Decimal): string {
  const sign = digits < 0n ? '-' : ''
  const text = (digits < 0n ? -digits : digits).toString()
  if (exponent >= 0) return `${sign}${text}${digits === 0n ? '' : '0'.repeat(exponent)}`
  const padded = text.padStart(1 - exponent, '0')
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`
}

/** @throws MappingFailed when the text is no decimal number */
export function parseDecimal(text: string): Decimal {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,18}))?$/.exec(text)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match ?? []
  if (!match || whole + fraction === '') throw new MappingFailed(`"${text}" is no BigDecimal`)
  const digits = BigInt(whole + fraction)
  return normalize(sign === '-' ? -digits : digits, Number(exponent) - fraction.length)
}
