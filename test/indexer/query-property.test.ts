import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type Executor, openExecutor } from '../../indexer/query/execute.ts'
import { type FilterField, filterFields } from '../../indexer/query/filter-fields.ts'
import { readDeployment } from '../../indexer/store/deployments.ts'
import { type EntitySchema, parseEntityTypes } from '../../indexer/store/schema.ts'
import { type Client, openClient } from '../../worker/db/client.ts'
import { createLog } from '../../worker/log.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createDeployment, fixture, type Rows } from './query-fixtures/deployment.ts'
import { answerNaively } from './query-fixtures/naive.ts'
import {
  type Asked,
  isAnswered,
  LAST_BLOCK,
  pick,
  printAsked,
  randomAsked,
  randomOperand,
  randomRows,
  seeded,
  toVariable,
} from './query-fixtures/random.ts'

const ROOTS: Readonly<Record<string, string>> = {
  Owner: 'owners',
  Profile: 'profiles',
  Thing: 'things',
  Mark: 'marks',
}

let database: TestDatabase
let client: Client
let execute: Executor
let entities: EntitySchema
let rows: Rows

beforeAll(async () => {
  database = await createTestDatabase()
  client = openClient(database.url)
  execute = openExecutor(client.pool, createLog('error'))
  const schemaText = await fixture('everything.graphql')
  entities = parseEntityTypes(schemaText)
  rows = randomRows(seeded(20_261), entities)
  await createDeployment(client, { name: 'random', schemaText, rows, block: LAST_BLOCK })
})

afterAll(async () => {
  await client?.close()
  await database?.drop()
})

async function ask(query: string, variables: Record<string, unknown> = {}): Promise<unknown> {
  const request = { query, variables, operationName: null }
  return JSON.parse((await execute((connection) => readDeployment(connection, 'random'), 'random', request)).body)
}

function expected(asked: Asked, block: number): unknown {
  try {
    return { data: { answer: answerNaively(entities, rows, asked, block) } }
  } catch (error) {
    return { errors: [expect.objectContaining({ message: expect.stringContaining((error as Error).message) })] }
  }
}

test('every question is answered as by looking at every entity', async () => {
  const random = seeded(7)
  let found = 0
  for (let round = 0; round < 300; round++) {
    const asked = randomAsked(random, entities, pick(random, ['Thing', 'Thing', 'Owner', 'Mark', 'Profile']))
    const block = random() < 0.4 ? Math.floor(random() * LAST_BLOCK) : undefined
    const query = `{ ${printAsked(asked, `answer: ${ROOTS[asked.type]}`, entities, block)} }`
    const answer = await ask(query)
    expect(answer, `round ${round}: ${query}`).toEqual(expected(asked, block ?? LAST_BLOCK))
    if (JSON.stringify(answer).length > 40) found++
  }
  // Questions that all find nothing would prove nothing.
  expect(found).toBeGreaterThan(150)
})

test('every filter of every field finds what it should, with its value as a variable', async () => {
  const random = seeded(11)
  const found = new Set<string>()
  for (const entity of entities.entities.values()) {
    const filters = filterFields(entity, entities).filter(
      (filter) => isAnswered(filter) && filter.operator !== 'nested',
    )
    const asked = filters.flatMap((filter) => [1, 2, 3].map(() => byOneFilter(entity.name, filter, random)))
    // Many to a query, each with a name and a variable of its own.
    for (let start = 0; start < asked.length; start += 40) {
      const some = asked.slice(start, start + 40)
      const declared = some.map((_, index) => `$w${index}: ${entity.name}_filter`).join(', ')
      const fields = some.map((_, index) => `a${index}: ${ROOTS[entity.name]}(first: 1000, where: $w${index}) { id }`)
      const variables = Object.fromEntries(some.map(({ where }, index) => [`w${index}`, toVariable(where)]))
      const answer = z
        .object({ data: z.record(z.string(), z.array(z.unknown())) })
        .parse(await ask(`query (${declared}) { ${fields.join(' ')} }`, variables))
      some.forEach((one, index) => {
        expect(answer.data[`a${index}`], JSON.stringify(one.where)).toEqual(
          answerNaively(entities, rows, one, LAST_BLOCK),
        )
        if (answer.data[`a${index}`].length > 0) found.add(filters[Math.floor((start + index) / 3)].operator)
      })
    }
  }
  expect([...found].sort()).toEqual([...new Set(allOperators())].sort())
})

const allOperators = () =>
  [...entities.entities.values()].flatMap((entity) =>
    filterFields(entity, entities).flatMap(({ operator }) => (operator === 'nested' ? [] : operator)),
  )

function byOneFilter(type: string, filter: FilterField, random: () => number): Asked {
  const where = { [filter.name]: randomOperand(random, entities, filter) }
  return { type, where, orderBy: null, orderDirection: null, first: 1000, skip: null, scalars: ['id'], nested: {} }
}
