import type { EntityType, Field } from '../store/schema.ts'
import type { Operator } from './filter-fields.ts'
import { type InputObject, type InputValue, isEnum, isList, isObject, print } from './input-value.ts'
import { QueryError } from './query-error.ts'
import type { ApiSchema } from './schema.ts'
import { type Stored, storeFailure, toStored, toStoredId } from './stored-value.ts'

/** A condition on one entity, checked: it can be written as SQL without further questions. */
export type Filter =
  | { readonly kind: 'all' | 'any'; readonly filters: readonly Filter[] }
  | { readonly kind: 'isNull'; readonly field: Field; readonly isNegated: boolean }
  | {
      readonly kind: 'compare'
      readonly field: Field
      readonly operator: Operator
      readonly value: Stored | readonly Stored[]
    }
  | { readonly kind: 'changedSince'; readonly block: number }
  /** The entity at the other end of `field`, or any of those there, meets `filter`. */
  | { readonly kind: 'nested'; readonly field: Field; readonly target: EntityType; readonly filter: Filter }

/**
 * Reads a `where` argument.
 *
 * @param where fitted to the entity's filter type
 * @throws QueryError in graph-node's words: for values that are none, for what cannot be compared with null, for nesting in nesting
 */
export function readFilter(api: ApiSchema, entity: EntityType, where: InputObject): Filter {
  return readObject({ api, entity, isNested: false }, where)
}

interface Context {
  readonly api: ApiSchema
  readonly entity: EntityType
  /** Within a nested filter no other may stand. */
  readonly isNested: boolean
}

function readObject(context: Context, where: InputObject): Filter {
  // graph-node reads filters in the order of their names, so the first error is that of the first name.
  const entries = [...where].sort(([a], [b]) => (a < b ? -1 : 1))
  if (where.has('or')) assertNoColumns(entries.map(([name]) => name))
  return { kind: 'all', filters: entries.map(([name, value]) => readEntry(context, where, name, value)) }
}

function readEntry(context: Context, where: InputObject, name: string, value: InputValue): Filter {
  if (name === 'and' || name === 'or') {
    // graph-node joins what stands in `and` and in `or` beside each other into one list, for both.
    const filters = [...where].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) => readList(context, list))
    return { kind: name === 'and' ? 'all' : 'any', filters }
  }
  if (name === '_change_block') return { kind: 'changedSince', block: readChangeBlock(value) }
  const filterField = context.api.filters.get(context.entity.name)?.get(name)
  if (!filterField) throw new Error(`${context.entity.name}_filter has no field ${name}`)
  const { field, operator } = filterField
  return operator === 'nested' ? readNested(context, field, value) : readCompare(field, operator, value)
}

const notAnObject = () => new QueryError('Filter must by an object')

function readList(context: Context, value: InputValue): Filter[] {
  if (!isList(value)) throw notAnObject()
  return value.map((item) => {
    if (!isObject(item)) throw notAnObject()
    return readObject(context, item)
  })
}

function readChangeBlock(value: InputValue): number {
  const block = isObject(value) ? value.get('number_gte') : undefined
  if (typeof block !== 'bigint') throw notAnObject()
  return Number(block)
}

function readNested(context: Context, field: Field, value: InputValue): Filter {
  if (!isObject(value)) {
    throw new QueryError(`Query contains value with invalid type \`${printType(field)}\`: \`${print(value)}\``)
  }
  const target = context.api.entities.entities.get(field.type)
  if (!target) throw new Error(`no entity type ${field.type}`)
  const filter = readObject({ api: context.api, entity: target, isNested: true }, value)
  const nested: Filter = { kind: 'nested', field, target, filter }
  if (!context.isNested) return nested
  throw new QueryError(
    `Child filter nesting not supported by value \`${joinField(field)}\`: \`${describeFilter(nested)}\``,
  )
}

const joinField = (field: Field) => field.derivedFrom ?? field.name

function printType(field: Field): string {
  const type = field.isList ? `[${field.type}!]` : field.type
  return field.isRequired ? `${type}!` : type
}

const SYMBOLS: Partial<Record<Operator, string>> = { gt: '>', lt: '<', gte: '>=', lte: '<=' }

