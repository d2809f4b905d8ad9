import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { askAnvil } from './rpc.ts'

const Waiting = z.object({ pending: z.string().transform(Number) })
/** A chain that does not go on mining is of no use to anybody. */
const RESUME_TRIES = 3
/** What is being mined is taken off what waits a moment after its block is there: so many looks, with so much between them. */
const LOOKS = 10
const LOOK_MS = 10

export async function isMining(port: number): Promise<boolean> {
  return (await askAnvil(port, 'anvil_getAutomine')) === true
}

/** Whether no transaction waits. One that is being mined waits until its block is there. */
export async function isIdle(port: number): Promise<boolean> {
  const { pending } = Waiting.parse(await askAnvil(port, 'txpool_status'))
  return pending === 0
}

/** Mines what waits, at most one block, and no more after it. What is sent from now on waits. */
export async function stopMining(port: number): Promise<void> {
  await askAnvil(port, 'evm_setAutomine', [false])
  for (let look = 0; look < LOOKS; look++) {
    if (await isIdle(port)) return
    await delay(LOOK_MS)
  }
  // Anvil makes one block at a time: when this one is there, none is being made.
  await askAnvil(port, 'evm_mine')
}

/** Mines again, and first what was sent meanwhile. */
export async function resumeMining(port: number): Promise<void> {
  await askAnvil(port, 'evm_setAutomine', [true])
  if (!(await isIdle(port))) await askAnvil(port, 'evm_mine')
}

/** Does something while no block is made. */
export async function whileNotMining<Result>(port: number, work: () => Promise<Result>): Promise<Result> {
  try {
    await stopMining(port)
    return await work()
  } finally {
    await resumeWithPatience(port)
  }
}

async function resumeWithPatience(port: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await resumeMining(port)
    } catch (error) {
      if (tries === RESUME_TRIES) throw error
    }
  }
}
