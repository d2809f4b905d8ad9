import type pg from 'pg'
import type { Pipeline } from '../worker/engine/define.ts'
import type { Log } from '../worker/log.ts'
import { backlogFingerprint, readBacklog, type StageBacklogRow } from './backlog.ts'
import { stoppable } from './stoppable.ts'

/** The backlog is read at most this often, however much happens. */
const SHORTEST_INTERVAL_MS = 500

export interface BacklogFeed {
  readonly readers: number
  /** Something may have changed. */
  touch(): void
  subscribe(): AsyncIterableIterator<readonly StageBacklogRow[]>
  close(): void
}

/** Reads the backlog once for all its subscribers. A reader that falls behind gets the newest state, not every state. */
export function watchBacklog(pool: pg.Pool, pipelines: readonly Pipeline[], log: Log): BacklogFeed {
  let readers = 0
  let version = 0
  let newest: readonly StageBacklogRow[] = []
  let fingerprint: string | null = null
  let wake = Promise.withResolvers<void>()
  let timer: NodeJS.Timeout | null = null
  let isDirty = false
  let isReading = false
  let isClosed = false

  const wakeAll = () => {
    const { resolve } = wake
    wake = Promise.withResolvers()
    resolve()
  }
  const refresh = async () => {
    isDirty = false
    isReading = true
    try {
      const rows = await readBacklog(pool, pipelines)
      const counts = backlogFingerprint(rows)
      if (counts !== fingerprint) {
        newest = rows
        fingerprint = counts
        version++
        wakeAll()
      }
    } catch (error) {
      if (!isClosed) log.warn('the backlog could not be read', { error })
    } finally {
      isReading = false
      timer = setTimeout(() => {
        timer = null
        if (isDirty) touch()
      }, SHORTEST_INTERVAL_MS)
    }
  }
  const touch = () => {
    if (readers === 0 || isClosed) return
    if (timer || isReading) isDirty = true
    else void refresh()
  }

  async function* follow(isStopped: () => boolean): AsyncGenerator<readonly StageBacklogRow[]> {
    let seen = 0
    while (!isStopped()) {
      if (seen < version) {
        seen = version
        yield newest
      } else await wake.promise
    }
  }

  return {
    get readers() {
      return readers
    },
    touch,
    subscribe() {
      let isStopped = false
      // What nobody watched is out of date.
      if (readers++ === 0) fingerprint = null
      if (readers === 1) version = 0
      touch()
      return stoppable(
        follow(() => isStopped || isClosed),
        () => {
          if (isStopped) return
          isStopped = true
          readers--
          wakeAll()
        },
      )
    },
    close() {
      isClosed = true
      if (timer) clearTimeout(timer)
      wakeAll()
    },
  }
}
