import type { DocumentNode } from 'graphql'
import type pg from 'pg'
import type { Log } from '../../worker/log.ts'
import type { Deployment, IndexedBlock, Queryable } from '../store/deployments.ts'
import { parseEntityTypes } from '../store/schema.ts'
import { type BlockGroup, groupByBlock } from './block-constraint.ts'
import { coerceVariables } from './coerce.ts'
import { assertAffordable } from './cost.ts'
import { chooseOperation, openDocuments } from './documents.ts'
import { introspect, isIntrospection } from './introspection.ts'
import { printErrors, QueryError, QueryErrors } from './query-error.ts'
import { type ApiSchema, createApiSchema } from './schema.ts'
import { type Selected, selectFields } from './selection.ts'
import { readEntities } from './sql/read.ts'

export interface QueryRequest {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly operationName: string | null
}

export interface QueryAnswer {
  /** JSON of `data` and `errors`. */
  readonly body: string
  /** The latest block when the query was answered; null when it failed before. */
  readonly block: IndexedBlock | null
}

/** Answers a query as graph-node does: whatever is wrong with it is in the answer's `errors`. */
export type Executor = (
  find: (connection: Queryable) => Promise<Deployment | null>,
  name: string,
  request: QueryRequest,
) => Promise<QueryAnswer>

const TIMEOUT_MS = 10_000
/** Everything one query reads is of one snapshot: entities and the block they are of. */
const BEGIN = `begin transaction isolation level repeatable read read only;
  set local statement_timeout = ${TIMEOUT_MS};
  set local jit = off;
  set local max_parallel_workers_per_gather = 0`
const QUERY_CANCELED = '57014'
const CACHED_SCHEMAS = 20

/** @param pool of the database that the deployments are in */
export function openExecutor(pool: pg.Pool, log: Log): Executor {
  const parse = openDocuments()
  const schemaOf = openSchemas()
  return async (find, name, request) => {
    try {
      const document = parse(request.query)
      return await inSnapshot(pool, async (connection) => {
        const deployment = await find(connection)
        if (!deployment) throw new QueryError(`deployment \`${name}\` does not exist`)
        return await answer({ connection, deployment, api: schemaOf(deployment), document, request, log })
      })
    } catch (error) {
      return { body: `{"errors":${printErrors(explain(error, log))}}`, block: null }
    }
  }
}

/** A build keeps its schema for good, so that it is derived once. */
function openSchemas(): (deployment: Deployment) => ApiSchema {
  const schemas = new Map<string, ApiSchema>()
  return ({ id, schemaText }) => {
    const known = schemas.get(id)
    if (known) return known
    const schema = createApiSchema(parseEntityTypes(schemaText))
    if (schemas.size >= CACHED_SCHEMAS) schemas.clear()
    schemas.set(id, schema)
    return schema
  }
}

interface Execution {
  readonly connection: Queryable
  readonly deployment: Deployment
  readonly api: ApiSchema
  readonly document: DocumentNode
  readonly request: QueryRequest
  readonly log: Log
}

async function answer(execution: Execution): Promise<QueryAnswer> {
  const { connection, deployment, api, document, request } = execution
  const operation = chooseOperation(document, request.operationName)
  const variables = coerceVariables(api.graphql, operation, request.variables)
  const fields = selectFields(api.graphql, document, operation, variables)
  assertAffordable(fields)
  const schemaFields = fields.filter(isIntrospection)
  const known =
    schemaFields.length > 0 ? introspect(api.graphql, document, operation, variables, schemaFields) : new Map()
  const members: string[] = []
  const errors: QueryError[] = []
  const deadline = Date.now() + TIMEOUT_MS
  for (const group of await groupByBlock(connection, deployment, fields)) {
    if (Date.now() > deadline) throw new QueryError('Query timed out')
    const result = await answerGroup(execution, group, known)
    members.push(...result.members)
    errors.push(...result.errors)
  }
  const data = errors.length > 0 && members.length === 0 ? [] : [`"data":{${members.join(',')}}`]
  const parts = errors.length > 0 ? [...data, `"errors":${printErrors(errors)}`] : data
  return { body: `{${parts.join(',')}}`, block: deployment.block }
}

/** Fields that are answered without data of the subgraph, so that people can find out why there is none. */
const ALWAYS_ANSWERED = ['_meta', '_logs', '__schema', '__type']
const WITHOUT_ERROR = ['_meta', '_logs']

async function answerGroup(
  execution: Execution,
  group: BlockGroup,
  known: ReadonlyMap<string, string>,
): Promise<{ members: string[]; errors: readonly QueryError[] }> {
  const isRefused = (field: Selected) =>
    group.hasIndexingErrors && !group.allowsErrors && !ALWAYS_ANSWERED.includes(field.key)
  const answered = group.fields.filter((field) => !isRefused(field))
  let texts: ReadonlyMap<string, string>
  try {
    texts = await readEntities(execution, group.block, answered)
  } catch (error) {
    // Anything else has ended the transaction, and with it the whole query.
    if (!(error instanceof QueryError || error instanceof QueryErrors)) throw error
    return { members: [], errors: explain(error, execution.log) }
  }
  const members = answered.map((field) => {
    const text = texts.get(field.key) ?? known.get(field.key) ?? answerBuiltin(execution.deployment, group, field)
    return `"${field.key}":${text}`
  })
  const isFlawless = !group.hasIndexingErrors || group.fields.every(({ key }) => WITHOUT_ERROR.includes(key))
  return { members, errors: isFlawless ? [] : [new QueryError('indexing_error')] }
}

function answerBuiltin(deployment: Deployment, group: BlockGroup, { name, children }: Selected): string {
  if (name === '__typename') return '"Query"'
  if (name === '_logs') return '[]'
  const { number, hash, parentHash, timestamp } = group.block
  const block = { __typename: '_Block_', number, hash, parentHash, timestamp }
  const meta = { __typename: '_Meta_', block, deployment: deployment.id, hasIndexingErrors: group.hasIndexingErrors }
  return JSON.stringify(pick(meta, children))
}

function pick(source: Readonly<Record<string, unknown>>, children: readonly Selected[]): Record<string, unknown> {
  return Object.fromEntries(
    children.map((child) => {
      const value = source[child.name]
      const isObject = typeof value === 'object' && value !== null
      return [child.key, isObject ? pick({ ...value }, child.children) : value]
    }),
  )
}

/** What went wrong, for the answer. Anything that is not about the query is logged, and not told. */
function explain(error: unknown, log: Log): readonly QueryError[] {
  if (error instanceof QueryErrors) return error.errors
  if (error instanceof QueryError) return [error]
  if (error instanceof RangeError) return [new QueryError('the query is nested too deeply')]
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === QUERY_CANCELED) return [new QueryError('Query timed out')]
  // Class 22: a value that Postgres cannot take, as in an unfinished pattern or a number out of its range.
  if (code.startsWith('22') && error instanceof Error) {
    return [new QueryError(`Failed to get entities from store: ${error.message}`)]
  }
  log.error('a query of the subgraph failed unexpectedly', { error })
  return [new QueryError('Store error: the entities could not be read; the log says why')]
}

async function inSnapshot<Result>(
  pool: pg.Pool,
  work: (connection: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const connection = await pool.connect()
  let broken: Error | undefined
  try {
    await connection.query(BEGIN)
    return await work(connection)
  } finally {
    await connection.query('rollback').catch((error: Error) => {
      broken = error
    })
    connection.release(broken)
  }
}
