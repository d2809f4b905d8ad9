import { z } from 'zod'
import { ProviderRejected, ProviderUnavailable } from '../errors.ts'
import { type Fault, vendorMessage } from './fault.ts'
import { BodyFault, parseContentLength } from './receive.ts'
import { displayUrl, redact } from './redact.ts'
import { parseRetryAfterMs } from './retry.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  text(): string
}

/** What an answer other than 2xx means. */
export async function answerFault(
  provider: string,
  response: Response,
  secrets: string[],
  signal: AbortSignal,
): Promise<Fault> {
  const { status, headers } = response
  const isUntouched = status === 425 || status === 429
  const isLater = isUntouched || status === 408 || status >= 500
  if (status >= 300 && status < 400) {
    await response.body?.cancel()
    const target = displayUrl(headers.get('location') ?? '')
    const message = `expected an answer, got a redirect (${status}) to ${target}: keys are not sent on; set the service's URL to it`
    return {
      error: new ProviderRejected(provider, message, { details: { status } }),
      isUntouched: false,
      retryAfterMs: null,
    }
  }
  const said = vendorMessage(await readStart(response, signal), secrets)
  const hint = status === 401 || status === 403 ? ' (check the key)' : ''
  const message = `answered ${status}${hint}${said ? `: ${said}` : ''}`
  const ErrorClass = isLater ? ProviderUnavailable : ProviderRejected
  const retryAfterMs = isLater ? parseRetryAfterMs(headers.get('retry-after'), Date.now()) : null
  const details = { status, ...(retryAfterMs === null ? {} : { retryAfterMs }) }
  const error = new ErrorClass(provider, message, { details })
  return { error, isUntouched, retryAfterMs }
}

/** The first 8 kB of an error's body: enough for its message. */
async function readStart(response: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? emptyBody()) {
    chunks.push(chunk)
    if ((size += chunk.byteLength) > 8_192 || signal.aborted) break
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, 8_192)
}

/** The whole body in memory. @throws BodyFault when it passes `maxBytes` */
export async function takeBytes(response: Response, maxBytes: number): Promise<HttpAnswer> {
  const announced = bodyLength(response) ?? 0
  const chunks: Uint8Array[] = []
  let size = 0
  if (announced > maxBytes) await response.body?.cancel()
  else
    for await (const chunk of response.body ?? emptyBody()) {
      chunks.push(chunk)
      if ((size += chunk.byteLength) > maxBytes) break
    }
  if (Math.max(size, announced) > maxBytes)
    throw new BodyFault('too large', `expected at most ${maxBytes} bytes, got more`)
  const bytes = Buffer.concat(chunks)
  return { status: response.status, headers: response.headers, bytes, text: () => bytes.toString('utf8') }
}

/** Of a compressed answer the header tells the packed size, which says nothing about what arrives here. */
export function bodyLength(response: Response): number | null {
  return response.headers.get('content-encoding') ? null : parseContentLength(response.headers.get('content-length'))
}

export async function* emptyBody(): AsyncGenerator<Uint8Array> {}

/**
 * Reads an answer as JSON of a schema's form.
 *
 * @throws ProviderRejected which names the place that does not fit
 */
export function parseJson<Schema extends z.ZodType>(
  provider: string,
  answer: HttpAnswer,
  schema: Schema,
  secrets: readonly string[] = [],
): z.output<Schema> {
  const text = answer.text()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const start = redact(text.slice(0, 80), secrets)
    const type = answer.headers.get('content-type') ?? 'no content type'
    throw new ProviderRejected(provider, `expected JSON, got ${type} beginning with ${JSON.stringify(start)}`, {
      cause,
    })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue?.path.length ? `at ${z.core.toDotPath(issue.path)}` : 'at the top'
  const misfit = redact(issue?.message ?? '', secrets).replace(/^Invalid input: /, '')
  throw new ProviderRejected(
    provider,
    `the answer has another form than known, ${place}: ${misfit.replace('received', 'got')}`,
  )
}
