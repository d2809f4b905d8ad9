import type pg from 'pg'
import type { Log } from '../log.ts'

export interface Notifier {
  /** Says that a subject has new events. */
  touch(pipeline: string, subjectId: number): void
  /** Sends what is left. */
  close(): Promise<void>
}

const FLUSH_MS = 50
/** A NOTIFY payload holds at most 7,999 bytes; beyond this, listeners are told to look at everything they watch. */
const MAX_PAYLOAD = 7_000

/**
 * Tells listeners of `task_events` which subjects changed, every 50 ms and outside the transactions that changed them:
 * inside, NOTIFY makes commits queue up. A lost flush is only a late one, since the counter in the row is the truth.
 */
export function startNotifier(pool: pg.Pool, log: Log): Notifier {
  const touched = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let sending = Promise.resolve()

  async function flush(): Promise<void> {
    timer = undefined
    const subjects = [...touched].join(',')
    touched.clear()
    if (subjects === '') return
    try {
      await pool.query('select pg_notify($1, $2)', ['task_events', subjects.length > MAX_PAYLOAD ? '*' : subjects])
    } catch (error) {
      log.warn('listeners could not be told of changes; they will notice by themselves', { error })
    }
  }

  return {
    touch(pipeline, subjectId) {
      touched.add(`${pipeline}:${subjectId}`)
      timer ??= setTimeout(() => {
        sending = sending.then(flush)
      }, FLUSH_MS)
    },
    async close() {
      clearTimeout(timer)
      await sending
      await flush()
    },
  }
}
