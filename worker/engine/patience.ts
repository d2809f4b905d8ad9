/** SQLSTATE classes 08 (connection) and 57P (shutdown), or a socket that broke. */
export function isConnectionError(error: unknown): boolean {
  const code = (error as { code?: unknown })?.code
  if (typeof code === 'string') return /^(08|57P)/.test(code) || /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(code)
  return error instanceof Error && /Connection terminated|timeout exceeded when trying to connect/.test(error.message)
}

/** A deadlock, or a row that stayed locked: the transaction was rolled back and may be tried again. */
function isLockError(error: unknown): boolean {
  return ['40P01', '55P03'].includes((error as { code?: string })?.code ?? '')
}

/**
 * Tries a transaction again, with growing pauses, while the connection or a lock is what fails.
 *
 * @param onLost called once when `patienceMs` have passed in vain; the last error is thrown then
 */
export async function patiently<Value>(
  attempt: () => Promise<Value>,
  patienceMs: number,
  onLost: (error: Error) => void,
): Promise<Value> {
  const until = Date.now() + patienceMs
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2_000)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isConnectionError(error) && !isLockError(error)) throw error
      if (Date.now() > until) {
        onLost(error instanceof Error ? error : new Error(String(error)))
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}
