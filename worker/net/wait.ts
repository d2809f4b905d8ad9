import { setTimeout as delay } from 'node:timers/promises'

/** Waits `ms` milliseconds. @throws `signal.reason` as soon as the signal aborts */
export async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  try {
    await delay(ms, undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
