import { type DirectiveNode, type DocumentNode, type FieldDefinitionNode, Kind, parse, type TypeNode } from 'graphql'
import { InvalidInput } from '../../worker/errors.ts'

/** What a value is stored as. A reference is stored as its target's id, an enum value as its name. */
export const SCALARS = ['ID', 'String', 'Bytes', 'Boolean', 'Int', 'Int8', 'BigInt', 'BigDecimal', 'Timestamp'] as const
export type Scalar = (typeof SCALARS)[number]

/** One field of an entity type. */
export interface Field {
  readonly name: string
  /** Column of a stored field, unquoted; empty for a derived one. */
  readonly column: string
  readonly description: string | null
  readonly kind: 'scalar' | 'enum' | 'reference' | 'derived'
  /** The type's name in the schema, without `!` and brackets: a scalar, an enum or an entity type. */
  readonly type: string
  /** What one value is stored as. For a derived field: what the ids of its elements are stored as. */
  readonly scalar: Scalar
  readonly isList: boolean
  readonly isRequired: boolean
  /** Field of the other type that refers back here; only for derived fields. */
  readonly derivedFrom: string | null
  /** Position among the stored fields of its type; -1 for a derived one. */
  readonly position: number
}

/** One `@entity` type of a subgraph's schema. */
export interface EntityType {
  readonly name: string
  /** Table within the deployment's schema, unquoted. */
  readonly table: string
  readonly description: string | null
  /** Written once, never changed. */
  readonly isImmutable: boolean
  readonly id: Field
  /** All fields in the schema's order, derived ones included. */
  readonly fields: readonly Field[]
  /** Those that are columns. */
  readonly storedFields: readonly Field[]
  readonly fieldsByName: ReadonlyMap<string, Field>
}

export interface EnumType {
  readonly name: string
  readonly description: string | null
  readonly values: readonly { readonly name: string; readonly description: string | null }[]
}

/** A subgraph's schema as far as storing and asking need it. */
export interface EntitySchema {
  readonly entities: ReadonlyMap<string, EntityType>
  readonly enums: ReadonlyMap<string, EnumType>
}

/** Columns of ours in every table; a field of that name gets an underscore behind its column. */
const OWN_COLUMNS = ['valid_from', 'valid_to']
/** Longest identifier Postgres keeps whole. */
const MAX_IDENTIFIER = 63

/**
 * Reads the entity types of a subgraph's `schema.graphql`.
 *
 * @throws InvalidInput that names the construct, for everything that is not stored: interfaces, unions, `@fulltext`, aggregations
 *   and timeseries, unknown types, two fields of one column
 */
export function parseEntityTypes(schemaText: string): EntitySchema {
  const document = parseDocument(schemaText)
  const enums = new Map<string, EnumType>()
  const idScalars = new Map<string, Scalar>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.ENUM_TYPE_DEFINITION) {
      enums.set(definition.name.value, {
        name: definition.name.value,
        description: definition.description?.value ?? null,
        values: (definition.values ?? []).map((value) => ({
          name: value.name.value,
          description: value.description?.value ?? null,
        })),
      })
    } else if (definition.kind === Kind.OBJECT_TYPE_DEFINITION) {
      const id = definition.fields?.find((field) => field.name.value === 'id')
      if (id) idScalars.set(definition.name.value, idScalar(definition.name.value, id))
    }
  }

  const entities = new Map<string, EntityType>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.ENUM_TYPE_DEFINITION) continue
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) throw unsupported(definition.kind)
    const name = definition.name.value
    const entity = definition.directives?.find((directive) => directive.name.value === 'entity')
    if (!entity) throw unsupported(`type ${name} without @entity (full-text search and aggregations among them)`)
    if (argument(entity, 'timeseries') === true) throw unsupported(`type ${name}: timeseries`)
    if ((definition.interfaces ?? []).length > 0) throw unsupported(`type ${name}: interfaces`)
    let stored = 0
    const fields = (definition.fields ?? []).map((node) => {
      const field = readField(name, node, enums, idScalars)
      return { ...field, position: field.kind === 'derived' ? -1 : stored++ }
    })
    const id = fields.find((field) => field.name === 'id')
    if (!id) throw unsupported(`type ${name} without an id`)
    const table = identifier(snakeCase(name))
    if ([...entities.values()].some((other) => other.table === table)) {
      throw unsupported(`type ${name}: another type has its table ${table}`)
    }
    assertDistinctColumns(name, fields)
    entities.set(name, {
      name,
      table,
      description: definition.description?.value ?? null,
      isImmutable: argument(entity, 'immutable') === true,
      id,
      fields,
      storedFields: fields.filter((field) => field.kind !== 'derived'),
      fieldsByName: new Map(fields.map((field) => [field.name, field])),
    })
  }
  assertDerivations(entities)
  return { entities, enums }
}

