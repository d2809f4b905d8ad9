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
  const gone = new Promise<'gone'>((resolve) => ended.addEventListener('abort', () => resolve('gone'), { once: true }))
  while (!ended.aborted) {
    const next = await Promise.race([gone, iterator.next()])
    if (next === 'gone') break
    if (next.done) {
      target.end()
      return
    }
    if (!target.write(next.value)) await Promise.race([gone, once(target, 'drain')])
  }
  // Not awaited: a source that is waiting for something of its own must not hold up the end.
  Promise.resolve(iterator.return?.()).catch(() => {})
}
