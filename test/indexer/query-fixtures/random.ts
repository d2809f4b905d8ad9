import { type FilterField, filterFields } from '../../../indexer/query/filter-fields.ts'
import type { EntitySchema, EntityType, Field, Scalar } from '../../../indexer/store/schema.ts'
import type { Rows, Value, Version } from './deployment.ts'

/** The same numbers for the same seed: mulberry32. */
export type Random = () => number
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const below = (random: Random, limit: number) => Math.floor(random() * limit)
export const pick = <Item>(random: Random, items: readonly Item[]): Item => items[below(random, items.length)]
const some = <Item>(random: Random, limit: number, make: () => Item): Item[] =>
  Array.from({ length: below(random, limit + 1) }, make)

/** Few values, so that filters find something; wildcards, other alphabets and both cases among them. */
const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'Abc',
  'b',
  'ba',
  'B_',
  'a%b',
  'é',
  'É',
  'aé',
  '😀',
  'a😀b',
  '"',
  "it's",
  'null',
  '0x01',
]
const BYTES = ['0x', '0x00', '0x01', '0x0100', '0x01ff', '0xff', '0xff01', '0xffff']
const DECIMALS = ['0', '-1', '1', '1.5', '-0.25', '100', '0.000001', '12345678901234567890.5']
const INTEGERS = ['0', '-1', '1', '2', '10', '100', '-123456789012345678901234567890', '123456789012345678901234567890']
const SHORT_INTEGERS = ['0', '-1', '1', '7', '9007199254740993', '-9223372036854775808']
const INSTANTS = ['0', '1', '1704067200123456', '1704067200000000']
const KINDS = ['ALPHA', 'BETA', 'GAMMA']

function randomScalar(random: Random, scalar: Scalar): string | number | boolean {
  switch (scalar) {
    case 'Bytes':
      return pick(random, BYTES)
    case 'Boolean':
      return random() < 0.5
    case 'Int':
      return below(random, 7) - 3
    case 'Int8':
      return pick(random, SHORT_INTEGERS)
    case 'BigInt':
      return pick(random, INTEGERS)
    case 'BigDecimal':
      return pick(random, DECIMALS)
    case 'Timestamp':
      return pick(random, INSTANTS)
    default:
      return pick(random, TEXTS)
  }
}

/** Ids by type: those of the entities that there are, and one that leads nowhere. */
const idsOf = (type: string, isBytes: boolean, count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    isBytes ? `0x${(index * 37 + 1).toString(16).padStart(4, '0')}` : `${type[0].toLowerCase()}${index}`,
  )

export const COUNTS: Readonly<Record<string, number>> = { Owner: 12, Profile: 12, Thing: 60, Mark: 40 }
export const LAST_BLOCK = 20

/** Random entities of `everything.graphql`, most of them with a history. */
export function randomRows(random: Random, schema: EntitySchema): Rows {
  return Object.fromEntries(
    [...schema.entities.values()].map((entity) => {
      const ids = idsOf(entity.name, entity.id.scalar === 'Bytes', COUNTS[entity.name])
      return [entity.name, ids.flatMap((id, index) => randomVersions(random, schema, entity, id, index))]
    }),
  )
}

function randomVersions(
  random: Random,
  schema: EntitySchema,
  entity: EntityType,
  id: string,
  index: number,
): Version[] {
  // What others must refer to is there from the first block on.
  const isRequired = entity.name === 'Owner'
  let from = isRequired ? 0 : below(random, LAST_BLOCK)
  const versions: Version[] = []
  while (true) {
    const values = Object.fromEntries(
      entity.fields
        .filter((field) => field.kind !== 'derived')
        .map((field) => [field.name, randomValue(random, schema, field)]),
    )
    // Each owner has one profile at most, or asking for it would be an error.
    const fixed = entity.name === 'Profile' ? { owner: idsOf('Owner', true, COUNTS.Owner)[index] } : {}
    const isLast = entity.isImmutable || random() < 0.5 || from + 1 >= LAST_BLOCK
    const isRemoved = !isRequired && !entity.isImmutable && random() < 0.1
    const to = isLast && !isRemoved ? null : Math.min(from + 1 + below(random, 6), LAST_BLOCK)
    versions.push({ from, to, values: { ...values, ...fixed, id } })
    if (isLast || to === null) return versions
    from = to
  }
}

function randomValue(random: Random, schema: EntitySchema, field: Field): Value {
  if (!field.isRequired && random() < 0.2) return null
  const one = () => {
    const target = schema.entities.get(field.type)
    if (target) return pick(random, idsOf(target.name, field.scalar === 'Bytes', COUNTS[target.name]))
    return field.kind === 'enum' ? pick(random, KINDS) : randomScalar(random, field.scalar)
  }
  return field.isList ? some(random, 3, one) : one()
}

/** A list that is asked for: arguments as plain values, fields by name, nested lists below. */
export interface Asked {
  readonly type: string
  readonly where: Where | null
  readonly orderBy: string | null
  readonly orderDirection: 'asc' | 'desc' | null
  readonly first: number | null
  readonly skip: number | null
  readonly scalars: readonly string[]
  readonly nested: Readonly<Record<string, Asked>>
}
export type Where = { readonly [name: string]: WhereValue }
export type WhereValue = Value | Enum | readonly Enum[] | Where | readonly Where[]
/** Written without quotes. */
export interface Enum {
  readonly enum: string
}

