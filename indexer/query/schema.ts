import { buildSchema, GraphQLFloat, GraphQLSchema } from 'graphql'
import type { EntitySchema, EntityType, Field } from '../store/schema.ts'
import { BUILTIN_ROOT_FIELDS, BUILTIN_TYPES } from './builtin-types.ts'
import { type FilterField, filterFields } from './filter-fields.ts'
import { rootFieldNames } from './naming.ts'

/** What a subgraph can be asked, as graph-node derives it from the subgraph's entities. */
export interface ApiSchema {
  readonly graphql: GraphQLSchema
  readonly entities: EntitySchema
  /** Root fields by name: one entity by id, or a list. */
  readonly roots: ReadonlyMap<string, { readonly entity: EntityType; readonly isList: boolean }>
  /** The input fields of each entity's filter type, by the entity's name and their own. */
  readonly filters: ReadonlyMap<string, ReadonlyMap<string, FilterField>>
}

const LIST_ARGUMENTS = (type: string) =>
  `skip: Int = 0, first: Int = 100, orderBy: ${type}_orderBy, orderDirection: OrderDirection, where: ${type}_filter`

const ROOT_ARGUMENTS = `
    "The block to answer at: by hash, by number, or the latest if it is at least \`number_gte\`. The latest when left out."
    block: Block_height
    "\`allow\` gives data even after a handler has failed."
    subgraphError: _SubgraphErrorPolicy_! = deny`

/** Derives the query schema of a subgraph from its entities. */
export function createApiSchema(entities: EntitySchema): ApiSchema {
  const types = [...entities.entities.values()]
  const filters = new Map(types.map((entity) => [entity.name, filterFields(entity, entities)]))
  const text = [
    BUILTIN_TYPES,
    ...[...entities.enums.values()].map(
      (type) =>
        `${describe(type.description)}enum ${type.name} {\n${type.values
          .map((value) => `${describe(value.description)}  ${value.name}`)
          .join('\n')}\n}`,
    ),
    ...types.flatMap((entity) => [
      printEntity(entity, entities),
      printFilter(entity, filters.get(entity.name) ?? []),
      `enum ${entity.name}_orderBy { ${orderByValues(entity, entities).join(' ')} }`,
    ]),
    `type Query {\n${types.map(printRootFields).join('\n')}\n${BUILTIN_ROOT_FIELDS}\n}`,
  ]
  return {
    graphql: withFloat(buildSchema(text.join('\n\n'), { noLocation: true })),
    entities,
    roots: new Map<string, { entity: EntityType; isList: boolean }>(
      types.flatMap((entity) => {
        const { one, many } = rootFieldNames(entity.name)
        return [
          [one, { entity, isList: false }],
          [many, { entity, isList: true }],
        ] as const
      }),
    ),
    filters: new Map([...filters].map(([name, fields]) => [name, new Map(fields.map((field) => [field.name, field]))])),
  }
}

function printEntity(entity: EntityType, { entities }: EntitySchema): string {
  const fields = entity.fields.map((field) => {
    const args = field.isList && entities.has(field.type) ? `(${LIST_ARGUMENTS(field.type)})` : ''
    return `${describe(field.description)}  ${field.name}${args}: ${printType(field)}`
  })
  return `${describe(entity.description)}type ${entity.name} {\n${fields.join('\n')}\n}`
}

function printType(field: Field): string {
  const type = field.isList ? `[${field.type}!]` : field.type
  return field.isRequired ? `${type}!` : type
}

function printFilter(entity: EntityType, fields: readonly FilterField[]): string {
  const name = `${entity.name}_filter`
  return `input ${name} {
${fields.map((field) => `  ${field.name}: ${field.type}`).join('\n')}
  "What has changed in this block or later."
  _change_block: BlockChangedFilter
  and: [${name}]
  or: [${name}]
}`
}

/** A reference can be ordered by each single-valued field of its target: `lock__name`. */
function orderByValues(entity: EntityType, { entities }: EntitySchema): string[] {
  return entity.fields.flatMap((field) => {
    const target = field.isList ? undefined : entities.get(field.type)
    const nested = (target?.fields ?? []).filter((child) => !child.isList && !entities.has(child.type))
    return [field.name, ...nested.map((child) => `${field.name}__${child.name}`)]
  })
}

function printRootFields(entity: EntityType): string {
  const { one, many } = rootFieldNames(entity.name)
  return `  ${one}(id: ID!${ROOT_ARGUMENTS}): ${entity.name}
  ${many}(${LIST_ARGUMENTS(entity.name)}${ROOT_ARGUMENTS}): [${entity.name}!]!`
}

/** Every JSON string is a GraphQL string. */
const describe = (description: string | null): string =>
  description === null ? '' : `${JSON.stringify(description)}\n`

/** graph-node lists Float, which none of its fields has. */
function withFloat(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig()
  return new GraphQLSchema({ ...config, types: [...config.types, GraphQLFloat] })
}
