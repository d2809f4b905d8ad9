import { filterFields } from '../../../indexer/query/filter-fields.ts'
import type { EntitySchema, EntityType, Field } from '../../../indexer/store/schema.ts'
import type { Rows, Value, Version } from './deployment.ts'
import type { Asked, Where, WhereValue } from './random.ts'

/**
 * Answers questions by looking at every entity, with no SQL, no index and no shortcut: what the real answers are held against.
 */
export function answerNaively(schema: EntitySchema, rows: Rows, asked: Asked, block: number): unknown[] {
  return list({ schema, rows, block }, asked, entitiesAt(rows, asked.type, block))
}

interface World {
  readonly schema: EntitySchema
  readonly rows: Rows
  readonly block: number
}

function entitiesAt(rows: Rows, type: string, block: number): Version[] {
  return rows[type].filter(({ from, to }) => from <= block && (to === null || to > block))
}

function list(world: World, asked: Asked, candidates: readonly Version[]): unknown[] {
  const entity = typeOf(world, asked.type)
  const matching = candidates.filter((version) => asked.where === null || matches(world, entity, version, asked.where))
  const sorted = sort(world, entity, matching, asked)
  const skip = asked.skip ?? 0
  return sorted.slice(skip, skip + (asked.first ?? 100)).map((version) => shape(world, entity, version, asked))
}

function shape(world: World, entity: EntityType, version: Version, asked: Asked): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const name of asked.scalars) result[name] = print(fieldOf(entity, name), version.values[name] ?? null)
  for (const [name, child] of Object.entries(asked.nested)) {
    const field = fieldOf(entity, name)
    const target = typeOf(world, field.type)
    const found = entitiesAt(world.rows, target.name, world.block).filter((other) => isLinked(field, version, other))
    if (field.isList) {
      result[name] = list(world, child, found)
      continue
    }
    if (found.length > 1) throw new Error(`Ambiguous result for derived field \`${name}\``)
    if (found.length === 0 && field.isRequired) throw new Error(`Null value resolved for non-null field \`${name}\``)
    result[name] = found.length === 0 ? null : shape(world, target, found[0], child)
  }
  return result
}

function isLinked(field: Field, version: Version, other: Version): boolean {
  const link = field.derivedFrom === null ? version.values[field.name] : other.values[field.derivedFrom]
  const id = field.derivedFrom === null ? other.values.id : version.values.id
  return Array.isArray(link) ? link.includes(String(id)) : link === id
}

/** How a value stands in an answer: large numbers as strings, decimals without zeros behind. */
function print(field: Field, value: Value): unknown {
  if (Array.isArray(value)) return value.map((item) => print(field, item))
  if (field.kind === 'scalar' && ['BigInt', 'BigDecimal', 'Int8', 'Timestamp'].includes(field.scalar)) {
    return value === null ? null : String(value)
  }
  return value
}

function matches(world: World, entity: EntityType, version: Version, where: Where): boolean {
  return Object.entries(where).every(([name, operand]) => {
    if (name === 'and') return wheres(operand).every((inner) => matches(world, entity, version, inner))
    if (name === 'or') return wheres(operand).some((inner) => matches(world, entity, version, inner))
    if (name === '_change_block') return version.from >= Number(whereOf(operand).number_gte)
    const chosen = filterFields(entity, world.schema).find((candidate) => candidate.name === name)
    if (!chosen) throw new Error(`no filter ${name}`)
    const { field, operator } = chosen
    if (operator === 'nested') {
      const target = typeOf(world, field.type)
      return entitiesAt(world.rows, target.name, world.block).some(
        (other) => isLinked(field, version, other) && matches(world, target, other, whereOf(operand)),
      )
    }
    return compare(field, operator, version.values[field.name] ?? null, plain(operand))
  })
}

const wheres = (value: WhereValue): readonly Where[] => (Array.isArray(value) ? value.map(whereOf) : [])
function whereOf(value: WhereValue): Where {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('expected conditions')
  return { ...value } as Where
}

function plain(value: WhereValue): Value {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'object' ? String(plain(item)) : item))
  if ('enum' in value) return String(value.enum)
  throw new Error('expected a value')
}

/** Nothing matches where there is no value, except what asks for that, and lists that share nothing without regard to case. */
function compare(field: Field, operator: string, value: Value, operand: Value): boolean {
  if (operand === null) return (value === null) === (operator === '')
  if (field.isList) return compareList(field, operator, value, operand)
  const among = (items: Value) => Array.isArray(items) && items.some((item) => order(field, value, item) === 0)
  const isEmpty = Array.isArray(operand) && operand.length === 0
  if (value === null) return false
  switch (operator) {
    case '':
      return order(field, value, operand) === 0
    case 'not':
      return order(field, value, operand) !== 0
    case 'gt':
      return order(field, value, operand) > 0
    case 'lt':
      return order(field, value, operand) < 0
    case 'gte':
      return order(field, value, operand) >= 0
    case 'lte':
      return order(field, value, operand) <= 0
    case 'in':
      return among(operand)
    case 'not_in':
      return !isEmpty && !among(operand)
  }
  const isNegated = operator.startsWith('not_')
  if (field.scalar === 'Bytes') return contains(String(value), String(operand)) !== isNegated
  return like(operator.replace('not_', ''), String(value), String(operand)) !== isNegated
}

