/**
 * Gathers calls into batches: while one call is in flight, later values wait, and the next call takes them all.
 * A lone value waits one turn of the event loop. A failed batch is tried again one by one, so that one bad value
 * fails alone.
 *
 * @param call answers a batch with one result per value, in order
 * @param max values per batch
 */
export function createPump<In, Out>(
  call: (batch: readonly In[]) => Promise<readonly Out[]>,
  max = 200,
): (value: In) => Promise<Out> {
  interface Waiting {
    readonly value: In
    readonly resolve: (out: Out) => void
    readonly reject: (error: unknown) => void
  }
  const waiting: Waiting[] = []
  let isFlowing = false

  async function flow() {
    if (isFlowing) return
    isFlowing = true
    while (waiting.length > 0) await send(waiting.splice(0, max))
    isFlowing = false
  }

  async function send(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await call(batch.map((one) => one.value))
      batch.forEach((one, index) => {
        one.resolve(results[index])
      })
    } catch (error) {
      if (batch.length === 1) batch[0].reject(error)
      else for (const one of batch) await send([one])
    }
  }

  return (value) =>
    new Promise((resolve, reject) => {
      waiting.push({ value, resolve, reject })
      setImmediate(() => void flow())
    })
}
