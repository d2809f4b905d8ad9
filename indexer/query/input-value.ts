import { Kind, type ValueNode } from 'graphql'

/**
 * A value in a query: whole numbers are `bigint` and others `number`, so that the two stay apart; an enum value is an object of
 * its own, so that it stays apart from a string.
 */
export type InputValue = null | boolean | bigint | number | string | EnumValue | readonly InputValue[] | InputObject
export type InputObject = ReadonlyMap<string, InputValue>
export interface EnumValue {
  readonly enum: string
}

export const isObject = (value: InputValue): value is InputObject => value instanceof Map
export const isList = (value: InputValue): value is readonly InputValue[] => Array.isArray(value)
export const isEnum = (value: InputValue): value is EnumValue =>
  typeof value === 'object' && value !== null && 'enum' in value

/** Deeper values are refused: they would exhaust the stack. */
const MAX_DEPTH = 40

/** A variable that was left out counts as null, as it does for graph-node. */
export function fromNode(node: ValueNode, variables: InputObject): InputValue {
  switch (node.kind) {
    case Kind.VARIABLE:
      return variables.get(node.name.value) ?? null
    case Kind.INT:
      return BigInt(node.value)
    case Kind.FLOAT:
      return Number(node.value)
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value
    case Kind.NULL:
      return null
    case Kind.ENUM:
      return { enum: node.value }
    case Kind.LIST:
      return node.values.map((value) => fromNode(value, variables))
    case Kind.OBJECT:
      return new Map(node.fields.map((field) => [field.name.value, fromNode(field.value, variables)]))
  }
}

/** @throws RangeError when the value is nested too deeply */
export function fromJson(json: unknown, depth = 0): InputValue {
  if (depth > MAX_DEPTH) throw new RangeError(`a variable is nested more than ${MAX_DEPTH} levels deep`)
  if (json === null || json === undefined) return null
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json
  if (typeof json === 'boolean' || typeof json === 'bigint' || typeof json === 'string') return json
  if (Array.isArray(json)) return json.map((value) => fromJson(value, depth + 1))
  return new Map(Object.entries(json).map(([name, value]) => [name, fromJson(value, depth + 1)]))
}

/** `Object({"text_in": String("Apple")})`: how graph-node names a value it refuses. */
export function inspect(value: InputValue): string {
  if (value === null) return 'Null'
  if (typeof value === 'boolean') return `Boolean(${value})`
  // It shows numbers in 32 bits.
  if (typeof value === 'bigint') return `Int(Number(${BigInt.asIntN(32, value)}))`
  if (typeof value === 'number') return `Float(${value})`
  if (typeof value === 'string') return `String(${JSON.stringify(value)})`
  if (isEnum(value)) return `Enum(${JSON.stringify(value.enum)})`
  if (isList(value)) return `List([${value.map(inspect).join(', ')}])`
  const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
  return `Object({${entries.map(([name, inner]) => `${JSON.stringify(name)}: ${inspect(inner)}`).join(', ')}})`
}

/** How graph-node writes a value in other messages: `1`, `"text"`, `[1, 2]`. */
export function print(value: InputValue): string {
  if (typeof value === 'string') return `"${value.replaceAll('"', '\\"')}"`
  if (value === null || typeof value !== 'object') return String(value)
  if (isEnum(value)) return value.enum
  if (isList(value)) return `[${value.map(print).join(', ')}]`
  return `{${[...value].map(([name, inner]) => `${name}: ${print(inner)}`).join(', ')}}`
}
