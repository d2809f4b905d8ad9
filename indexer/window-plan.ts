import type { Header } from './answers.ts'
import type { BlockWindow, WindowReader } from './block-window.ts'
import { RpcFault } from './rpc.ts'
import type { SourceList } from './sources.ts'

/** Transactions and logs that one window should bring: enough to be worth the exchange, few enough for memory. */
const WANTED_LOAD = 2_000
const MAX_NEAR_BLOCKS = 200
const MAX_FAR_BLOCKS = 20_000
const FIRST_BLOCKS = 20

/** Decides how many blocks are read at a time, and reads the next ones while the last are handled. */
export interface WindowPlan {
  /** The window that begins at a block. Its length follows from what the last ones held and from what the node refused. */
  next(from: number, head: Header, sources: SourceList): Promise<BlockWindow>
  /** Forgets what was read ahead. */
  reset(): void
}

export function createWindowPlan(reader: WindowReader, nearBlocks: number): WindowPlan {
  let length = FIRST_BLOCKS
  let ahead: { from: number; window: Promise<BlockWindow> } | null = null

  const read = async (from: number, head: Header, addresses: readonly string[]): Promise<BlockWindow> => {
    const firstNear = head.number - nearBlocks
    for (;;) {
      const isFar = from < firstNear
      const most = isFar ? Math.min(length, MAX_FAR_BLOCKS, firstNear - from) : Math.min(length, MAX_NEAR_BLOCKS)
      const to = Math.min(head.number, from + most - 1)
      try {
        const window = isFar ? await reader.far(from, to, addresses) : await reader.near(from, to, addresses)
        adapt(window)
        return window
      } catch (error) {
        // Too many results, too wide a range, too large an answer: every node has its own words for it.
        if (!(error instanceof RpcFault) || to === from) throw error
        length = Math.max(1, Math.floor((to - from + 1) / 2))
      }
    }
  }

  const adapt = (window: BlockWindow): void => {
    const load = window.blocks.reduce(
      (sum, { body }) => sum + 1 + (body ? body.transactions.size + body.logs.length : 0),
      0,
    )
    const wanted = (length * WANTED_LOAD) / Math.max(load, 1)
    length = Math.round(Math.max(1, Math.min(wanted, length * 4, MAX_FAR_BLOCKS)))
  }

  return {
    async next(from, head, sources) {
      const prepared = ahead?.from === from ? ahead.window : null
      ahead = null
      const window = await (prepared ?? read(from, head, sources.addresses))
      if (window.to < head.number) {
        const next = read(window.to + 1, head, sources.addresses)
        // Whoever takes the window gets the error; nobody may want it any more.
        next.catch(() => {})
        ahead = { from: window.to + 1, window: next }
      }
      return window
    },
    reset() {
      ahead = null
    },
  }
}
