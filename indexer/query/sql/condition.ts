import { indexedExpression, quote, sqlType } from '../../store/layout.ts'
import type { EntityType, Field } from '../../store/schema.ts'
import type { Filter } from '../filter.ts'
import type { Operator } from '../filter-fields.ts'
import { bind, nextAlias, type Statement, versions } from './statement.ts'

/** A filter as an SQL condition on the row that `alias` names. */
export function writeCondition(statement: Statement, filter: Filter, entity: EntityType, alias: string): string {
  switch (filter.kind) {
    case 'all':
    case 'any': {
      if (filter.filters.length === 0) return filter.kind === 'all' ? 'true' : 'false'
      const parts = filter.filters.map((part) => writeCondition(statement, part, entity, alias))
      return `(${parts.join(filter.kind === 'all' ? ' and ' : ' or ')})`
    }
    case 'isNull':
      return `${columnOf(alias, filter.field)} is ${filter.isNegated ? 'not null' : 'null'}`
    case 'changedSince':
      return `${alias}.valid_from >= ${bind(statement, filter.block, 'integer')}`
    case 'nested': {
      const inner = nextAlias(statement)
      const { from, condition } = versions(statement, filter.target, inner)
      const link = writeLink(filter.field, filter.target, alias, inner)
      const met = writeCondition(statement, filter.filter, filter.target, inner)
      return `exists (select from ${from} where ${condition} and ${link} and ${met})`
    }
    case 'compare':
      return filter.field.isList
        ? compareList(statement, filter.field, filter.operator, filter.value, alias)
        : compareOne(statement, filter.field, filter.operator, filter.value, alias)
  }
}

export const columnOf = (alias: string, field: Field): string => `${alias}.${quote(field.column)}`

/** The condition under which the row `inner` is what `field` of the row `outer` refers to. */
export function writeLink(field: Field, target: EntityType, outer: string, inner: string): string {
  const outerId = `${outer}.id`
  const innerId = `${inner}.id`
  if (field.derivedFrom === null) {
    const column = columnOf(outer, field)
    return field.isList ? `${innerId} = any(${column})` : `${innerId} = ${column}`
  }
  const source = target.fieldsByName.get(field.derivedFrom)
  if (!source) throw new Error(`${target.name} has no field ${field.derivedFrom}`)
  const column = columnOf(inner, source)
  // Written as containment, which the index on the list answers.
  return source.isList ? `${column} @> array[${outerId}]` : `${column} = ${outerId}`
}

type Value = Extract<Filter, { kind: 'compare' }>['value']

const COMPARISONS: Partial<Record<Operator, readonly [exact: string, indexed: string]>> = {
  '': ['=', '='],
  gt: ['>', '>='],
  gte: ['>=', '>='],
  lt: ['<', '<='],
  lte: ['<=', '<='],
}

/** With a value that is null, each of these is null, so that entities without a value never match, `not` included. */
function compareOne(statement: Statement, field: Field, operator: Operator, value: Value, alias: string): string {
  const column = columnOf(alias, field)
  const indexed = (operand: string) => indexedExpression(field, operand)
  const type = sqlType(field)
  if (operator === 'in' || operator === 'not_in') {
    // graph-node finds nothing for an empty list, in both.
    if (Array.isArray(value) && value.length === 0) return 'false'
    const values = bind(statement, value, `${type}[]`)
    if (operator === 'not_in') return `${column} <> all(${values})`
    if (indexed(column) === column) return `${column} = any(${values})`
    return `(${indexed(column)} = any(array(select ${indexed('v')} from unnest(${values}) v)) and ${column} = any(${values}))`
  }
  if (operator === 'not') return `${column} <> ${bind(statement, value, type)}`
  const comparison = COMPARISONS[operator]
  if (comparison) {
    const operand = bind(statement, value, type)
    const [exact, loose] = comparison
    if (indexed(column) === column) return `${column} ${exact} ${operand}`
    return `(${indexed(column)} ${loose} ${indexed(operand)} and ${column} ${exact} ${operand})`
  }
  if (field.scalar === 'Bytes') {
    return `position(${bind(statement, value, type)} in ${column}) ${operator === 'contains' ? '> 0' : '= 0'}`
  }
  return like(statement, field, operator, String(value), alias)
}

/** `%` and `_` in the value are wildcards, as they are for graph-node. */
function like(statement: Statement, field: Field, operator: Operator, value: string, alias: string): string {
  const column = columnOf(alias, field)
  const negation = operator.startsWith('not_') ? 'not ' : ''
  const kind = operator.replace(/^not_/, '')
  const pattern = bind(statement, patternOf(kind, value), 'text')
  if (kind.endsWith('_nocase')) return `${column} ${negation}ilike ${pattern}`
  const exact = `${column} ${negation}like ${pattern}`
  const indexed = indexedExpression(field, column)
  // A short beginning without wildcards is within what the index holds.
  if (operator === 'starts_with' && indexed !== column && /^[^%_\\]{1,200}$/.test(value)) {
    return `(${indexed} like ${pattern} and ${exact})`
  }
  return exact
}

function patternOf(kind: string, value: string): string {
  if (kind.startsWith('starts_with')) return `${value}%`
  if (kind.startsWith('ends_with')) return `%${value}`
  return value.startsWith('%') || value.endsWith('%') ? value : `%${value}%`
}

function compareList(statement: Statement, field: Field, operator: Operator, value: Value, alias: string): string {
  const column = columnOf(alias, field)
  const values = bind(statement, value, `${sqlType(field)}[]`)
  switch (operator) {
    case '':
      return `${column} = ${values}`
    case 'not':
      return `${column} <> ${values}`
    case 'contains':
      return `${column} @> ${values}`
    case 'not_contains':
      return `not ${column} && ${values}`
    case 'contains_nocase':
      return `exists (select from unnest(${column}) item where item ilike any(${values}))`
    case 'not_contains_nocase':
      return `not exists (select from unnest(${column}) item where item ilike any(${values}))`
    default:
      throw new Error(`${operator} on the list ${field.name}`)
  }
}
