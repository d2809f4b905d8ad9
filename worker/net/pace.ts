import { wait } from './wait.ts'

/** Waits for its turn: calls go through one after another, in order, at least an interval apart. */
export type Pace = (signal?: AbortSignal) => Promise<void>

/**
 * Spaces calls to a service that limits their rate. The first call passes at once; a call that is aborted while it
 * waits gives its turn back.
 *
 * @param intervalMs least time between two turns; 0 lets everything through
 */
export function createPace(intervalMs: number): Pace {
  let queue: Promise<void> = Promise.resolve()
  let lastTurnMs = Number.NEGATIVE_INFINITY
  return (signal) => {
    const turn = queue.then(async () => {
      const dueMs = lastTurnMs + intervalMs - performance.now()
      if (dueMs > 0) await wait(dueMs, signal)
      signal?.throwIfAborted()
      lastTurnMs = performance.now()
    })
    queue = turn.catch(() => undefined)
    return turn
  }
}
