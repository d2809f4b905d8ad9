import { unlessAborted } from './unless-aborted.ts'

/** Shares one run of `work` among all who ask while it runs. Who stops waiting does not stop it. */
export function createSingleFlight<Subject, Result>(
  work: (subject: Subject) => Promise<Result>,
): (subject: Subject, signal: AbortSignal) => Promise<Result> {
  let running: Promise<Result> | undefined
  return (subject, signal) => {
    running ??= work(subject).finally(() => {
      running = undefined
    })
    return unlessAborted(running, signal)
  }
}