function parseDocument(schemaText: string): DocumentNode {
  try {
    return parse(schemaText, { noLocation: true })
  } catch (cause) {
    throw new InvalidInput(`schema.graphql is no GraphQL: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

function readField(
  owner: string,
  node: FieldDefinitionNode,
  enums: ReadonlyMap<string, EnumType>,
  idScalars: ReadonlyMap<string, Scalar>,
): Omit<Field, 'position'> {
  const name = node.name.value
  const { type, isList, isRequired, isNested } = unwrap(node.type)
  if (isNested) throw unsupported(`${owner}.${name}: lists of lists`)
  const derivation = node.directives?.find((directive) => directive.name.value === 'derivedFrom')
  const target = idScalars.get(type)
  const isScalar = (SCALARS as readonly string[]).includes(type)
  if (!isScalar && !enums.has(type) && !target) throw unsupported(`${owner}.${name}: the type ${type}`)
  const kind = derivation ? 'derived' : isScalar ? 'scalar' : target ? 'reference' : 'enum'
  const column = snakeCase(name)
  return {
    name,
    column: kind === 'derived' ? '' : identifier(OWN_COLUMNS.includes(column) ? `${column}_` : column),
    description: node.description?.value ?? null,
    kind,
    type,
    scalar: target ?? (isScalar ? (type as Scalar) : 'String'),
    isList,
    isRequired,
    derivedFrom: derivation ? String(argument(derivation, 'field')) : null,
  }
}

function unwrap(node: TypeNode): { type: string; isList: boolean; isRequired: boolean; isNested: boolean } {
  const isRequired = node.kind === Kind.NON_NULL_TYPE
  const inner = isRequired ? node.type : node
  if (inner.kind === Kind.NAMED_TYPE) return { type: inner.name.value, isList: false, isRequired, isNested: false }
  const element = unwrap(inner.type)
  return { type: element.type, isList: true, isRequired, isNested: element.isList }
}

function idScalar(owner: string, field: FieldDefinitionNode): Scalar {
  const { type, isList } = unwrap(field.type)
  if (!isList && (type === 'ID' || type === 'String' || type === 'Bytes')) return type
  throw unsupported(`${owner}.id: the type ${type}; ids are ID, String or Bytes`)
}

function argument(directive: DirectiveNode, name: string): unknown {
  const value = directive.arguments?.find((candidate) => candidate.name.value === name)?.value
  return value && 'value' in value ? value.value : undefined
}

function assertDistinctColumns(owner: string, fields: readonly Field[]): void {
  const owners = new Map<string, string>()
  for (const { column, name } of fields) {
    if (!column) continue
    const other = owners.get(column)
    if (other) throw unsupported(`${owner}.${name}: ${other} has the same column ${column}`)
    owners.set(column, name)
  }
}

function assertDerivations(entities: ReadonlyMap<string, EntityType>): void {
  for (const entity of entities.values()) {
    for (const field of entity.fields) {
      if (!field.derivedFrom) continue
      const source = entities.get(field.type)?.fieldsByName.get(field.derivedFrom)
      if (source?.kind !== 'reference' || source.type !== entity.name) {
        throw unsupported(
          `${entity.name}.${field.name}: ${field.type}.${field.derivedFrom} is no reference to ${entity.name}`,
        )
      }
    }
  }
}

/** `registeredAtBlock` → `registered_at_block`, `grc20WorkId` → `grc20_work_id`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

function identifier(name: string): string {
  if (name.length <= MAX_IDENTIFIER) return name
  throw unsupported(`the name ${name}: longer than ${MAX_IDENTIFIER} characters`)
}

function unsupported(what: string): InvalidInput {
  return new InvalidInput(`schema.graphql has something that is not supported: ${what}`)
}