function readCompare(field: Field, operator: Operator, value: InputValue): Filter {
  if (value === null) return readNull(field, operator)
  const read = (item: InputValue): Stored => {
    const plain = isEnum(item) ? item.enum : item
    if (typeof plain !== 'string' && typeof plain !== 'boolean' && typeof plain !== 'bigint') {
      throw new Error(`${field.name} is compared with something that is no value`)
    }
    return field.kind === 'reference'
      ? toStoredId(String(plain), field.scalar, field.isList)
      : toStored(plain, field.scalar)
  }
  if (field.kind === 'reference' && field.scalar === 'Bytes' && !field.isList) assertComparable(operator, value)
  return { kind: 'compare', field, operator, value: isList(value) ? value.map(read) : read(value) }
}

/** A reference by bytes has the filters of a string, but cannot do all of them. */
function assertComparable(operator: Operator, value: InputValue): void {
  if (operator === 'contains_nocase' || operator === 'not_contains_nocase') {
    throw new QueryError(`Store error: unsupported filter \`${operator}\` for value \`${value}\``)
  }
  if (/starts_with|ends_with/.test(operator)) {
    throw storeFailure(`operator does not exist: bytea ${likeOperator(operator)} text`)
  }
}

const likeOperator = (operator: Operator) =>
  `${operator.startsWith('not_') ? '!' : ''}~~${operator.endsWith('_nocase') ? '*' : ''}`

function readNull(field: Field, operator: Operator): Filter {
  switch (operator) {
    case '':
    case 'not':
      return { kind: 'isNull', field, isNegated: operator === 'not' }
    case 'in':
    case 'not_in':
      throw new QueryError(`Non-list value passed to \`_${operator}\` filter`)
    case 'gt':
    case 'lt':
    case 'gte':
    case 'lte':
      throw new QueryError(`Store error: unsupported filter \`${SYMBOLS[operator]}\` for value \`null\``)
  }
  if (/contains/.test(operator)) {
    throw storeFailure(`unsupported filter \`${operator.replace('_nocase', '')}\` for value \`null\``)
  }
  const like = `${operator.startsWith('not_') ? 'not ' : ''}${operator.endsWith('_nocase') ? 'ilike' : 'like'}`
  throw new QueryError(`Store error: unsupported filter \` ${like} \` for value \`null\``)
}

/** graph-node refuses `{or: […], name: "x"}`, which people read in two ways. */
function assertNoColumns(names: readonly string[]): void {
  const columns = names.filter((name) => !['or', 'and', '_change_block'].includes(name)).map((name) => `'${name}'`)
  if (columns.length === 0) return
  const list = columns.join(', ')
  throw new QueryError(
    `Cannot mix column filters with 'or' operator at the same level. Found column filter(s) ${list} alongside 'or' operator.\n\n` +
      `Instead of:\nwhere: { ${list}, or: [...] }\n\nUse:\nwhere: { or: [{ ${list}, ... }, { ${list}, ... }] }`,
  )
}

const NOTATION: Partial<Record<Operator, readonly [before: string, after: string]>> = {
  '': [' = ', ''],
  not: [' != ', ''],
  gt: [' > ', ''],
  lt: [' < ', ''],
  gte: [' >= ', ''],
  lte: [' <= ', ''],
  contains: [' ~ *', '*'],
  contains_nocase: [' ~ *', '*i'],
  not_contains: [' !~ *', '*'],
  not_contains_nocase: [' !~ *', '*i'],
  starts_with: [' ~ ^', '*'],
  starts_with_nocase: [' ~ ^', '*i'],
  not_starts_with: [' !~ ^', '*'],
  not_starts_with_nocase: [' !~ ^', '*i'],
  ends_with: [' ~ *', '$'],
  ends_with_nocase: [' ~ *', '$i'],
  not_ends_with: [' !~ *', '$'],
  not_ends_with_nocase: [' !~ *', '$i'],
}

/** How graph-node writes a condition in its messages: `name ~ *n* and rank in (1,2)`. */
function describeFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
    case 'any':
      return filter.filters.map(describeFilter).join(filter.kind === 'all' ? ' and ' : ' or ')
    case 'isNull':
      return `${filter.field.name} ${filter.isNegated ? '!=' : '='} null`
    case 'changedSince':
      return `block >= ${filter.block}`
    case 'nested':
      return `join on ${joinField(filter.field)} with ${filter.target.name}(${describeFilter(filter.filter)})`
    case 'compare': {
      const { field, operator, value } = filter
      const texts = [value].flat().map((item) => (Buffer.isBuffer(item) ? `0x${item.toString('hex')}` : String(item)))
      const notation = NOTATION[operator]
      if (!notation) return `${field.name} ${operator.replace('_', ' ')} (${texts.join(',')})`
      return `${field.name}${notation[0]}${field.isList ? `[${texts.join(', ')}]` : texts[0]}${notation[1]}`
    }
  }
}
