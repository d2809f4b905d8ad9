import {
  type FieldNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import {
  fromJson,
  fromNode,
  type InputObject,
  type InputValue,
  inspect,
  isEnum,
  isList,
  isObject,
} from './input-value.ts'
import { QueryError, QueryErrors } from './query-error.ts'

/** A value that does not fit its type. */
class Misfit extends Error {
  readonly value: InputValue
  constructor(value: InputValue) {
    super('misfit')
    this.value = value
  }
}

/**
 * The variables of an operation, each fitted to the type it is declared with. Left out and without a default, it is absent.
 *
 * @param given the request's `variables`, parsed from JSON
 * @throws QueryErrors as graph-node words them
 */
export function coerceVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): InputObject {
  const values = new Map<string, InputValue>()
  const errors: QueryError[] = []
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value
    const type = typeFromAST(schema, definition.type)
    if (!type || !isInputType(type)) {
      errors.push(new QueryError(`Variable \`${name}\` must have an input type`, definition.loc))
      continue
    }
    const value = Object.hasOwn(given, name)
      ? fromJson(given[name])
      : definition.defaultValue && fromNode(definition.defaultValue, new Map())
    if (value !== undefined) {
      const fitted = attempt(value, type, name, definition.loc)
      if (fitted instanceof QueryError) errors.push(fitted)
      else values.set(name, fitted)
    } else if (isNonNullType(type)) {
      errors.push(new QueryError(`No value provided for required variable \`${name}\``, definition.loc))
    }
  }
  if (errors.length > 0) throw new QueryErrors(errors)
  return values
}

/** The arguments of a field, defaults included; arguments the field does not have are ignored, as graph-node ignores them. */
export function coerceArguments(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: InputObject,
): InputObject {
  const values = new Map<string, InputValue>()
  const errors: QueryError[] = []
  for (const argument of field.args) {
    const given = node.arguments?.find((candidate) => candidate.name.value === argument.name)
    const value = given ? fromNode(given.value, variables) : defaultOf(argument)
    if (value !== undefined) {
      const fitted = attempt(value, argument.type, argument.name, (given ?? node).loc)
      if (fitted instanceof QueryError) errors.push(fitted)
      else values.set(argument.name, fitted)
    } else if (isNonNullType(argument.type)) {
      errors.push(new QueryError(`No value provided for required argument: \`${argument.name}\``, node.loc))
    }
  }
  if (errors.length > 0) throw new QueryErrors(errors)
  return values
}

const defaultOf = ({ defaultValue }: GraphQLArgument): InputValue | undefined =>
  defaultValue === undefined ? undefined : fromJson(defaultValue)

function attempt(
  value: InputValue,
  type: GraphQLInputType,
  name: string,
  at: FieldNode['loc'],
): InputValue | QueryError {
  try {
    return coerce(value, type)
  } catch (error) {
    if (!(error instanceof Misfit)) throw error
    return new QueryError(`Invalid value provided for argument \`${name}\`: ${inspect(error.value)}`, at)
  }
}

/**
 * Fits a value to a type by graph-node's rules, which are stricter than the specification's: a single value is no list, and input
 * objects keep what was left out absent.
 */
function coerce(value: InputValue, type: GraphQLInputType): InputValue {
  if (isNonNullType(type)) {
    if (value === null) throw new Misfit(value)
    return coerce(value, type.ofType)
  }
  if (value === null) return null
  if (isListType(type)) {
    if (!isList(value)) throw new Misfit(value)
    return value.map((item) => coerce(item, type.ofType))
  }
  if (isEnumType(type)) {
    const name = isEnum(value) ? value.enum : value
    if (typeof name === 'string' && type.getValue(name)) return { enum: name }
    throw new Misfit(value)
  }
  if (!isInputObjectType(type)) return coerceScalar(value, type.name)
  if (!isObject(value)) throw new Misfit(value)
  const fields = type.getFields()
  return new Map(
    [...value].map(([name, inner]) => {
      if (!Object.hasOwn(fields, name)) throw new Misfit(value)
      try {
        return [name, coerce(inner, fields[name].type)]
      } catch (error) {
        throw error instanceof Misfit ? new Misfit(value) : error
      }
    }),
  )
}

const INT_RANGE = [-(2n ** 31n), 2n ** 31n - 1n] as const
const INT8_RANGE = [-(2n ** 63n), 2n ** 63n - 1n] as const
const isWithin = (value: bigint, [low, high]: readonly [bigint, bigint]) => low <= value && value <= high

function coerceScalar(value: InputValue, type: string): InputValue {
  switch (type) {
    case 'Boolean':
      if (typeof value === 'boolean') return value
      break
    case 'Int':
      if (typeof value === 'bigint' && isWithin(value, INT_RANGE)) return value
      break
    case 'BigDecimal':
      if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return String(value)
      break
    case 'ID':
    case 'BigInt':
    case 'Int8':
      if (typeof value === 'bigint' || typeof value === 'string') return String(value)
      break
    case 'Timestamp':
      if (typeof value === 'string' && isMicroseconds(value)) return value
      break
    default:
      if (typeof value === 'string') return value
  }
  throw new Misfit(value)
}

/** Before 1970 graph-node knows whole seconds only. */
function isMicroseconds(text: string): boolean {
  if (!/^[+-]?\d+$/.test(text)) return false
  const value = BigInt(text.replace('+', ''))
  return isWithin(value, INT8_RANGE) && (value >= 0n || value % 1_000_000n === 0n)
}
