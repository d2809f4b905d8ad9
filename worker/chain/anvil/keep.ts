import { setTimeout as delay } from 'node:timers/promises'
import { type Lock, tryLock, withLock } from '../../db/postgres/lock.ts'
import { Blocked } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { AnvilHome } from './home.ts'
import { AnvilFailed, launchAnvil } from './launch.ts'
import { isMining, resumeMining } from './mining.ts'
import { isServing, readRecord, type ServingAnvil } from './record.ts'
import { createSaver } from './saver.ts'

/** How often a supervisor looks whether anvil lives and whether there is a new block to save. */
const LOOK_MS = 200
/** An anvil that cannot be started is tried again this often, with growing pauses: some 20 seconds in all. */
const LAUNCHES = 12
const LONGEST_PAUSE_MS = 3000

export interface Keeping {
  /** The anvil that serves now. */
  current(): ServingAnvil
  /** Rejects when anvil cannot be kept running, with the reason. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/**
 * Keeps the chain of a directory running and saved until it is told to stop. Of several supervisors one does so, the others
 * stand by: the system frees the keeper's lock the moment the keeper ends.
 */
export function keepAnvil(home: AnvilHome, first: ServingAnvil, log: Log): Keeping {
  const stopping = new AbortController()
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  let current = first
  let lock: Lock | undefined
  let isTakenOver = false
  const saver = createSaver(home, log)

  async function look(): Promise<void> {
    lock ??= tryLock(home.keeperLock, 'exclusive')
    const record = (await readRecord(home)) ?? current
    const serves = await isServing(home, record)
    if (serves) current = record
    if (!lock) return
    if (!serves) current = await relaunch(current)
    else if (isTakenOver) await saver.save(record.port)
    else isTakenOver = await takeOver(record)
  }

  /** Whoever kept it before may have been killed while it was being saved, which stops the mining. */
  async function takeOver({ port }: ServingAnvil): Promise<boolean> {
    try {
      await withLock(home.saveLock, { timeoutSeconds: 120, signal: stopping.signal }, async () => {
        if (!(await isMining(port))) await resumeMining(port)
      })
      return true
    } catch {
      // Busy or just dying: looked at again in a moment.
      return false
    }
  }

  async function relaunch({ port }: ServingAnvil): Promise<ServingAnvil> {
    log.warn('the embedded chain has ended by itself and is started again')
    for (let launches = 1; ; launches++) {
      try {
        return await withLock(home.startLock, { timeoutSeconds: 60, signal: stopping.signal }, async () => {
          const record = await readRecord(home)
          if (record && (await isServing(home, record))) return record
          return launchAnvil(home, { port, log, signal: stopping.signal })
        })
      } catch (error) {
        stopping.signal.throwIfAborted()
        // A full disk or a taken port may pass; a missing package or unreadable states wait for a person.
        const isPermanent = error instanceof Blocked && !(error instanceof AnvilFailed)
        if (isPermanent || launches === LAUNCHES) throw error
        log.warn('the embedded chain could not be started and will be tried again', { error })
        await delay(Math.min(100 * 2 ** launches, LONGEST_PAUSE_MS), undefined, { signal: stopping.signal })
      }
    }
  }

  async function run(): Promise<void> {
    try {
      while (!stopping.signal.aborted) {
        await look()
        await delay(LOOK_MS, undefined, { signal: stopping.signal })
      }
    } catch (error) {
      if (!stopping.signal.aborted) failure.reject(error)
    } finally {
      lock?.release()
    }
  }
  const running = run()

  return {
    current: () => current,
    failed: failure.promise,
    async stop() {
      stopping.abort()
      await running
    },
  }
}
