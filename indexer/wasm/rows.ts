import type { EntityType } from '../store/schema.ts'
import { type Decimal, equalDecimals } from './decimal.ts'

/**
 * One value of an entity: `Bytes` as `0x…` in lower case, `BigInt`, `Int8` and `Timestamp` as bigint, `BigDecimal` as decimal,
 * `Int` as number, the rest as it is. A reference is the id it refers to.
 */
export type Value = string | number | boolean | bigint | Decimal | readonly Value[]

/** An entity: its values in the order of `EntityType.storedFields`. */
export type Row = readonly (Value | null)[]

export function equalValues(left: Value | null, right: Value | null): boolean {
  if (left === right) return true
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false
  if (isList(left) || isList(right)) {
    if (!isList(left) || !isList(right) || left.length !== right.length) return false
    return left.every((value, index) => equalValues(value, right[index]))
  }
  return equalDecimals(left, right)
}

export function equalRows(left: Row, right: Row): boolean {
  for (let index = 0; index < left.length; index++) if (!equalValues(left[index], right[index])) return false
  return true
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value)

/** The id of an entity, as it is used in maps: text, or `0x…` in lower case. */
export const idOf = (type: EntityType, row: Row): string => row[type.id.position] as string
