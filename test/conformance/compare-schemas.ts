import {
  getIntrospectionQuery,
  type IntrospectionQuery,
  type IntrospectionType,
  type IntrospectionTypeRef,
  specifiedScalarTypes,
} from 'graphql'
import { ask, type Indexer } from './indexer.ts'

/** Every type, field and argument that one has and the other has not, or has otherwise. */
export async function compareSchemas(
  embedded: Indexer,
  graphNode: Indexer,
): Promise<{ lines: number; differences: string[] }> {
  const [ours, theirs] = await Promise.all([embedded, graphNode].map(readSchema))
  const differences = [
    ...[...ours].filter((line) => !theirs.has(line)).map((line) => `only ${embedded.name}: ${line}`),
    ...[...theirs].filter((line) => !ours.has(line)).map((line) => `only ${graphNode.name}: ${line}`),
  ]
  return { lines: theirs.size, differences }
}

async function readSchema(indexer: Indexer): Promise<Set<string>> {
  const { data, errors } = await ask(indexer, getIntrospectionQuery({ descriptions: false }))
  if (!data) throw new Error(`${indexer.name}: introspection: ${JSON.stringify(errors)}`)
  const { types, queryType, mutationType, subscriptionType } = (data as unknown as IntrospectionQuery).__schema
  return new Set([
    `query ${queryType.name}, mutation ${mutationType?.name}, subscription ${subscriptionType?.name}`,
    ...types.filter((type) => !type.name.startsWith('__') && !isBuiltIn(type)).flatMap(linesOf),
  ])
}

/** Listed or not as each likes, where nothing uses them; every use is compared. */
const isBuiltIn = ({ name }: IntrospectionType) => specifiedScalarTypes.some((scalar) => scalar.name === name)

function linesOf(type: IntrospectionType): string[] {
  const self = `${type.kind} ${type.name}`
  if (type.kind === 'ENUM') return [self, ...type.enumValues.map(({ name }) => `${self} ${name}`)]
  if (type.kind === 'INPUT_OBJECT')
    return [
      self,
      ...type.inputFields.map(({ name, type: of, defaultValue }) => `${self} ${name}: ${print(of)} = ${defaultValue}`),
    ]
  if (type.kind !== 'OBJECT' && type.kind !== 'INTERFACE') return [self]
  return [
    self,
    ...type.fields.flatMap(({ name, type: of, args }) => [
      `${self} ${name}: ${print(of)}`,
      ...args.map((arg) => `${self} ${name}(${arg.name}: ${print(arg.type)} = ${arg.defaultValue})`),
    ]),
  ]
}

function print(type: IntrospectionTypeRef): string {
  if (type.kind === 'NON_NULL') return `${print(type.ofType)}!`
  return type.kind === 'LIST' ? `[${print(type.ofType)}]` : type.name
}
