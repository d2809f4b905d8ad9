import { type Entity, type EntityType, readEntities } from './entities.ts'
import { ask, type Indexer } from './indexer.ts'
import type { Question } from './queries.ts'

interface TypeReference {
  readonly kind: string
  readonly name: string | null
  readonly ofType?: TypeReference | null
}

const SAMPLES = 3
const FIRST = 40

/** Every filter and every order of every field, by the schema that is served, with values that some entity has. */
export async function filterQuestions(indexer: Indexer, types: readonly EntityType[]): Promise<Question[]> {
  const questions: Question[] = []
  for (const type of types) {
    const entities = await readEntities(indexer, type)
    if (entities.length === 0) continue
    const reference = 'kind name ofType { kind name ofType { kind name } }'
    const { data } = await ask(
      indexer,
      `{ __type(name: "${type.name}_filter") { inputFields { name type { ${reference} } } } }`,
    )
    const { inputFields } = (data as { __type: { inputFields: { name: string; type: TypeReference }[] } }).__type
    for (const { name, type: inputType } of inputFields)
      for (const value of inputsFor(name, inputType.kind === 'LIST', entities))
        questions.push({
          query: `query ($value: ${print(inputType)}) { ${type.plural}(where: { ${name}: $value }, first: ${FIRST}) { id } }`,
          variables: { value },
        })
    for (const field of Object.keys(entities[0]))
      for (const direction of ['asc', 'desc'])
        questions.push({
          query: `{ ${type.plural}(orderBy: ${field}, orderDirection: ${direction}, first: ${FIRST}) { id } }`,
        })
  }
  return questions
}

/** None for the logic around filters and for filters of what an entity refers to: those are asked by hand. */
function inputsFor(name: string, isList: boolean, entities: readonly Entity[]): unknown[] {
  const field = Object.keys(entities[0])
    .filter((stored) => name === stored || name.startsWith(`${stored}_`))
    .sort((one, other) => other.length - one.length)
    .at(0)
  if (!field || name === `${field}_`) return []
  const operator = name.slice(field.length + 1)
  const values = valuesOf(field, entities).map((value) => (typeof value === 'string' ? cut(value, operator) : value))
  return isList ? [values, values.slice(0, 1), []] : values
}

/** Of the first entity, the last and one in the middle. */
function valuesOf(field: string, entities: readonly Entity[]): unknown[] {
  const values = entities
    .map((entity) => entity[field])
    .filter((value) => value !== null)
    .map((value) => (typeof value === 'object' ? (value as Entity).id : value))
  const places = Array.from({ length: SAMPLES }, (_, n) => Math.floor((n * (values.length - 1)) / (SAMPLES - 1)))
  return values.length === 0 ? [] : [...new Set(places.map((place) => values[place]))]
}

/** The part of a text that an operator looks for; whole bytes of what is in hexadecimal. */
function cut(value: string, operator: string): string {
  const characters = [...value]
  if (operator.includes('starts_with')) return characters.slice(0, 6).join('')
  if (operator.includes('ends_with')) return characters.slice(-4).join('')
  if (!operator.includes('contains')) return value
  return value.startsWith('0x') ? `0x${value.slice(6, 10)}` : characters.slice(2, 7).join('')
}

function print({ kind, name, ofType }: TypeReference): string {
  if (kind === 'NON_NULL') return `${print(ofType!)}!`
  return kind === 'LIST' ? `[${print(ofType!)}]` : name!
}
