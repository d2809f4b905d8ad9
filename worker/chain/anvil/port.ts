import { isFreePort } from '../../db/postgres/port.ts'
import { wait } from '../../net/wait.ts'

/** A killed process may hold its port for a moment after it counts as ended. */
const PATIENCE_MS = 1000

/** Waits a moment for a port of 127.0.0.1 that nobody listens on. @returns whether it is free */
export async function becomesFree(port: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isFreePort(port))) {
    if (performance.now() > deadline) return false
    await wait(20, signal)
  }
  return true
}
