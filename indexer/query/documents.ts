import { type DocumentNode, GraphQLError, Kind, type OperationDefinitionNode, parse } from 'graphql'
import { QueryError } from './query-error.ts'

const MAX_TOKENS = 20_000
const CACHED_DOCUMENTS = 300
/** Longer texts are parsed each time: they are mostly made for one request. */
const MAX_CACHED_CHARACTERS = 4_000

/** Parses queries, and keeps those that come again. */
export function openDocuments(): (text: string) => DocumentNode {
  const cache = new Map<string, DocumentNode>()
  return (text) => {
    const known = cache.get(text)
    if (known) {
      // A map remembers the order of insertion, so the first entry is the one unused for longest.
      cache.delete(text)
      cache.set(text, known)
      return known
    }
    const document = parseQuery(text)
    if (text.length > MAX_CACHED_CHARACTERS) return document
    cache.set(text, document)
    if (cache.size > CACHED_DOCUMENTS) {
      const [oldest] = cache.keys()
      cache.delete(oldest)
    }
    return document
  }
}

function parseQuery(text: string): DocumentNode {
  try {
    return parse(text, { maxTokens: MAX_TOKENS })
  } catch (error) {
    if (error instanceof GraphQLError) throw new QueryError(error.message, locate(error))
    if (error instanceof RangeError) throw new QueryError('the query is nested too deeply')
    throw error
  }
}

function locate({ source, positions }: GraphQLError) {
  return source && positions ? { source, start: positions[0] } : undefined
}

/**
 * The operation that is to be run.
 *
 * @throws QueryError in graph-node's words
 */
export function chooseOperation(document: DocumentNode, name: string | null): OperationDefinitionNode {
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  if (operations.length === 0) throw new QueryError('Operation name required')
  if (operations.length > 1 && name === null) throw new QueryError('Operation name required')
  const chosen =
    operations.length === 1 ? operations[0] : operations.find((operation) => operation.name?.value === name)
  if (!chosen) throw new QueryError(`Operation name not found \`${name}\``)
  if (chosen.operation === 'mutation') throw new QueryError('Not supported: Mutations are not supported')
  if (chosen.operation === 'subscription') throw new QueryError('Not supported: Subscriptions are not supported')
  return chosen
}