function contains(value: string, part: string): boolean {
  return Buffer.from(value.slice(2), 'hex').includes(Buffer.from(part.replace(/^0x/, ''), 'hex'))
}

/** `%` stands for any text and `_` for one character; only the letters a to z have two cases. */
function like(operator: string, value: string, operand: string): boolean {
  const pattern = patternOf(operator, operand)
  const fold = (from: string) =>
    operator.endsWith('_nocase') ? from.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : from
  const source = fold(pattern)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.')
  return new RegExp(`^${source}$`, 'su').test(fold(value))
}

function patternOf(operator: string, text: string): string {
  if (operator.startsWith('starts_with')) return `${text}%`
  if (operator.startsWith('ends_with')) return `%${text}`
  const isPattern = operator.startsWith('whole') || text.startsWith('%') || text.endsWith('%')
  return isPattern ? text : `%${text}%`
}

function compareList(field: Field, operator: string, value: Value, operand: Value): boolean {
  const items = Array.isArray(value) ? value : null
  const others = Array.isArray(operand) ? operand : []
  const isSame = (a: Value, b: Value) => order(field, a, b) === 0
  const meets = (item: string | number | boolean) =>
    others.some((other) => like('whole_nocase', String(item), String(other)))
  switch (operator) {
    case '':
    case 'not': {
      if (!items) return false
      const isEqual = items.length === others.length && items.every((item, index) => isSame(item, others[index]))
      return isEqual === (operator === '')
    }
    case 'contains':
      return items?.length !== undefined && others.every((other) => items.some((item) => isSame(item, other)))
    case 'not_contains':
      return items !== null && !others.some((other) => items.some((item) => isSame(item, other)))
    case 'contains_nocase':
      return items?.some(meets) ?? false
    default:
      return !(items?.some(meets) ?? false)
  }
}

function sort(world: World, entity: EntityType, versions: readonly Version[], asked: Asked): Version[] {
  const keyOf = (version: Version): { field: Field; value: Value } => {
    if (asked.orderBy === null) return { field: entity.id, value: version.values.id }
    const own = entity.fieldsByName.get(asked.orderBy)
    if (own) return { field: own, value: version.values[own.name] ?? null }
    const [link, child] = asked.orderBy.split('__')
    const field = fieldOf(entity, link)
    const target = typeOf(world, field.type)
    const other = entitiesAt(world.rows, target.name, world.block).find((candidate) =>
      isLinked(field, version, candidate),
    )
    return { field: fieldOf(target, child), value: other?.values[child] ?? null }
  }
  const sign = asked.orderBy !== null && asked.orderDirection === 'desc' ? -1 : 1
  return [...versions].sort((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)]
    const byKey = orderWithNulls(left.field, left.value, right.value)
    return sign * (byKey === 0 ? order(entity.id, a.values.id, b.values.id) : byKey)
  })
}

function orderWithNulls(field: Field, a: Value, b: Value): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0)
  return order(field, a, b)
}

function order(field: Field, a: Value, b: Value): number {
  switch (field.scalar) {
    case 'Boolean':
    case 'Int':
      return Number(a) - Number(b)
    case 'Int8':
    case 'BigInt':
    case 'Timestamp':
    case 'BigDecimal': {
      const difference = scaled(String(a)) - scaled(String(b))
      return difference < 0n ? -1 : difference > 0n ? 1 : 0
    }
    case 'Bytes':
      return Buffer.compare(bytes(a), bytes(b))
    default:
      return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)))
  }
}

const bytes = (value: Value) => Buffer.from(String(value).replace(/^0x/, ''), 'hex')

/** A decimal as an integer of 10⁻³⁰. */
function scaled(decimal: string): bigint {
  const [whole, fraction = ''] = decimal.replace('-', '').split('.')
  const value = BigInt(whole + fraction.padEnd(30, '0'))
  return decimal.startsWith('-') ? -value : value
}

function typeOf(world: World, name: string): EntityType {
  const entity = world.schema.entities.get(name)
  if (!entity) throw new Error(`no type ${name}`)
  return entity
}

function fieldOf(entity: EntityType, name: string): Field {
  const field = entity.fieldsByName.get(name)
  if (!field) throw new Error(`${entity.name} has no field ${name}`)
  return field
}
