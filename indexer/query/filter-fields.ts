import type { EntitySchema, EntityType, Field } from '../store/schema.ts'

/** How a filter compares, by the ending graph-node gives it: `name_not_in`, `name_contains_nocase`; `''` is equality. */
export type Operator =
  | ''
  | 'not'
  | 'gt'
  | 'lt'
  | 'gte'
  | 'lte'
  | 'in'
  | 'not_in'
  | `${'' | 'not_'}contains${'' | '_nocase'}`
  | `${'' | 'not_'}starts_with${'' | '_nocase'}`
  | `${'' | 'not_'}ends_with${'' | '_nocase'}`

/** One input field of an entity's `…_filter` type. */
export type FilterField =
  | { readonly name: string; readonly type: string; readonly field: Field; readonly operator: Operator }
  /** `lock_: {…}`: conditions on the entity that is referred to, or on any of those that refer back. */
  | { readonly name: string; readonly type: string; readonly field: Field; readonly operator: 'nested' }

const EQUALITY: readonly Operator[] = ['', 'not', 'in', 'not_in']
const ORDERED: readonly Operator[] = ['', 'not', 'gt', 'lt', 'gte', 'lte', 'in', 'not_in']
const BYTES: readonly Operator[] = [...ORDERED, 'contains', 'not_contains']
const TEXT: readonly Operator[] = [
  ...ORDERED,
  ...(['contains', 'starts_with', 'ends_with'] as const).flatMap(
    (test) => [test, `${test}_nocase`, `not_${test}`, `not_${test}_nocase`] as const,
  ),
]
const LIST: readonly Operator[] = ['', 'not', 'contains', 'not_contains']
const TEXT_LIST: readonly Operator[] = [...LIST, 'contains_nocase', 'not_contains_nocase']

/** The input fields of `<entity>_filter` that stem from fields of the entity; `and`, `or` and `_change_block` come on top. */
export function filterFields(entity: EntityType, schema: EntitySchema): FilterField[] {
  return entity.fields.flatMap((field) => {
    const compared = field.kind === 'derived' ? [] : compareFields(field)
    return schema.entities.has(field.type)
      ? [...compared, { name: `${field.name}_`, type: `${field.type}_filter`, field, operator: 'nested' as const }]
      : compared
  })
}

function compareFields(field: Field): FilterField[] {
  // References are compared by their target's id, which is passed as a string whatever its type.
  const type = field.kind === 'reference' ? 'String' : field.type
  return operatorsOf(field).map((operator) => ({
    name: operator === '' ? field.name : `${field.name}_${operator}`,
    type: field.isList || operator === 'in' || operator === 'not_in' ? `[${type}!]` : type,
    field,
    operator,
  }))
}

function operatorsOf(field: Field): readonly Operator[] {
  const holdsText =
    (field.kind === 'scalar' && field.type === 'String') || (field.kind === 'reference' && field.scalar !== 'Bytes')
  if (field.isList) return holdsText ? TEXT_LIST : LIST
  if (field.kind === 'enum') return EQUALITY
  if (field.kind === 'reference') return TEXT
  switch (field.type) {
    case 'Boolean':
      return EQUALITY
    case 'Bytes':
      return BYTES
    case 'String':
      return TEXT
    default:
      return ORDERED
  }
}
