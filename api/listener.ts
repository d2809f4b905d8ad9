import type pg from 'pg'
import { createSession } from '../worker/db/client.ts'
import type { Log } from '../worker/log.ts'

const FIRST_DELAY_MS = 20
const LONGEST_DELAY_MS = 2_000

export interface Listener {
  close(): Promise<void>
}

/**
 * Keeps one connection that LISTENs on a channel, and makes a new one whenever it breaks.
 *
 * Notifications sent while there is no connection are lost: `onListening` runs after every (re)connection, so that
 * the caller reads again whatever it may have missed.
 */
export function listen(
  url: string,
  channel: string,
  options: { onNotification: (payload: string) => void; onListening: () => void; log: Log },
): Listener {
  let client: pg.Client | null = null
  let timer: NodeJS.Timeout | null = null
  let delayMs = FIRST_DELAY_MS
  let isClosed = false

  const connect = async () => {
    const fresh = createSession(url, 'refrain listener')
    client = fresh
    let isLost = false
    const lose = (error?: unknown) => {
      if (isLost || isClosed) return
      isLost = true
      options.log.warn('the connection for notifications broke; making a new one', { error, delayMs })
      fresh.end().catch(() => {})
      timer = setTimeout(connect, delayMs)
      delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
    }
    fresh.on('error', lose)
    fresh.on('end', lose)
    fresh.on('notification', (message) => options.onNotification(message.payload ?? ''))
    try {
      await fresh.connect()
      await fresh.query(`listen ${fresh.escapeIdentifier(channel)}`)
      delayMs = FIRST_DELAY_MS
      options.onListening()
    } catch (error) {
      lose(error)
    }
  }
  void connect()

  return {
    async close() {
      isClosed = true
      if (timer) clearTimeout(timer)
      await client?.end().catch(() => {})
    },
  }
}
