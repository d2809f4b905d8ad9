import { ProviderUnavailable } from '../errors.ts'
import { answerFault } from './answer.ts'
import { attemptFault, type Fault } from './fault.ts'
import type { HttpOptions, HttpRequest } from './http.ts'
import { defaultHttpLimits } from './limits.ts'
import { displayUrl, secretsInUrl, secretsOf } from './redact.ts'
import { retryDelayMs } from './retry.ts'
import { wait } from './wait.ts'

/** Reads the body of a good answer. */
export type Take<T> = (response: Response, maxBytes: number, signal: AbortSignal) => Promise<T>

/** Sends a request until it is answered, as `Http` promises, and reads the answer. */
export async function exchange<T>(
  options: HttpOptions,
  provider: string,
  url: string,
  request: HttpRequest,
  take: Take<T>,
): Promise<T> {
  const limits = { ...defaultHttpLimits, ...options.limits, ...request }
  const method = request.method ?? 'GET'
  const secrets = [...secretsOf(request.headers ?? {}), ...secretsInUrl(url)]
  const startedMs = performance.now()
  for (let attempt = 1; ; attempt++) {
    request.signal?.throwIfAborted()
    const attemptMs = performance.now()
    const leftMs = Math.max(limits.totalMs - (attemptMs - startedMs), 1)
    const timeout = AbortSignal.timeout(Math.ceil(Math.min(limits.timeoutMs, leftMs)))
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
    let status: number | null = null
    let fault: Fault
    const log = (retryInMs: number | null, error: string | null) => {
      const elapsedMs = Math.round(performance.now() - attemptMs)
      options.log?.({ provider, method, url: displayUrl(url), attempt, status, elapsedMs, retryInMs, error })
    }
    try {
      const response = await (options.fetch ?? fetch)(url, { ...wire(request), method, signal, redirect: 'manual' })
      status = response.status
      if (response.ok) {
        const taken = await take(response, limits.maxBytes, signal)
        log(null, null)
        return taken
      }
      fault = await answerFault(provider, response, secrets, signal)
    } catch (error) {
      request.signal?.throwIfAborted()
      fault = attemptFault(provider, error, { timeout, secrets, isAnswered: status !== null })
    }
    const delayMs = retryDelayMs(fault, attempt, limits)
    const isRepeatable =
      fault.isUntouched || (fault.error instanceof ProviderUnavailable && isIdempotent(method, request))
    const isInTime = performance.now() - startedMs + (delayMs ?? 0) < limits.totalMs
    const retries = isRepeatable && delayMs !== null && isInTime && attempt <= limits.retries
    log(retries ? delayMs : null, fault.error.message)
    if (!retries) throw fault.error
    await wait(delayMs, request.signal)
  }
}

function wire(request: HttpRequest): RequestInit {
  if (request.json !== undefined) {
    const headers = { 'content-type': 'application/json', ...request.headers }
    return { headers, body: JSON.stringify(request.json) }
  }
  return { headers: request.headers ?? {}, ...(request.body === undefined ? {} : { body: request.body }) }
}

function isIdempotent(method: string, request: HttpRequest): boolean {
  if (request.idempotent !== undefined) return request.idempotent
  if (Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === 'idempotency-key')) return true
  return method !== 'POST' && method !== 'PATCH'
}
