import { existsSync } from 'node:fs'
import { tryLock, withLock } from '../../db/postgres/lock.ts'
import { findFreePort } from '../../db/postgres/port.ts'
import { Blocked, Conflict } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { wait } from '../../net/wait.ts'
import { EMBEDDED_CHAIN_ID } from '../embedded-chain.ts'
import { type AnvilHome, findHome } from './home.ts'
import { keepAnvil } from './keep.ts'
import { AnvilFailed, launchAnvil, wakeAnvil } from './launch.ts'
import { isServing, readRecord, type ServingAnvil, thisHost } from './record.ts'
import { askAnvil } from './rpc.ts'
import { saveState } from './state.ts'
import { endHomeless, stopAnvil } from './stop.ts'

export interface StartAnvilOptions {
  /** Made when absent. */
  readonly dataDirectory: string
  /** The port on 127.0.0.1. Without it, a free one is chosen at the first start and kept while it stays free. */
  readonly port?: number
  /** Told what a person should know: a changed port, a chain that had to be started again. */
  readonly log: Log
  /** Ends the starting, not the started chain. */
  readonly signal?: AbortSignal
}

export interface RunningAnvil {
  /** JSON-RPC, on loopback. Stays the same as long as this supervisor lives. */
  readonly url: string
  /** Process id of the anvil that serves now: another one after it had to be started again. */
  readonly pid: number
  /** Whether it ran already, started by another supervisor. */
  readonly isAdopted: boolean
  /** Never resolves; rejects when the chain ended by itself and could not be started again, with the reason. */
  readonly failed: Promise<never>
  /** Saves the chain: what was mined before is still there after any kill. It is saved all the time, with a short delay. */
  save(): Promise<void>
  /** Leaves the chain; the last supervisor to leave saves and stops it. */
  stop(): Promise<void>
}

const PORT_TRIES = 5
const ANSWER_MS = 10_000

/**
 * Starts, or adopts, the embedded chain that lives in `dataDirectory`, and returns when it answers.
 *
 * Supervisors of one directory share one chain, in whatever processes they are. An anvil that ends by itself is started again
 * within a second, on the same port and from the last saved state: blocks, receipts and logs keep their hashes, at most the last
 * moment is lost. Of past blocks the states (`eth_call` at a block) come along while the chain has at most 256 blocks and had two
 * quiet seconds. An anvil whose supervisor was killed goes on serving; the next supervisor adopts it.
 *
 * @throws Conflict when `port` is taken; Blocked with what to do; the signal's reason when aborted
 */
export async function startAnvil(options: StartAnvilOptions): Promise<RunningAnvil> {
  const { dataDirectory, log, signal } = options
  signal?.throwIfAborted()
  const home = await findHome(dataDirectory)
  return withLock(home.startLock, { timeoutSeconds: 120, signal }, async () => {
    const adopted = await adopt(home, options)
    const first = adopted ?? (await launch(home, options))
    const present = tryLock(home.supervisorsLock, 'shared')
    if (!present) throw new Blocked(`${home.supervisorsLock} is locked by a program that is not Refrain. End it.`)
    const keeping = keepAnvil(home, first, log)
    let left: Promise<void> | undefined
    async function leave(): Promise<void> {
      await keeping.stop()
      if (!existsSync(home.directory)) return await endHomeless(home, keeping.current().pid)
      await withLock(home.startLock, { timeoutSeconds: 120 }, async () => {
        present?.release()
        if (isAlone(home)) await stopAnvil(home, log)
      })
    }
    return {
      url: `http://127.0.0.1:${first.port}`,
      get pid() {
        return keeping.current().pid
      },
      isAdopted: adopted !== undefined,
      failed: keeping.failed,
      save: () => saveState(home, first.port, { withHistory: false }),
      stop: () => (left ??= leave()),
    }
  })
}

/** Attaches to an anvil that serves this directory already; undefined when none does. */
async function adopt(home: AnvilHome, { port, log, signal }: StartAnvilOptions): Promise<ServingAnvil | undefined> {
  const record = await readRecord(home)
  if (!record || !(await isServing(home, record))) return undefined
  const deadline = performance.now() + ANSWER_MS
  for (;;) {
    signal?.throwIfAborted()
    const id = await askAnvil(record.port, 'eth_chainId', [], 2000).catch(() => undefined)
    if (Number(id) === EMBEDDED_CHAIN_ID) break
    if (!(await isServing(home, record))) return undefined
    if (performance.now() > deadline) {
      log.warn(`the embedded chain (process ${record.pid}) does not answer: it is ended and started again`)
      await stopAnvil(home, log)
      return undefined
    }
    await wait(50, signal)
  }
  // A supervisor that was killed while it started or stopped the chain has left one that does not mine.
  if (isAlone(home) && (await askAnvil(record.port, 'anvil_getAutomine')) === false) await wakeAnvil(record.port)
  if (port !== undefined && port !== record.port) {
    log.warn(`the embedded chain runs already, on port ${record.port}; port ${port} is used after it has been stopped`)
  }
  return record
}

async function launch(home: AnvilHome, { port, log, signal }: StartAnvilOptions): Promise<ServingAnvil> {
  const record = await readRecord(home)
  await refuseForeignSupervisors(home, record)
  let candidate = port ?? record?.port ?? (await findFreePort())
  for (let tries = 1; ; tries++) {
    try {
      return await launchAnvil(home, { port: candidate, log, signal })
    } catch (error) {
      if (!(error instanceof AnvilFailed) || error.reason !== 'portTaken') throw error
      if (port !== undefined || tries === PORT_TRIES) {
        throw new Conflict(
          `The embedded chain could not listen on 127.0.0.1:${candidate}: another program uses that port. End it, or ` +
            'choose another port.',
          { details: { port: candidate } },
        )
      }
      const taken = candidate
      candidate = await findFreePort()
      log.warn(`port ${taken} is in use by another program; the embedded chain takes ${candidate}`)
    }
  }
}

/** Containers that share a volume do not see each other's processes, but both see the lock. Hold the start lock. */
async function refuseForeignSupervisors(home: AnvilHome, record: ServingAnvil | undefined): Promise<void> {
  if (!record || isAlone(home) || record.host === (await thisHost())) return
  throw new Blocked(
    `The chain in ${home.directory} is in use from another machine or container (${record.host}). Stop Refrain there ` +
      'first, or give this one a data directory of its own.',
    { details: { host: record.host } },
  )
}

/** Whether no other supervisor uses the chain. Whoever comes next waits for the start lock, so hold it. */
function isAlone(home: AnvilHome): boolean {
  const alone = tryLock(home.supervisorsLock, 'exclusive')
  alone?.release()
  return alone !== undefined
}
