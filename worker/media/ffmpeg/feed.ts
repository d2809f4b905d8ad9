import { once } from 'node:events'
import type { Writable } from 'node:stream'

/**
 * Writes every chunk to `target` and ends it, taking the next chunk only when the last has gone.
 * Stops early, and closes the source, when `ended` aborts (the reader went away).
 *
 * @throws what the source throws; `target` is then left open, so that its reader does not take half for all
 */
export async function feedAll(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  target: Writable,
  ended: AbortSignal,
): Promise<void> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  // One listener for each wait: racing one promise that stays open would hold on to every chunk that ever passed.
  const orGone = <Value>(work: Promise<Value> | Value) =>
    new Promise<Value | 'gone'>((resolve, reject) => {
      const onGone = () => resolve('gone')
      ended.addEventListener('abort', onGone, { once: true })
      Promise.resolve(work)
        .then(resolve, reject)
        .finally(() => ended.removeEventListener('abort', onGone))
    })
  while (!ended.aborted) {
    const next = await orGone(iterator.next())
    if (next === 'gone') break
    if (next.done) {
      target.end()
      return
    }
    if (!target.write(next.value)) await orGone(once(target, 'drain'))
  }
  // Not awaited: a source that is waiting for something of its own must not hold up the end.
  Promise.resolve(iterator.return?.()).catch(() => {})
}
