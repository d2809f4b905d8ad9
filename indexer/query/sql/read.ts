import type { Deployment, Queryable } from '../../store/deployments.ts'
import { sqlType } from '../../store/layout.ts'
import { QueryError, QueryErrors } from '../query-error.ts'
import type { ApiSchema } from '../schema.ts'
import type { Selected } from '../selection.ts'
import { toStoredId } from '../stored-value.ts'
import { writeList, writeOne } from './json.ts'
import { bind, findErrors, openStatement, type Statement } from './statement.ts'

/** Bytes of the entities in one answer. */
const MAX_ANSWER_BYTES = 64_000_000

/**
 * Reads the root fields that are entities, in one statement.
 *
 * @param connection in the transaction that the block was found in
 * @returns the JSON text of each, by its key; other fields are left out
 * @throws QueryError, QueryErrors
 */
export async function readEntities(
  { connection, deployment, api }: { connection: Queryable; deployment: Deployment; api: ApiSchema },
  block: { readonly number: number; readonly isLatest: boolean },
  fields: readonly Selected[],
): Promise<Map<string, string>> {
  const statement = openStatement(deployment.schema, api.entities, block.isLatest ? null : block.number)
  const keys: string[] = []
  const columns: string[] = []
  const refused: QueryError[] = []
  for (const field of fields) {
    try {
      const text = writeRoot(statement, api, field)
      if (text === null) continue
      columns.push(`${text} as f${keys.length}`)
      keys.push(field.key)
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      refused.push(error)
    }
  }
  if (refused.length > 0) throw new QueryErrors(refused)
  if (keys.length === 0) return new Map()
  const names = keys.map((_, index) => `f${index}`)
  const limit = bind(statement, MAX_ANSWER_BYTES, 'bigint')
  // An answer that is too large is not sent to us at all.
  const { rows } = await connection.query<Record<string, string>>(
    `with answer as materialized (select ${columns.join(', ')}),
       measured as (select *, ${names.map((name) => `octet_length(${name})::bigint`).join(' + ')} as size from answer)
     select ${names.map((name) => `case when size <= ${limit} then ${name} end as ${name}`).join(', ')}, size::text from measured`,
    statement.parameters,
  )
  const [row] = rows
  if (Number(row.size) > MAX_ANSWER_BYTES) {
    throw new QueryError(`the result size of ${row.size} is larger than the allowed limit of ${MAX_ANSWER_BYTES}`)
  }
  const texts = names.map((name) => row[name])
  const errors = findErrors(statement, texts)
  if (errors.length > 0) throw new QueryErrors(errors)
  return new Map(keys.map((key, index) => [key, texts[index]]))
}

function writeRoot(statement: Statement, api: ApiSchema, selected: Selected): string | null {
  const root = api.roots.get(selected.name)
  if (!root) return null
  const { entity, isList } = root
  if (isList) return writeList(statement, api, entity, selected)
  const id = selected.args.get('id')
  if (typeof id !== 'string') throw new Error(`${selected.name} without an id`)
  const value = bind(statement, toStoredId(id, entity.id.scalar), sqlType(entity.id))
  return `coalesce(${writeOne(statement, api, entity, selected.children, (alias) => `${alias}.id = ${value}`)}, 'null')`
}
