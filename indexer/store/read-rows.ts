import type pg from 'pg'
import { parseDecimal } from '../wasm/decimal.ts'
import type { Row, Value } from '../wasm/rows.ts'
import type { Queryable } from './deployments.ts'
import { CURRENT, qualifiedTable, quote, sqlType } from './layout.ts'
import type { EntityType, Field, Scalar } from './schema.ts'

const IDS_PER_PAGE = 50_000

/** Current rows of a type by their ids; of an id without an entity there is none. */
export async function readRows(
  connection: Queryable,
  schema: string,
  type: EntityType,
  ids: readonly string[],
): Promise<Row[]> {
  return query(connection, schema, type, `id = any($1::${sqlType(type.id)}[])`, [
    ids.map((id) => toParameter(type.id, id)),
  ])
}

/** Current rows of a type that refer to an id by a field. */
export async function readReferring(
  connection: Queryable,
  schema: string,
  type: EntityType,
  field: Field,
  id: string,
): Promise<Row[]> {
  const column = quote(field.column)
  const condition = field.isList ? `${column} @> array[$1::${sqlType(field)}]` : `${column} = $1::${sqlType(field)}`
  return query(connection, schema, type, condition, [toParameter(field, id)])
}

async function query(
  connection: Queryable,
  schema: string,
  type: EntityType,
  condition: string,
  values: unknown[],
): Promise<Row[]> {
  const columns = type.storedFields.map(selectText).join(', ')
  const text = `select ${columns} from ${qualifiedTable(schema, type)} where ${condition} and valid_to = ${CURRENT}`
  const { rows } = await connection.query({ text, values, rowMode: 'array' } as pg.QueryArrayConfig)
  return (rows as (string | string[] | null)[][]).map((row) => parseRow(type, row))
}

/** Ids of all current entities of a type, a page at a time in the order of ids. */
export async function* readIds(connection: Queryable, schema: string, type: EntityType): AsyncGenerator<string[]> {
  const columns = `select ${selectText(type.id)} from ${qualifiedTable(schema, type)} where valid_to = ${CURRENT}`
  let last: string | null = null
  for (;;) {
    const after: string = last === null ? '' : `and id > $1::${sqlType(type.id)}`
    const values = last === null ? [] : [toParameter(type.id, last)]
    const text = `${columns} ${after} order by id limit ${IDS_PER_PAGE}`
    const answer: { rows: unknown[] } = await connection.query({
      text,
      values,
      rowMode: 'array',
    } as pg.QueryArrayConfig)
    const ids = (answer.rows as string[][]).map(([id]) => parseValue(type.id.scalar, id) as string)
    if (ids.length > 0) yield ids
    if (ids.length < IDS_PER_PAGE) return
    last = ids[ids.length - 1]
  }
}

/** Everything comes as text: the client would make numbers of what does not fit into one. */
export function selectText(field: Field): string {
  const column = quote(field.column)
  if (field.scalar === 'Bytes' && !field.isList) return `encode(${column}, 'hex')`
  return `${column}::text${field.isList ? '[]' : ''}`
}

export const parseRow = (type: EntityType, row: readonly (string | string[] | null)[]): Row =>
  type.storedFields.map((field, index) => {
    const text = row[index]
    if (text === null) return null
    if (!Array.isArray(text)) return parseValue(field.scalar, text)
    return text.map((element) => parseValue(field.scalar, field.scalar === 'Bytes' ? element.slice(2) : element))
  })

function parseValue(scalar: Scalar, text: string): Value {
  switch (scalar) {
    case 'Bytes':
      return `0x${text}`
    case 'Boolean':
      return text === 'true'
    case 'Int':
      return Number(text)
    case 'BigInt':
    case 'Int8':
    case 'Timestamp':
      return BigInt(text)
    case 'BigDecimal':
      return parseDecimal(text)
    default:
      return text
  }
}

/** An id or a reference as a parameter of a query. */
export const toParameter = (field: Field, id: string): string | Buffer =>
  field.scalar === 'Bytes' ? Buffer.from(id.slice(2), 'hex') : id
