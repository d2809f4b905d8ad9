import { z } from 'zod'
import { AppError, ProviderRejected, ProviderUnavailable } from '../errors.ts'
import type { Http } from '../net/http.ts'

/** A subgraph, asked in graph-node's dialect; whether a graph-node or the embedded indexer answers is not to be seen. */
export interface Subgraph {
  /**
   * Asks one query.
   *
   * @throws ProviderUnavailable when nobody answers, or the subgraph is not there yet; ProviderRejected when it answers errors
   */
  query<Schema extends z.ZodType>(
    text: string,
    schema: Schema,
    options: { readonly variables?: Readonly<Record<string, unknown>>; readonly signal: AbortSignal },
  ): Promise<z.output<Schema>>
}

const Answer = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string() })).optional(),
})
/** Said while a subgraph is being set up or has another block at hand than asked for. */
const MAY_PASS =
  /has not started syncing|not yet available|not yet been indexed|block.*(not found|no longer)|no block with that hash|deployment `[^`]*` does not exist|Store error|timed? ?out/i
const TIMEOUT_MS = 15_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export function openSubgraph(url: string, http: Http): Subgraph {
  const client = http.as('subgraph')
  // Gateways take their key as a part of the path.
  const secrets = new URL(url).pathname.split('/').filter((part) => part.length >= 16)
  const blotOut = (error: unknown): unknown => {
    if (!(error instanceof AppError) || !secrets.some((secret) => error.message.includes(secret))) return error
    const message = secrets.reduce((clean, secret) => clean.replaceAll(secret, '…'), error.message)
    const { kind, retryable, details } = error
    return new AppError(kind, message, { retryable, details })
  }
  return {
    async query(text, schema, { variables = {}, signal }) {
      const request = {
        method: 'POST',
        json: { query: text, variables },
        idempotent: true,
        timeoutMs: TIMEOUT_MS,
        totalMs: TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
        retries: 0,
        signal,
      } as const
      const answer = await client.json(url, Answer, request).catch((error) => Promise.reject(blotOut(error)))
      // With `subgraphError: allow` there is data beside the error that says so.
      const faults = (answer.errors ?? []).filter(({ message }) => message !== 'indexing_error')
      if (faults.length > 0 || answer.data === null || answer.data === undefined) {
        const said = faults.map(({ message }) => message).join('; ') || 'neither data nor an error'
        if (MAY_PASS.test(said)) throw new ProviderUnavailable('subgraph', said)
        throw new ProviderRejected('subgraph', said)
      }
      const parsed = schema.safeParse(answer.data)
      if (parsed.success) return parsed.data
      const [issue] = parsed.error.issues
      throw new ProviderRejected(
        'subgraph',
        `answered in another form than asked for: ${issue.path.join('.')}: ${issue.message}`,
      )
    },
  }
}
