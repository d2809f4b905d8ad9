import { z } from 'zod'
import { ProviderUnavailable } from '../worker/errors.ts'
import { createHttp, type Http } from '../worker/net/http.ts'

/** The node understood the request and refused it. */
export class RpcFault extends Error {
  readonly code: number
  readonly data: unknown
  constructor(method: string, error: { code: number; message: string; data?: unknown }) {
    super(`${method}: ${error.message} (${error.code})`)
    this.code = error.code
    this.data = error.data
  }

  /** The node does not know the method. */
  get isUnknownMethod(): boolean {
    return this.code === -32601 || /method.*(not found|not supported|not available|does not exist)/i.test(this.message)
  }
}

/**
 * The node says things that cannot all be true, or not yet: a block it just named is missing, logs are of another block. Asked again
 * later it will say the same of all.
 */
export class NodeContradiction extends ProviderUnavailable {
  constructor(message: string) {
    super('chain node', message)
  }
}

export interface RpcRequest {
  readonly method: string
  readonly parameters: readonly unknown[]
}

/** A chain's node by JSON-RPC 2.0 over HTTP. */
export interface Rpc {
  /**
   * @throws RpcFault when the node refuses; ProviderUnavailable when it does not answer; NodeContradiction when the answer is not of
   *   the schema's form
   */
  ask<Schema extends z.ZodType>(request: RpcRequest, schema: Schema): Promise<z.output<Schema>>
  /** Many at once, in as few exchanges as the node allows. Faults of single requests stand at their places. */
  askAll<Schema extends z.ZodType>(
    requests: readonly RpcRequest[],
    schema: Schema,
  ): Promise<(z.output<Schema> | RpcFault)[]>
}

const Answer = z.object({
  id: z.number().nullish(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
})
type Answer = z.output<typeof Answer>

const TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 256 * 1024 * 1024
const FIRST_BATCH = 100
/** Share of the time limit after which an exchange counts as slow. */
const SLOW_SHARE = 0.1

export interface RpcOptions {
  readonly signal: AbortSignal
  readonly http?: Http
  /** Time limit of one exchange. */
  readonly timeoutMs?: number
  /** Called when an exchange takes long, though it may still come to an end. */
  readonly onSlow?: (message: string) => void
}

export function openRpc(url: string, options: RpcOptions): Rpc {
  const http = (options.http ?? createHttp()).as('chain node')
  let lastId = 0
  let batchSize = FIRST_BATCH

  const send = async (json: unknown): Promise<unknown> => {
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    // Waiting and asking again is the follower's, who says what it waits for.
    const limits = { timeoutMs, totalMs: timeoutMs, maxBytes: MAX_ANSWER_BYTES, retries: 0 }
    const slowMs = timeoutMs * SLOW_SHARE
    const slow = setTimeout(() => options.onSlow?.(`the node has not answered for ${slowMs / 1_000} s`), slowMs)
    try {
      return await http.json(url, z.unknown(), { method: 'POST', json, signal: options.signal, ...limits })
    } finally {
      clearTimeout(slow)
    }
  }

  const exchange = async (requests: readonly RpcRequest[]): Promise<Answer[]> => {
    const first = lastId + 1
    lastId += requests.length
    const calls = requests.map(({ method, parameters }, index) => ({
      jsonrpc: '2.0',
      id: first + index,
      method,
      params: parameters,
    }))
    if (calls.length === 1) return [parse(Answer, await send(calls[0]), calls[0].method)]
    const answered = parse(z.array(Answer).or(Answer), await send(calls), `a batch of ${calls.length}`)
    if (!Array.isArray(answered)) {
      if (answered.error) throw new RpcFault('batch', answered.error)
      throw new NodeContradiction(`expected ${calls.length} answers to a batch, got one`)
    }
    const byId = new Map(answered.map((answer) => [answer.id, answer]))
    return calls.map(({ id, method }) => {
      const answer = byId.get(id)
      if (!answer) throw new NodeContradiction(`the batch has no answer to ${method}`)
      return answer
    })
  }

  const exchangeAll = async (requests: readonly RpcRequest[]): Promise<Answer[]> => {
    const answers: Answer[] = []
    for (let at = 0; at < requests.length; ) {
      const part = requests.slice(at, at + batchSize)
      try {
        answers.push(...(await exchange(part)))
        at += part.length
        batchSize = Math.min(FIRST_BATCH, batchSize + 1)
      } catch (error) {
        options.signal.throwIfAborted()
        // Nodes limit the requests or the bytes of a batch, each in its own words: fewer at a time, then.
        if (part.length > 1) batchSize = Math.max(1, Math.floor(part.length / 4))
        if (part.length === 1 || isAway(error)) throw error
      }
    }
    return answers
  }

  return {
    async ask(request, schema) {
      const [answer] = await exchange([request])
      if (answer.error) throw new RpcFault(request.method, answer.error)
      return parse(schema, answer.result, request.method)
    },
    async askAll(requests, schema) {
      const answers = await exchangeAll(requests)
      return answers.map(({ error, result }, index) => {
        const { method } = requests[index]
        return error ? new RpcFault(method, error) : parse(schema, result, method)
      })
    },
  }
}

/** No word came from the node itself. */
const isAway = (error: unknown): boolean =>
  error instanceof ProviderUnavailable && !(error instanceof NodeContradiction) && error.details.status === undefined

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue.path.length > 0 ? ` at ${z.core.toDotPath(issue.path)}` : ''
  throw new NodeContradiction(`the answer to ${what} has another form than known${place}: ${issue.message}`)
}
