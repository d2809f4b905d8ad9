import type { EntityType, Field, Scalar } from '../store/schema.ts'
import { CLASS, STORE } from './classes.ts'
import { checkedDecimal, type Decimal } from './decimal.ts'
import { MappingFailed } from './failure.ts'
import type { Heap } from './heap.ts'
import { isList, type Row, type Value } from './rows.ts'

/** The kind a value of a scalar must have. */
const KIND_OF: Readonly<Record<Scalar, number>> = {
  ID: STORE.string,
  String: STORE.string,
  Bytes: STORE.bytes,
  Boolean: STORE.bool,
  Int: STORE.int,
  Int8: STORE.int8,
  BigInt: STORE.bigInt,
  BigDecimal: STORE.bigDecimal,
  Timestamp: STORE.timestamp,
}
const KIND_NAMES = ['String', 'Int', 'BigDecimal', 'Boolean', 'List', 'Null', 'Bytes', 'BigInt', 'Int8', 'Timestamp']

/** What a handler sets: fields it names, null where it unsets one; `undefined` where it says nothing. */
export type Update = (Value | null | undefined)[]

/**
 * Reads a `TypedMap<string, Value>` as an update of an entity.
 *
 * @throws MappingFailed when it names a field that the type does not have or sets, or a value is not of its field's type
 */
export function readUpdate(heap: Heap, pointer: number, type: EntityType): Update {
  const update: Update = new Array(type.storedFields.length).fill(undefined)
  let unknown: string[] | null = null
  for (const entry of heap.pointers(heap.word(pointer))) {
    const name = heap.string(heap.word(entry))
    const field = type.fieldsByName.get(name)
    if (!field) (unknown ??= []).push(name)
    else if (field.kind === 'derived') throw new MappingFailed(`${type.name}.${name} is derived and cannot be set`)
    else update[field.position] = readValue(heap, heap.word(entry + 4), type, field)
  }
  if (unknown) {
    throw new MappingFailed(`${type.name} was given fields that its schema does not have: ${unknown.sort().join(', ')}`)
  }
  return update
}

function readValue(heap: Heap, pointer: number, type: EntityType, field: Field): Value | null {
  const kind = heap.word(pointer)
  if (kind === STORE.null) return null
  if (!field.isList) return readScalar(heap, pointer, kind, type, field)
  if (kind !== STORE.array) throw wrongType(type, field, kind)
  return heap
    .pointers(heap.word(pointer + 8))
    .map((element) => readScalar(heap, element, heap.word(element), type, field))
}

function readScalar(heap: Heap, pointer: number, kind: number, type: EntityType, field: Field): Value {
  if (kind !== KIND_OF[field.scalar]) throw wrongType(type, field, kind)
  return readPayload(heap, pointer, kind)
}

function readPayload(heap: Heap, pointer: number, kind: number): Value {
  const payload = heap.word(pointer + 8)
  switch (kind) {
    case STORE.string:
      return heap.string(payload)
    case STORE.bytes:
      return heap.hex(payload)
    case STORE.int:
      return payload | 0
    case STORE.bool:
      return (payload & 0xff) !== 0
    case STORE.bigInt:
      return heap.bigInt(payload)
    case STORE.bigDecimal:
      return readDecimal(heap, payload)
    default:
      return heap.int64(pointer + 8)
  }
}

export const readDecimal = (heap: Heap, pointer: number): Decimal =>
  checkedDecimal(heap.bigInt(heap.word(pointer)), heap.bigInt(heap.word(pointer + 4)))

function wrongType(type: EntityType, field: Field, kind: number): MappingFailed {
  const expected = field.isList ? `a list of ${field.scalar}` : field.scalar
  return new MappingFailed(`${type.name}.${field.name} must be ${expected} but was set to ${KIND_NAMES[kind] ?? kind}`)
}

