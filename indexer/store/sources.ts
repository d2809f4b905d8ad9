import { STORE } from '../wasm/classes.ts'
import { type Decimal, formatDecimal, parseDecimal } from '../wasm/decimal.ts'
import type { Value } from '../wasm/rows.ts'
import type { Context, ContextValue } from '../wasm/store-values.ts'

/** A context as JSON text that loses nothing: numbers of any size stand as text beside their kind. */
export function contextToJson(context: Context): string {
  return JSON.stringify(Object.fromEntries(Object.entries(context).map(([name, value]) => [name, toJson(value)])))
}

export function contextFromJson(json: Record<string, unknown>): Context {
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, fromJson(value as StoredValue)]))
}

interface StoredValue {
  readonly kind: number
  readonly value: string | number | boolean | null | readonly StoredValue[]
}

function toJson({ kind, value }: ContextValue): StoredValue {
  if (kind === STORE.array) return { kind, value: (value as readonly ContextValue[]).map(toJson) }
  if (typeof value === 'bigint') return { kind, value: value.toString() }
  if (kind === STORE.bigDecimal) return { kind, value: formatDecimal(value as Decimal) }
  return { kind, value: value as string | number | boolean | null }
}

function fromJson({ kind, value }: StoredValue): ContextValue {
  if (kind === STORE.array) return { kind, value: (value as readonly StoredValue[]).map(fromJson) }
  if (kind === STORE.bigInt || kind === STORE.int8 || kind === STORE.timestamp)
    return { kind, value: BigInt(value as string) }
  if (kind === STORE.bigDecimal) return { kind, value: parseDecimal(value as string) }
  return { kind, value: value as Value | null }
}
