import { AsyncLocalStorage } from 'node:async_hooks'
import { GraphQLError } from 'graphql'
import { AppError } from '../worker/errors.ts'
import type { Log } from '../worker/log.ts'

/** The id of the request that is being served, for logs and for people who report an error. */
export const requestIds = new AsyncLocalStorage<string>()

/**
 * What a client may see of an error: its own mistakes and our typed errors as they are, anything else as an id
 * under which the log has the whole of it.
 */
export function createErrorMask(log: Log): (error: unknown) => GraphQLError {
  return (error) => {
    const original = originalOf(error)
    const place = error instanceof GraphQLError ? { nodes: error.nodes ?? null, path: error.path ?? null } : {}
    if (original instanceof AppError) {
      const { field } = original.details
      return new GraphQLError(original.message, {
        ...place,
        extensions: { code: original.kind, ...(typeof field === 'string' ? { field } : {}) },
      })
    }
    if (original instanceof GraphQLError) return original
    const requestId = requestIds.getStore() ?? 'none'
    log.error('a request failed unexpectedly', { requestId, error: original })
    return new GraphQLError(`Unexpected error. It has been logged under request ${requestId}.`, {
      ...place,
      extensions: { code: 'INTERNAL', requestId },
    })
  }
}

function originalOf(error: unknown): unknown {
  let at = error
  while (at instanceof GraphQLError && at.originalError) at = at.originalError
  return at
}
