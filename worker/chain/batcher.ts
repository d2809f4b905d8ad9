import { unlessAborted } from './unless-aborted.ts'

/**
 * Does work for many at once: what comes while a batch is being done is the next batch, in the order in which it came.
 *
 * @param work gives one result for each item, in their order; an error is thrown to the one who gave the item
 */
export function createBatcher<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
): (item: Item, signal: AbortSignal) => Promise<Result> {
  type Waiting = { readonly item: Item; readonly signal: AbortSignal } & PromiseWithResolvers<Result>
  let queue: Waiting[] = []
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    while (queue.length > 0) {
      const batch = queue.filter(({ signal }) => !signal.aborted)
      queue = []
      try {
        const results = await work(batch.map(({ item }) => item))
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index]
          if (result instanceof Error) reject(result)
          else resolve(result)
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isRunning = false
  }

  return (item, signal) => {
    const waiting = { item, signal, ...Promise.withResolvers<Result>() }
    queue.push(waiting)
    if (!isRunning) void run()
    return unlessAborted(waiting.promise, signal)
  }
}
