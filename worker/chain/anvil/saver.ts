import type { Log } from '../../log.ts'
import type { AnvilHome } from './home.ts'
import { askHead } from './rpc.ts'
import { saveState } from './state.ts'

/** A chain that stands still for so long is saved together with the states of its past blocks. */
const QUIET_MS = 2000
/** Beyond this many blocks, the states of past blocks would make a save take seconds. */
const MOST_BLOCKS_WITH_HISTORY = 256
/** Saving takes at most about a tenth of anvil's time. */
const REST_FACTOR = 10

export interface Saver {
  /** Saves the chain if it has a new block, unless the last save was a moment ago. Call it often. */
  save(port: number): Promise<void>
}

/** @returns what decides when a chain is saved, and how much of it */
export function createSaver(home: AnvilHome, log: Log): Saver {
  let seen = { hash: '', atMs: 0 }
  let savedHash = ''
  let isHistorySaved = false
  let nextSaveAtMs = 0
  let hasFailed = false

  async function saveAs(port: number, hash: string, withHistory: boolean): Promise<void> {
    const startMs = performance.now()
    try {
      await saveState(home, port, { withHistory })
      savedHash = hash
      isHistorySaved = withHistory
      if (hasFailed) log.info('the embedded chain is saved again')
      hasFailed = false
    } catch (error) {
      if (!hasFailed) log.warn('the embedded chain could not be saved and will be tried again', { error })
      hasFailed = true
    }
    const endMs = performance.now()
    nextSaveAtMs = endMs + REST_FACTOR * (endMs - startMs)
  }

  return {
    async save(port) {
      // Asked by somebody else or just dying: whoever calls looks again in a moment.
      const head = await askHead(port).catch(() => undefined)
      if (!head) return
      const nowMs = performance.now()
      if (head.hash !== seen.hash) seen = { hash: head.hash, atMs: nowMs }
      if (nowMs < nextSaveAtMs) return
      const isQuiet = nowMs - seen.atMs > QUIET_MS
      const withHistory = isQuiet && keepsHistory(head.number)
      const isSaved = head.hash === savedHash
      if (!isSaved || (withHistory && !isHistorySaved)) await saveAs(port, head.hash, withHistory)
    },
  }
}

/** Whether a chain of so many blocks is saved with the states of its past blocks. */
export function keepsHistory(blocks: number): boolean {
  return blocks <= MOST_BLOCKS_WITH_HISTORY
}
