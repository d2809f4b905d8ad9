import type { EntityType, Field } from '../store/schema.ts'
import { type InputObject, isEnum } from './input-value.ts'
import { QueryError } from './query-error.ts'
import type { ApiSchema } from './schema.ts'

/** The order of a list: by a field of its entities, or by one of the entity that a reference leads to. Ties go by id. */
export interface Order {
  readonly field: Field
  readonly direction: 'asc' | 'desc'
  readonly reference: { readonly field: Field; readonly target: EntityType } | null
}

/**
 * Reads `orderBy` and `orderDirection`. Without `orderBy` the order is that of ascending ids, whatever the direction.
 *
 * @throws QueryError for lists, references and enums: graph-node offers them in `orderBy` and refuses them
 */
export function readOrder(api: ApiSchema, entity: EntityType, args: InputObject): Order {
  const by = args.get('orderBy') ?? null
  const directionValue = args.get('orderDirection') ?? null
  if (!isEnum(by)) return { field: entity.id, direction: 'asc', reference: null }
  const direction = isEnum(directionValue) && directionValue.enum === 'desc' ? 'desc' : 'asc'
  const own = entity.fieldsByName.get(by.enum)
  if (own) return { field: assertOrdered(entity, own), direction, reference: null }
  for (const field of entity.fields) {
    const target = api.entities.entities.get(field.type)
    const child = target?.fields.find(({ name }) => `${field.name}__${name}` === by.enum)
    if (target && child) return { field: assertOrdered(target, child), direction, reference: { field, target } }
  }
  throw new Error(`${entity.name}_orderBy has a value ${by.enum} that leads nowhere`)
}

function assertOrdered(entity: EntityType, field: Field): Field {
  if (field.kind === 'scalar' && !field.isList) return field
  throw new QueryError(`Ordering by \`${field.name}\` is not supported for type \`${entity.name}\``)
}
