import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { coerceArguments } from './coerce.ts'
import { fromNode, type InputObject } from './input-value.ts'
import { QueryError, QueryErrors } from './query-error.ts'

/** One field that is asked for: fragments are resolved, variables filled in, arguments fitted to their types. */
export interface Selected {
  readonly name: string
  /** Under which it stands in the answer: its alias, or its name. */
  readonly key: string
  readonly args: InputObject
  readonly node: FieldNode
  /** Empty for scalars and enums. */
  readonly children: readonly Selected[]
}

/** What one query may select, after fragments have been resolved. */
export const SELECTION_LIMITS = { depth: 16, fields: 4_000 } as const

/**
 * Resolves an operation into the tree of its fields, as leniently as graph-node: directives on fragment spreads and unknown
 * arguments are ignored, and of two fields under one key the first keeps its arguments.
 *
 * @throws QueryErrors for fields and types that do not exist, and for what is asked for too deeply or too often
 */
export function selectFields(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: InputObject,
): readonly Selected[] {
  const query = schema.getQueryType()
  if (!query) throw new Error('the schema has no Query type')
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  const context: Context = { schema, fragments, variables, fieldCount: 0, errors: [] }
  const selected = expand(context, [{ set: operation.selectionSet, trail: [] }], query, 0)
  if (context.errors.length > 0) throw new QueryErrors(context.errors)
  return selected
}

interface Context {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly variables: InputObject
  fieldCount: number
  readonly errors: QueryError[]
}

/** Fields of every root type; what is below them is left to the library. */
const SCHEMA_FIELDS = ['__schema', '__type']

/** Something in the document, and the fragments it stands in from the operation on. */
interface Within {
  readonly trail: readonly string[]
}
type Groups = Map<string, (Within & { readonly node: FieldNode })[]>

/** @param sets selection sets of fields that share a key: their fields are merged */
function expand(
  context: Context,
  sets: readonly (Within & { readonly set: SelectionSetNode })[],
  type: GraphQLObjectType,
  depth: number,
): Selected[] {
  if (depth >= SELECTION_LIMITS.depth) {
    throw new QueryError(`query has a depth that exceeds the limit of \`${SELECTION_LIMITS.depth}\``)
  }
  const groups: Groups = new Map()
  const spread = new Set<string>()
  for (const { set, trail } of sets) collect(context, set.selections, type, trail, groups, spread)
  const fields = type.getFields()
  const selected: Selected[] = []
  for (const [key, group] of groups) {
    if (++context.fieldCount > SELECTION_LIMITS.fields) {
      throw new QueryError(`query selects more than the limit of \`${SELECTION_LIMITS.fields}\` fields`)
    }
    const { node } = group[0]
    const name = node.name.value
    if (name === '__typename' || (depth === 0 && SCHEMA_FIELDS.includes(name))) {
      selected.push({ name, key, args: new Map(), node, children: [] })
      continue
    }
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) {
      context.errors.push(new QueryError(`Type \`${type.name}\` has no field \`${name}\``, node.loc))
      continue
    }
    const target = getNamedType(field.type)
    let children: Selected[] = []
    if (isObjectType(target)) {
      const inner = group.flatMap(({ node, trail }) => (node.selectionSet ? [{ set: node.selectionSet, trail }] : []))
      const before = context.errors.length
      children = expand(context, inner, target, depth + 1)
      if (children.length === 0 && context.errors.length === before) {
        context.errors.push(new QueryError(`Selection set for type \`${target.name}\` is empty`, node.loc))
      }
    }
    selected.push({ name, key, args: argumentsOf(context, field, node), node, children })
  }
  return selected
}

function argumentsOf(context: Context, field: Parameters<typeof coerceArguments>[0], node: FieldNode): InputObject {
  try {
    return coerceArguments(field, node, context.variables)
  } catch (error) {
    if (!(error instanceof QueryErrors)) throw error
    context.errors.push(...error.errors)
    return new Map()
  }
}

function collect(
  context: Context,
  selections: readonly SelectionNode[],
  type: GraphQLObjectType,
  trail: readonly string[],
  groups: Groups,
  spread: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      if (isSkipped(selection, context.variables)) continue
      const key = selection.alias?.value ?? selection.name.value
      const group = groups.get(key)
      // What is selected under one key has to be one field; of two different ones the first counts.
      if (!group) groups.set(key, [{ node: selection, trail }])
      else if (group[0].node.name.value === selection.name.value) group.push({ node: selection, trail })
      continue
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      if (isSkipped(selection, context.variables)) continue
      if (applies(context, selection.typeCondition?.name.value, type)) {
        collect(context, selection.selectionSet.selections, type, trail, groups, spread)
      }
      continue
    }
    const name = selection.name.value
    if (trail.includes(name)) throw new QueryError(`query has fragment cycle including \`${name}\``)
    const fragment = context.fragments.get(name)
    if (!fragment) throw new QueryError(`fragment \`${name}\` is not defined`)
    if (spread.has(name) || !applies(context, fragment.typeCondition.name.value, type)) continue
    spread.add(name)
    collect(context, fragment.selectionSet.selections, type, [...trail, name], groups, spread)
  }
}

function applies({ schema }: Context, condition: string | undefined, type: GraphQLObjectType): boolean {
  if (condition === undefined) return true
  if (!isObjectType(schema.getType(condition))) {
    throw new QueryError(`Failed to resolve named type \`${condition}\``)
  }
  return condition === type.name
}

function isSkipped(
  { directives }: FieldNode | { directives?: FieldNode['directives'] },
  variables: InputObject,
): boolean {
  return (directives ?? []).some(({ name, arguments: given }) => {
    const condition = given?.find((argument) => argument.name.value === 'if')
    const value = condition && fromNode(condition.value, variables)
    return (name.value === 'skip' && value === true) || (name.value === 'include' && value === false)
  })
}
