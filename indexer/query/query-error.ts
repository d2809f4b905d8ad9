import { getLocation, type Source } from 'graphql'

/**
 * Something in a query that graph-node answers with an entry in `errors`, in graph-node's words. It reaches the client as it is,
 * with HTTP status 200.
 */
export class QueryError extends Error {
  /** Line and column in the query, from 1. */
  readonly location: { readonly line: number; readonly column: number } | null

  constructor(message: string, at?: { readonly source: Source; readonly start: number } | undefined) {
    super(message)
    this.name = 'QueryError'
    this.location = at ? getLocation(at.source, at.start) : null
  }
}

/** Several errors of one query. */
export class QueryErrors extends Error {
  readonly errors: readonly QueryError[]

  constructor(errors: readonly QueryError[]) {
    super(errors.map((error) => error.message).join('\n'))
    this.name = 'QueryErrors'
    this.errors = errors
  }
}

/** The answer's `errors`. */
export function printErrors(errors: readonly QueryError[]): string {
  return JSON.stringify(
    errors.map(({ message, location }) => ({ message, ...(location ? { locations: [location] } : {}) })),
  )
}
