import { wait } from './wait.ts'

/**
 * Asks until there is an answer.
 *
 * @param check returns null while there is none; what it throws ends the polling
 * @returns the answer, or null when `timeoutMs` passed without one
 */
export async function poll<T>(
  check: () => Promise<T | null>,
  { intervalMs, timeoutMs, signal }: { intervalMs: number; timeoutMs: number; signal: AbortSignal },
): Promise<T | null> {
  const deadlineMs = performance.now() + timeoutMs
  while (true) {
    signal.throwIfAborted()
    const answer = await check()
    if (answer !== null) return answer
    if (performance.now() + intervalMs > deadlineMs) return null
    await wait(intervalMs, signal)
  }
}
