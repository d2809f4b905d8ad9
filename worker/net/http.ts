import type { z } from 'zod'
import { bodyLength, emptyBody, type HttpAnswer, parseJson, takeBytes } from './answer.ts'
import { exchange, type Take } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import { type Received, receive } from './receive.ts'
import { secretsOf } from './redact.ts'

export interface HttpRequest extends Partial<HttpLimits> {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** Only bodies that can be sent again; a file as `await openAsBlob(path)`, which streams it. */
  readonly body?: string | Uint8Array<ArrayBuffer> | Blob | FormData | URLSearchParams
  /** Sent as JSON, instead of `body`. */
  readonly json?: unknown
  /** Says that doing it twice is the same as once. GET, HEAD, PUT, DELETE and requests with an Idempotency-Key are. */
  readonly idempotent?: boolean
  readonly signal?: AbortSignal | undefined
}

/** One attempt, for the log. Carries no credentials. */
export interface HttpLogEntry {
  readonly provider: string
  readonly method: string
  readonly url: string
  readonly attempt: number
  /** Null when no answer came. */
  readonly status: number | null
  readonly elapsedMs: number
  readonly retryInMs: number | null
  readonly error: string | null
}

/**
 * The one way to services we are configured to speak to. URLs that somebody else gave go through `download`.
 *
 * Answers other than 2xx are errors: 408, 425, 429 and 5xx are `ProviderUnavailable`, all others (redirects too: a key must
 * not follow one) `ProviderRejected`; `details.status` holds the number, `details.retryAfterMs` the
 * pause that was asked for. Retries wait as `Retry-After` says. What is not
 * idempotent is repeated only when the service cannot have acted: it was never reached, or it answered 425 or 429.
 */
export interface Http {
  request(url: string, request?: HttpRequest): Promise<HttpAnswer>
  /** @throws ProviderRejected when the answer is not JSON of the schema's form */
  json<Schema extends z.ZodType>(url: string, schema: Schema, request?: HttpRequest): Promise<z.output<Schema>>
  /** Streams the answer into a file, which appears only when whole. */
  save(url: string, path: string, request?: HttpRequest): Promise<Received>
  /** The same client under a provider's name, which errors and log entries then carry. */
  as(provider: string): Http
}

export interface HttpOptions {
  readonly fetch?: typeof globalThis.fetch
  readonly log?: (entry: HttpLogEntry) => void
  readonly limits?: Partial<HttpLimits>
}

export function createHttp(options: HttpOptions = {}): Http {
  return bind(options, null)
}

function bind(options: HttpOptions, provider: string | null): Http {
  const send = <T>(url: string, request: HttpRequest, take: Take<T>) =>
    exchange(options, provider ?? URL.parse(url)?.host ?? 'http', url, request, take)
  const request = (url: string, wanted: HttpRequest = {}) => send(url, wanted, takeBytes)
  return {
    request,
    async json(url, schema, wanted = {}) {
      const headers = { accept: 'application/json', ...wanted.headers }
      const answer = await request(url, { ...wanted, headers })
      return parseJson(provider ?? new URL(url).host, answer, schema, secretsOf(headers))
    },
    save: (url, path, wanted = {}) =>
      send(url, wanted, (response, maxBytes, signal) =>
        receive(response.body ?? emptyBody(), path, { maxBytes, expectedBytes: bodyLength(response), signal }),
      ),
    as: (name) => bind(options, name),
  }
}
