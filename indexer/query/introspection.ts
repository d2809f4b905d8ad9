import {
  type DocumentNode,
  executeSync,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  MaxIntrospectionDepthRule,
  type OperationDefinitionNode,
  validate,
} from 'graphql'
import type { InputObject, InputValue } from './input-value.ts'
import { isEnum, isList, isObject } from './input-value.ts'
import { QueryError } from './query-error.ts'
import type { Selected } from './selection.ts'

export const isIntrospection = ({ name }: Selected): boolean => name === '__schema' || name === '__type'

/**
 * Answers `__schema` and `__type`.
 *
 * @returns the JSON text of each field, by its key
 * @throws QueryError when the query asks for the same lists within themselves
 */
export function introspect(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: InputObject,
  fields: readonly Selected[],
): Map<string, string> {
  const reduced: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [
      { ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections: fields.map(({ node }) => node) } },
      ...document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION),
    ],
  }
  const [tooDeep] = validate(schema, reduced, [MaxIntrospectionDepthRule])
  if (tooDeep) throw new QueryError(tooDeep.message)
  const { data, errors } = executeSync({ schema, document: reduced, variableValues: toJson(variables) })
  if (errors) throw new QueryError(errors[0].message, locationOf(errors[0]))
  return new Map(fields.map(({ key }) => [key, JSON.stringify(data?.[key] ?? null)]))
}

const locationOf = ({ source, positions }: GraphQLError) =>
  source && positions ? { source, start: positions[0] } : undefined

const toJson = (values: InputObject): Record<string, unknown> =>
  Object.fromEntries([...values].map(([name, value]) => [name, plain(value)]))

function plain(value: InputValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value === null || typeof value !== 'object') return value
  if (isEnum(value)) return value.enum
  if (isList(value)) return value.map(plain)
  return isObject(value) ? toJson(value) : null
}
