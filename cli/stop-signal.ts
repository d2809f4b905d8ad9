/** Why something ends that a person has stopped. */
export class StoppedByPerson extends Error {
  constructor() {
    super('stopped')
    this.name = 'StoppedByPerson'
  }
}

/** Aborts at Ctrl-C, when told to end, and when the terminal or whoever reads the output goes away. Told again, it stays aborted. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort(new StoppedByPerson())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  process.stdout.on('error', stop)
  process.stderr.on('error', () => {})
  return controller.signal
}

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
