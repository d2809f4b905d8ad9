import type { EntityType, Field, Scalar } from '../../store/schema.ts'
import { readFilter } from '../filter.ts'
import { isObject } from '../input-value.ts'
import { readOrder } from '../order.ts'
import { QueryError } from '../query-error.ts'
import { readRange } from '../range.ts'
import type { ApiSchema } from '../schema.ts'
import type { Selected } from '../selection.ts'
import { storeFailure } from '../stored-value.ts'
import { columnOf, writeCondition, writeLink } from './condition.ts'
import { writePage } from './page.ts'
import { mark, nextAlias, type Statement, versions } from './statement.ts'

/*
 * Postgres writes the answer's JSON itself, one text per root field with everything below it: nested lists are subqueries
 * that run once per parent, each with its own limit, and nothing is parsed and written again on the way to the client.
 */

/** The list that a root field or a field of an entity gives, as an SQL expression of the JSON text. */
export function writeList(
  statement: Statement,
  api: ApiSchema,
  entity: EntityType,
  selected: Selected,
  linkTo?: { readonly field: Field; readonly alias: string },
): string {
  const alias = nextAlias(statement)
  const { first, skip } = readRange(selected)
  const where = selected.args.get('where') ?? null
  const order = readOrder(api, entity, selected.args)
  // It could be done here; a query that works here is to work on graph-node too.
  if (linkTo && order.reference) throw storeFailure('SortKey::ChildKey cannot be used for parent ordering (yet)')
  const condition = isObject(where) ? writeCondition(statement, readFilter(api, entity, where), entity, alias) : 'true'
  const link = linkTo
    ? {
        condition: writeLink(linkTo.field, entity, linkTo.alias, alias),
        isOpen: linkTo.field.derivedFrom !== null,
      }
    : null
  const rows = writePage(statement, { entity, alias, condition, link, order, first, skip })
  const row = nextAlias(statement)
  const object = writeObject(statement, api, entity, row, selected.children)
  return `'[' || coalesce((select string_agg(json, ',') from (select ${object} as json from (${rows}) ${row}) items), '') || ']'`
}

/** The one entity that a condition finds, or `null`. */
export function writeOne(
  statement: Statement,
  api: ApiSchema,
  entity: EntityType,
  children: readonly Selected[],
  conditionOn: (alias: string) => string,
): string {
  const alias = nextAlias(statement)
  const { from, condition } = versions(statement, entity, alias)
  const object = writeObject(statement, api, entity, alias, children)
  return `(select ${object} from ${from} where ${condition} and ${conditionOn(alias)})`
}

function writeObject(
  statement: Statement,
  api: ApiSchema,
  entity: EntityType,
  alias: string,
  children: readonly Selected[],
): string {
  const members = children.map((child, index) => {
    const key = `'${index === 0 ? '{' : ','}"${child.key}":'`
    return `${key} || ${writeField(statement, api, entity, alias, child)}`
  })
  return `(${members.join(' || ')} || '}')`
}

function writeField(
  statement: Statement,
  api: ApiSchema,
  entity: EntityType,
  alias: string,
  selected: Selected,
): string {
  if (selected.name === '__typename') return `'"${entity.name}"'`
  const field = entity.fieldsByName.get(selected.name)
  if (!field) throw new Error(`${entity.name} has no field ${selected.name}`)
  const target = api.entities.entities.get(field.type)
  if (!target) return writeValue(field, columnOf(alias, field))
  if (field.isList) return writeList(statement, api, target, selected, { field, alias })
  const missing = field.isRequired
    ? mark(statement, new QueryError(`Null value resolved for non-null field \`${field.name}\``, selected.node.loc))
    : `'null'`
  const one = field.derivedFrom === null ? writeOne : writeOnlyOne(field, selected)
  return `coalesce(${one(statement, api, target, selected.children, (inner) => writeLink(field, target, alias, inner))}, ${missing})`
}

/** Nothing keeps two entities from referring back where the schema expects one. */
function writeOnlyOne(field: Field, selected: Selected): typeof writeOne {
  return (statement, api, target, children, conditionOn) => {
    const alias = nextAlias(statement)
    const { from, condition } = versions(statement, target, alias)
    const object = writeObject(statement, api, target, alias, children)
    const ambiguous = mark(
      statement,
      new QueryError(
        `Ambiguous result for derived field \`${field.name}\`: Multiple \`${target.name}\` entities refer back via \`${field.derivedFrom}\``,
        selected.node.loc,
      ),
    )
    const found = `select ${object} as json from ${from} where ${condition} and ${conditionOn(alias)} limit 2`
    return `(select case when count(*) > 1 then ${ambiguous} else max(json) end from (${found}) found)`
  }
}

function writeValue(field: Field, column: string): string {
  if (!field.isList) {
    const json = scalarJson(field.scalar, column)
    return field.isRequired ? json : `coalesce(${json}, 'null')`
  }
  const items = `'[' || coalesce((select string_agg(${scalarJson(field.scalar, 'item')}, ',' order by place)
    from unnest(${column}) with ordinality as list (item, place)), '') || ']'`
  return field.isRequired ? `(${items})` : `case when ${column} is null then 'null' else ${items} end`
}

function scalarJson(scalar: Scalar, value: string): string {
  switch (scalar) {
    case 'ID':
    case 'String':
      return `to_json(${value})::text`
    case 'Bytes':
      return `('"0x' || encode(${value}, 'hex') || '"')`
    case 'Boolean':
    case 'Int':
      return `${value}::text`
    case 'BigDecimal':
      return `('"' || trim_scale(${value})::text || '"')`
    case 'Int8':
    case 'BigInt':
    case 'Timestamp':
      return `('"' || ${value}::text || '"')`
  }
}