/** A random question for a list of the type. */
export function randomAsked(random: Random, schema: EntitySchema, type: string, depth = 0): Asked {
  const entity = schema.entities.get(type)
  if (!entity) throw new Error(`no type ${type}`)
  const fields = entity.fields.filter((field) => !schema.entities.has(field.type))
  const links = entity.fields.filter((field) => schema.entities.has(field.type))
  return {
    type,
    where: random() < 0.85 ? randomWhere(random, schema, entity, true) : null,
    orderBy: random() < 0.7 ? pick(random, orders(schema, entity, depth === 0)) : null,
    orderDirection: pick(random, [null, 'asc', 'desc'] as const),
    first: random() < 0.5 ? 1 + below(random, 10) : null,
    skip: random() < 0.3 ? below(random, 5) : null,
    scalars: ['id', ...fields.filter(({ name }) => name !== 'id' && random() < 0.4).map(({ name }) => name)],
    nested: Object.fromEntries(
      depth >= 2
        ? []
        : links
            .filter(() => random() < 0.3)
            .map((field) => [field.name, randomNested(random, schema, field, depth + 1)]),
    ),
  }
}

function randomNested(random: Random, schema: EntitySchema, field: Field, depth: number): Asked {
  const asked = randomAsked(random, schema, field.type, depth)
  if (field.isList) return asked
  return { ...asked, where: null, orderBy: null, orderDirection: null, first: null, skip: null }
}

/**
 * What a list can be ordered by: by fields of others only at the root. Not by ids of others, where graph-node leaves ties open,
 * nor by what is
 * required and leads nowhere.
 */
function orders(schema: EntitySchema, entity: EntityType, isRoot: boolean): string[] {
  const isOrdered = (field: Field) => field.kind === 'scalar' && !field.isList
  return entity.fields.flatMap((field) => {
    const target = schema.entities.get(field.type)
    if (!target) return isOrdered(field) ? [field.name] : []
    if (!isRoot || field.isList || field.name === 'thing') return []
    return target.fields
      .filter((child) => isOrdered(child) && child.name !== 'id')
      .map((child) => `${field.name}__${child.name}`)
  })
}

function randomWhere(random: Random, schema: EntitySchema, entity: EntityType, mayNest: boolean): Where {
  const kind = random()
  if (kind < 0.1) return { or: some(random, 3, () => randomWhere(random, schema, entity, mayNest)) }
  if (kind < 0.2) return { and: some(random, 3, () => randomWhere(random, schema, entity, mayNest)) }
  const candidates = filterFields(entity, schema).filter(isAnswered)
  const where: Record<string, WhereValue> = {}
  for (let count = 1 + below(random, 2); count > 0; count--) {
    const chosen = pick(random, candidates)
    const target = schema.entities.get(chosen.field.type)
    if (chosen.operator !== 'nested') where[chosen.name] = randomOperand(random, schema, chosen)
    else if (mayNest && target) where[chosen.name] = randomWhere(random, schema, target, false)
  }
  if (random() < 0.05) where._change_block = { number_gte: below(random, LAST_BLOCK) }
  return where
}

/** References by bytes offer the filters of strings, but refuse some of them. */
export const isAnswered = ({ field, operator }: FilterField) =>
  !(field.kind === 'reference' && field.scalar === 'Bytes' && /nocase|with/.test(operator))

/** A value to hold against a field. */
export function randomOperand(random: Random, schema: EntitySchema, { field, operator }: FilterField): WhereValue {
  if (random() < 0.1 && (operator === '' || operator === 'not')) return null
  const one = () => {
    const value = randomValue(random, schema, { ...field, isList: false, isRequired: true })
    // What may stand in the middle of a value is looked for as well.
    if (typeof value === 'string' && field.scalar === 'Bytes' && operator.includes('contains')) return value.slice(0, 4)
    return value
  }
  const toEnum = (value: Value): Value | Enum => (field.kind === 'enum' ? { enum: String(value) } : value)
  const isMany = field.isList || operator === 'in' || operator === 'not_in'
  if (!isMany) return toEnum(one())
  const values = some(random, 3, one)
  return field.kind === 'enum' ? values.map((value) => ({ enum: String(value) })) : (values as Value)
}

/** The question as GraphQL, its values written into the text. */
export function printAsked(asked: Asked, field: string, schema: EntitySchema, block?: number): string {
  const { type, nested, scalars } = asked
  const args = [
    ...(block === undefined ? [] : [`block: {number: ${block}}`]),
    ...(asked.where ? [`where: ${printValue(asked.where)}`] : []),
    ...(asked.orderBy ? [`orderBy: ${asked.orderBy}`] : []),
    ...(asked.orderDirection ? [`orderDirection: ${asked.orderDirection}`] : []),
    ...(asked.first === null ? [] : [`first: ${asked.first}`]),
    ...(asked.skip === null ? [] : [`skip: ${asked.skip}`]),
  ]
  const children = Object.entries(nested).map(([name, child]) => printAsked(child, name, schema))
  if (!schema.entities.has(type)) throw new Error(`no type ${type}`)
  return `${field}${args.length > 0 ? `(${args.join(', ')})` : ''} { ${[...scalars, ...children].join(' ')} }`
}

function printValue(value: WhereValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(printValue).join(', ')}]`
  if ('enum' in value) return String(value.enum)
  return `{${Object.entries(value)
    .map(([name, inner]) => `${name}: ${printValue(inner)}`)
    .join(', ')}}`
}

/** The same value as a variable: enum values are strings there. */
export function toVariable(value: WhereValue): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(toVariable)
  if ('enum' in value) return value.enum
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toVariable(inner)]))
}
