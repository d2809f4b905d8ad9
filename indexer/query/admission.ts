/** Lets a few in at a time and has others wait their turn, first come first served. */
export interface Admission {
  /**
   * Runs `work` when there is room.
   *
   * @returns null, without running it, when too many are waiting already
   */
  run<Result>(work: () => Promise<Result>): Promise<Result | null>
}

export function openAdmission({ running, waiting }: { readonly running: number; readonly waiting: number }): Admission {
  let active = 0
  const queue: (() => void)[] = []
  return {
    async run(work) {
      if (active >= running) {
        if (queue.length >= waiting) return null
        // Who leaves hands its place over, so nobody who comes later can take it.
        await new Promise<void>((resolve) => queue.push(resolve))
      } else {
        active++
      }
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next) next()
        else active--
      }
    },
  }
}
