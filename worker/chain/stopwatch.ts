/** Tells how long something has been so. */
export interface Stopwatch {
  /** Since it was first asked about, without a round in between in which it was not. */
  elapsedMs(what: string): number
  /** Begins another round: what is not asked about until the next one is forgotten. */
  nextRound(): void
}

export function createStopwatch(): Stopwatch {
  let before = new Map<string, number>()
  let now = new Map<string, number>()
  return {
    elapsedMs(what) {
      const at = performance.now()
      const since = now.get(what) ?? before.get(what) ?? at
      now.set(what, since)
      return at - since
    },
    nextRound() {
      before = now
      now = new Map()
    },
  }
}
