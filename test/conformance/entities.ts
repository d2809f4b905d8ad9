import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema, type GraphQLOutputType, isListType, isNonNullType, isObjectType } from 'graphql'
import { ask, type Indexer } from './indexer.ts'

/** An entity type, and what to ask of it: every field that is stored. */
export interface EntityType {
  readonly name: string
  /** Name of the query for many: `clipEvents`. */
  readonly plural: string
  readonly selection: string
}

export type Entity = Readonly<Record<string, unknown>> & { readonly id: string }

const PAGE = 1000
const DIRECTIVES = `
  directive @entity(immutable: Boolean) on OBJECT
  directive @derivedFrom(field: String!) on FIELD_DEFINITION
  scalar Bytes
  scalar BigInt
`

/** The entity types of the subgraph's schema. */
export async function readEntityTypes(): Promise<EntityType[]> {
  const text = await readFile(join(import.meta.dirname, '../../subgraph/schema.graphql'), 'utf8')
  const schema = buildSchema(`${DIRECTIVES}${text}\ntype Query { unused: Int }`)
  const isDerived = (directives: readonly { name: { value: string } }[] = []) =>
    directives.some(({ name }) => name.value === 'derivedFrom')
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter(({ astNode }) => astNode?.directives?.some(({ name }) => name.value === 'entity'))
    .map((type) => ({
      name: type.name,
      plural: `${type.name[0].toLowerCase()}${type.name.slice(1)}s`,
      selection: Object.values(type.getFields())
        .filter(({ astNode }) => !isDerived(astNode?.directives))
        .map((field) => (isObjectType(unwrap(field.type)) ? `${field.name} { id }` : field.name))
        .join(' '),
    }))
}

/** All entities of a type, ordered by id; at a block, if one is named. */
export async function readEntities(indexer: Indexer, type: EntityType, block?: number): Promise<Entity[]> {
  const entities: Entity[] = []
  const at = block === undefined ? '' : `, block: { number: ${block} }`
  for (;;) {
    const after = entities.at(-1)?.id
    const where = after === undefined ? '' : `, where: { id_gt: "${after}" }`
    const query = `{ ${type.plural}(first: ${PAGE}, orderBy: id${where}${at}) { ${type.selection} } }`
    const { data, errors } = await ask(indexer, query)
    if (!data || errors) throw new Error(`${indexer.name}: ${type.plural}: ${JSON.stringify(errors)}`)
    const page = data[type.plural] as Entity[]
    entities.push(...page)
    if (page.length < PAGE) return entities
  }
}

function unwrap(type: GraphQLOutputType): unknown {
  return isNonNullType(type) || isListType(type) ? unwrap(type.ofType) : type
}
