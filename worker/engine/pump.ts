/**
 * Gathers calls into batches: while every lane has a call in flight, later values wait, and the next call takes them
 * together. A lone value waits one turn of the event loop. A failed batch is tried again one by one, so that one bad value
 * fails alone.
 *
 * @param call answers a batch with one result per value, in order
 * @param options.max values per batch
 * @param options.lanes calls in flight at once
 */
export function createPump<In, Out>(
  call: (batch: readonly In[]) => Promise<readonly Out[]>,
  { max = 200, lanes = 1 }: { readonly max?: number; readonly lanes?: number } = {},
): (value: In) => Promise<Out> {
  interface Waiting {
    readonly value: In
    readonly resolve: (out: Out) => void
    readonly reject: (error: unknown) => void
  }
  const waiting: Waiting[] = []
  let flowing = 0

  async function flow() {
    if (flowing >= lanes) return
    flowing++
    while (waiting.length > 0) await send(waiting.splice(0, max))
    flowing--
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
