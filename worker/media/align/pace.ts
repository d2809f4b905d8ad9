import { setImmediate } from 'node:timers/promises'
import type { OnProgress } from '../../progress.ts'

/** Longest time without looking at the event loop, where aborts and progress pass. */
const YIELD_EVERY_MS = 100

/** Called between pieces of long work with the fraction done; resolves after other events ran, throws after an abort. */
export type Pause = (fraction: number) => Promise<void> | undefined

/**
 * Shares one progress among steps of known weight, and lets the event loop run every tenth of a second.
 *
 * ```ts
 * const step = paceSteps(10, options)
 * await search({ pause: step(4, 'first pass') }) // 0 … 40 %
 * ```
 */
export function paceSteps(
  totalWeight: number,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): (weight: number, message: string) => Pause {
  let done = 0
  let highest = 0
  let yieldedAt = performance.now()
  return (weight, message) => {
    const start = done
    done += weight
    return (fraction) => {
      const now = performance.now()
      if (now - yieldedAt < YIELD_EVERY_MS) return undefined
      yieldedAt = now
      highest = Math.max(highest, Math.min(1, (start + weight * fraction) / totalWeight))
      onProgress(highest, message)
      return setImmediate(undefined, { signal }).then(() => signal.throwIfAborted())
    }
  }
}