/** Writes an entity as a `TypedMap<string, Value>`: its fields that are not null, by name. */
export function writeEntity(heap: Heap, type: EntityType, row: Row): number {
  const entries: number[] = []
  for (const field of sortedFields(type)) {
    const value = row[field.position]
    if (value === null) continue
    entries.push(writeEntry(heap, field.name, writeValue(heap, field, value)))
  }
  return heap.writeObject([heap.writeArray(entries, CLASS.ArrayStoreEntry)], CLASS.StoreMap)
}

const sorted = new WeakMap<EntityType, readonly Field[]>()
function sortedFields(type: EntityType): readonly Field[] {
  let fields = sorted.get(type)
  if (!fields) {
    fields = [...type.storedFields].sort((left, right) => (left.name < right.name ? -1 : 1))
    sorted.set(type, fields)
  }
  return fields
}

const writeEntry = (heap: Heap, name: string, value: number): number =>
  heap.writeObject([heap.writeString(name), value], CLASS.StoreEntry)

function writeValue(heap: Heap, field: Field, value: Value): number {
  const kind = KIND_OF[field.scalar]
  if (!isList(value)) return writeScalar(heap, kind, value)
  const elements = value.map((element) => writeScalar(heap, kind, element))
  return heap.writeTagged(STORE.array, heap.writeArray(elements, CLASS.ArrayStoreValue), CLASS.StoreValue)
}

function writeScalar(heap: Heap, kind: number, value: Value): number {
  return heap.writeTagged(kind, writePayload(heap, kind, value), CLASS.StoreValue)
}

function writePayload(heap: Heap, kind: number, value: Value): number | bigint {
  switch (kind) {
    case STORE.string:
      return heap.writeString(value as string)
    case STORE.bytes:
      return heap.writeHex(value as string)
    case STORE.int:
      return value as number
    case STORE.bool:
      return value ? 1 : 0
    case STORE.bigInt:
      return heap.writeBigInt(value as bigint)
    case STORE.bigDecimal:
      return writeDecimal(heap, value as Decimal)
    default:
      return value as bigint
  }
}

export const writeDecimal = (heap: Heap, { digits, exponent }: Decimal): number =>
  heap.writeObject([heap.writeBigInt(digits), heap.writeBigInt(BigInt(exponent))], CLASS.BigDecimal)

/** One value of a data source's context, with the kind it was given as. */
export interface ContextValue {
  readonly kind: number
  readonly value: Value | readonly ContextValue[] | null
}

/** What a data source was created with, by name. */
export type Context = Readonly<Record<string, ContextValue>>

/** Reads a `TypedMap<string, Value>` that belongs to no entity. */
export function readContext(heap: Heap, pointer: number): Context {
  const context: Record<string, ContextValue> = {}
  for (const entry of heap.pointers(heap.word(pointer))) {
    context[heap.string(heap.word(entry))] = readContextValue(heap, heap.word(entry + 4))
  }
  return context
}

function readContextValue(heap: Heap, pointer: number): ContextValue {
  const kind = heap.word(pointer)
  if (kind === STORE.null) return { kind, value: null }
  if (kind !== STORE.array) return { kind, value: readPayload(heap, pointer, kind) }
  return { kind, value: heap.pointers(heap.word(pointer + 8)).map((element) => readContextValue(heap, element)) }
}

export function writeContext(heap: Heap, context: Context | null): number {
  const entries = Object.keys(context ?? {})
    .sort()
    .map((name) => writeEntry(heap, name, writeContextValue(heap, context![name])))
  return heap.writeObject([heap.writeArray(entries, CLASS.ArrayStoreEntry)], CLASS.StoreMap)
}

function writeContextValue(heap: Heap, { kind, value }: ContextValue): number {
  if (value === null) return heap.writeTagged(STORE.null, 0, CLASS.StoreValue)
  if (kind !== STORE.array) return writeScalar(heap, kind, value as Value)
  const elements = (value as readonly ContextValue[]).map((element) => writeContextValue(heap, element))
  return heap.writeTagged(STORE.array, heap.writeArray(elements, CLASS.ArrayStoreValue), CLASS.StoreValue)
}
