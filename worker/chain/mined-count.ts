import type { ChainTransaction } from '../db/chain-tables.ts'
import { wait } from '../net/wait.ts'
import type { Desk } from './desk.ts'
import { unlessAborted } from './unless-aborted.ts'

/** Tells many who wait for transactions of one account, with one question, whose turn has come. */
export interface MinedCount {
  /**
   * Waits until a transaction with this sender and nonce is mined, be it this one or another.
   *
   * @returns false when `patienceMs` ran out first
   */
  passes(
    desk: Desk,
    transaction: Pick<ChainTransaction, 'sender' | 'nonce'>,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<boolean>
}

interface Waiting extends PromiseWithResolvers<boolean>, Pick<ChainTransaction, 'sender' | 'nonce'> {
  readonly untilMs: number
}

export function createMinedCount(): MinedCount {
  const { signal: never } = new AbortController()
  const waiting = new Set<Waiting>()
  let isRunning = false
  /** Grows while nothing happens, and begins anew when somebody comes. */
  let pauseMs = 0
  let newcomer = Promise.withResolvers<void>()

  async function run(desk: Desk): Promise<void> {
    isRunning = true
    try {
      for (;;) {
        for (const sender of new Set([...waiting].map((one) => one.sender))) {
          settle(sender, await desk.node.transactionCount(sender, 'latest', never))
        }
        if (waiting.size === 0) return
        await Promise.race([wait(pauseMs), newcomer.promise])
        pauseMs = Math.min(pauseMs * 1.5, desk.patience.slowestPollMs)
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
      waiting.clear()
    } finally {
      isRunning = false
    }
  }

  function settle(sender: string, count: number): void {
    for (const one of waiting) {
      if (one.sender !== sender) continue
      const isPassed = count > one.nonce
      if (!isPassed && performance.now() < one.untilMs) continue
      one.resolve(isPassed)
      waiting.delete(one)
    }
  }

  return {
    async passes(desk, { sender, nonce }, patienceMs, signal) {
      const one = { sender, nonce, untilMs: performance.now() + patienceMs, ...Promise.withResolvers<boolean>() }
      waiting.add(one)
      pauseMs = desk.patience.pollMs
      newcomer.resolve()
      newcomer = Promise.withResolvers()
      if (!isRunning) void run(desk)
      try {
        return await unlessAborted(one.promise, signal)
      } finally {
        waiting.delete(one)
      }
    },
  }
}
