import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'
import { openExecutor } from '../../../indexer/query/execute.ts'
import { readDeployment } from '../../../indexer/store/deployments.ts'
import type { EntitySchema } from '../../../indexer/store/schema.ts'
import { type Client, openClient } from '../../../worker/db/client.ts'
import { createLog } from '../../../worker/log.ts'
import { createTestDatabase } from '../../support/database.ts'
import { createDeployment, fixture } from './deployment.ts'
import { SMALL, SMALL_BLOCK } from './small.ts'

const Answer = z.object({
  data: z.record(z.string(), z.unknown()).optional(),
  errors: z.array(z.object({ message: z.string() })).optional(),
})
export type Answer = z.output<typeof Answer>
type Variables = Readonly<Record<string, unknown>>

/** The deployment `small`, in a database of the test file's own. */
export interface Asking {
  readonly client: Client
  readonly id: string
  /** Postgres schema of the entities. */
  readonly schema: string
  readonly entities: EntitySchema
  /** The answer as it is; `body` of it as text. */
  answer(query: string, variables?: Variables, operationName?: string | null, name?: string): Promise<Answer>
  body(query: string, variables?: Variables, operationName?: string | null, name?: string): Promise<string>
  /** The data of an answer without errors. */
  ask(query: string, variables?: Variables): Promise<Answer['data']>
  /** The messages of an answer without data. */
  refused(query: string, variables?: Variables): Promise<string | undefined>
  /** Ids of the things that a condition finds, joined. */
  things(where: string, rest?: string): Promise<string>
}

/** Sets `small` up before the tests of a file and takes it down after them. */
export function askSmall(): Asking {
  let asking: Asking | undefined
  let stop = async () => {}
  beforeAll(async () => {
    const database = await createTestDatabase()
    const client = openClient(database.url)
    stop = async () => {
      await client.close()
      await database.drop()
    }
    asking = await prepare(client)
  })
  afterAll(() => stop())
  const ready = () => {
    if (!asking) throw new Error('small is there from the first test on')
    return asking
  }
  return {
    get client() {
      return ready().client
    },
    get id() {
      return ready().id
    },
    get schema() {
      return ready().schema
    },
    get entities() {
      return ready().entities
    },
    body: (...args) => ready().body(...args),
    answer: (...args) => ready().answer(...args),
    ask: (...args) => ready().ask(...args),
    refused: (...args) => ready().refused(...args),
    things: (...args) => ready().things(...args),
  }
}

async function prepare(client: Client): Promise<Asking> {
  const execute = openExecutor(client.pool, createLog('silent'))
  const schemaText = await fixture('everything.graphql')
  const options = { name: 'small', schemaText, rows: SMALL, block: SMALL_BLOCK, earliestBlock: 1 }
  const { id, schema, entities } = await createDeployment(client, options)
  const body: Asking['body'] = async (query, variables = {}, operationName = null, name = 'small') => {
    const find = (connection: Parameters<typeof readDeployment>[0]) => readDeployment(connection, name)
    return (await execute(find, name, { query, variables, operationName })).body
  }
  const answer: Asking['answer'] = async (...args) => Answer.parse(JSON.parse(await body(...args)))
  const ask: Asking['ask'] = async (query, variables) => {
    const { data, errors } = await answer(query, variables)
    expect(errors, query).toBeUndefined()
    return data
  }
  return {
    client,
    id,
    schema,
    entities,
    body,
    answer,
    ask,
    async refused(query, variables) {
      const { data, errors } = await answer(query, variables)
      expect(data, query).toBeUndefined()
      return errors?.map(({ message }) => message).join('\n')
    },
    async things(where, rest = '') {
      const data = await ask(`{ things(where: ${where}${rest}) { id } }`)
      return z
        .array(z.object({ id: z.string() }))
        .parse(data?.things)
        .map(({ id }) => id)
        .join('')
    },
  }
}
