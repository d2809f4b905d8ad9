import type { EntitySchema, EntityType, Field, Scalar } from './schema.ts'

/**
 * How entities lie in Postgres.
 *
 * Each deployment has a schema of its own (`sg_…`, see `Deployment.schema`), each entity type a table in it, each stored field a
 * column. A row is one version of one entity: it holds from block `valid_from` up to and without block `valid_to`. What holds now has
 * `valid_to = 2147483647`, and only such rows are in the indexes by column, so that a first page costs the same however
 * long the history is.
 *
 * - now: `where valid_to = 2147483647` (as a literal: a parameter would keep the planner from the partial indexes)
 * - at block B: `where valid_from <= B and B < valid_to`
 *
 * | schema type | column |
 * | --- | --- |
 * | ID, String, enum | `text collate "C"` |
 * | Bytes | `bytea` |
 * | Boolean | `boolean` |
 * | Int | `integer` |
 * | Int8, Timestamp (microseconds since 1970) | `bigint` |
 * | BigInt, BigDecimal | `numeric` |
 * | a reference | its target's id |
 * | a list | an array of these; its elements are never null |
 *
 * Every identifier is quoted in SQL: `from` and `to` are common field names.
 */
export const CURRENT = 2_147_483_647

/** Characters of a text that its index holds: Postgres refuses index entries above 2,704 bytes. */
const INDEXED_CHARACTERS = 256
/** Bytes of a byte string that its index holds. */
const INDEXED_BYTES = 64

const COLUMN_TYPES: Readonly<Record<Scalar, string>> = {
  ID: 'text collate "C"',
  String: 'text collate "C"',
  Bytes: 'bytea',
  Boolean: 'boolean',
  Int: 'integer',
  Int8: 'bigint',
  BigInt: 'numeric',
  BigDecimal: 'numeric',
  Timestamp: 'bigint',
}

export const quote = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

/** `"sg_0123456789ab"."clip_event"` */
export const qualifiedTable = (schema: string, entity: EntityType): string => `${quote(schema)}.${quote(entity.table)}`

/** Postgres type of one value, without `collate` and brackets: for casts such as `$1::bytea[]`. */
export function sqlType(field: Field): string {
  return COLUMN_TYPES[field.scalar].replace(' collate "C"', '')
}

/**
 * What the index of a column holds, as an SQL expression. Filters and orders that should use the index name this expression:
 *
 * - `order by <indexed>, id` instead of `order by column, id` (both directions the same). Values that agree in their first 256
 *   characters or 64 bytes are then ordered by id.
 * - `where <indexed> = left($1, 256) and column = $1`; in general `indexedExpression(field, '$1')` for the other side.
 *
 * It is the column itself for everything but strings and byte strings that are no id: ids are refused above 1,000 bytes.
 *
 * @param operand the column or another operand of its type; the quoted column when left out
 */
export function indexedExpression(field: Field, operand: string = quote(field.column)): string {
  if (field.isList || field.name === 'id' || field.kind !== 'scalar') return operand
  if (field.scalar === 'Bytes') return `substring(${operand}, 1, ${INDEXED_BYTES})`
  if (field.scalar === 'String' || field.scalar === 'ID') return `left(${operand}, ${INDEXED_CHARACTERS})`
  return operand
}

/** Statements that make a deployment's schema with all tables and indexes. */
export const createTables = (schema: string, entities: EntitySchema): string[] => [
  ...createBareTables(schema, entities),
  ...createColumnIndexes(schema, entities),
]

/** Statements that make a deployment's schema with its tables, and no more indexes than indexing itself needs. */
export const createBareTables = (schema: string, entities: EntitySchema): string[] => [
  `create schema ${quote(schema)}`,
  ...[...entities.entities.values()].flatMap((entity, number) => [
    createTable(schema, entity),
    ...createOwnIndexes(schema, entity, number),
  ]),
]

/**
 * Statements that make the indexes of columns, for those who ask. To make them of what is there takes a fraction of what it takes to
 * keep them while it comes.
 */
export function createColumnIndexes(schema: string, entities: EntitySchema): string[] {
  const derivedFrom = derivations(entities)
  return [...entities.entities.values()].flatMap((entity, number) =>
    entity.storedFields.flatMap((field) => {
      const isDerivedFrom = derivedFrom.has(`${entity.name}.${field.name}`)
      return field.name === 'id' || (field.isList && !isDerivedFrom)
        ? []
        : [createColumnIndex(schema, entity, number, field)]
    }),
  )
}

/** Fields that lists of other entities are derived from. */
const derivations = (entities: EntitySchema): Set<string> =>
  new Set(
    [...entities.entities.values()].flatMap((entity) =>
      entity.fields.filter((field) => field.derivedFrom).map((field) => `${field.type}.${field.derivedFrom}`),
    ),
  )

function createTable(schema: string, entity: EntityType): string {
  const columns = entity.storedFields.map((field) => {
    const array = field.isList ? COLUMN_TYPES[field.scalar].replace(/^(\w+)/, '$1[]') : COLUMN_TYPES[field.scalar]
    return `${quote(field.column)} ${array}${field.isRequired ? ' not null' : ''}`
  })
  return `create table ${qualifiedTable(schema, entity)} (
    ${columns.join(',\n    ')},
    valid_from integer not null,
    valid_to integer not null default ${CURRENT},
    primary key (${entity.isImmutable ? 'id' : 'id, valid_from'})
  )`
}

const isCurrent = `where valid_to = ${CURRENT}`
const indexName = (number: number, suffix: string): string => quote(`t${number}_${suffix}`)

function createOwnIndexes(schema: string, entity: EntityType, number: number): string[] {
  const table = qualifiedTable(schema, entity)
  // What a re-org deletes, and what it opens again.
  const statements = [`create index ${indexName(number, 'from')} on ${table} (valid_from)`]
  // What is immutable has one version, and its primary key serves for both.
  if (!entity.isImmutable) {
    statements.push(
      `create unique index ${indexName(number, 'now')} on ${table} (id) ${isCurrent}`,
      `create index ${indexName(number, 'to')} on ${table} (valid_to) where valid_to < ${CURRENT}`,
    )
  }
  return statements
}

function createColumnIndex(schema: string, entity: EntityType, number: number, field: Field): string {
  const columns = field.isList ? `using gin (${quote(field.column)})` : `(${wrapped(indexedExpression(field))}, id)`
  const name = indexName(number, `c${field.position}`)
  return `create index if not exists ${name} on ${qualifiedTable(schema, entity)} ${columns} ${isCurrent}`
}

/** An index takes a column as it is and an expression in parentheses. */
const wrapped = (expression: string): string => (expression.startsWith('"') ? expression : `(${expression})`)
