import { readlink, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning } from '../../db/postgres/postmaster.ts'
import { Blocked } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { AnvilHome } from './home.ts'
import { stopMining } from './mining.ts'
import { isServing, readRecord } from './record.ts'
import { askHead } from './rpc.ts'
import { keepsHistory } from './saver.ts'
import { saveState } from './state.ts'

/** Saves and ends the anvil that serves this directory, if any. Hold the start lock. */
export async function stopAnvil(home: AnvilHome, log: Log): Promise<void> {
  const record = await readRecord(home)
  if (!record || !(await isServing(home, record))) return
  const isSaved = await saveLast(home, record.port).then(
    () => true,
    (error) => {
      log.warn('the embedded chain could not be saved while it was stopped; anvil saves it itself', { error })
      return false
    },
  )
  for (const [signal, seconds] of [
    ['SIGTERM', 10],
    ['SIGKILL', 5],
  ] as const) {
    if (isRunning(record.pid)) process.kill(record.pid, signal)
    if (!(await waitForEnd(record.pid, seconds))) continue
    // What anvil writes when it ends has the same blocks as what we saved, but not the states of past ones.
    if (isSaved) await rm(home.ownState, { force: true })
    return
  }
  throw new Blocked(`Anvil (process ${record.pid}) in ${home.directory} did not end. End it with kill -9.`)
}

/** Ends an anvil whose directory was deleted under it: nothing can be saved, and no supervisor will ever find it. */
export async function endHomeless(home: AnvilHome, pid: number): Promise<void> {
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => '')
  if (directory === `${home.directory} (deleted)`) process.kill(pid, 'SIGKILL')
}

async function saveLast(home: AnvilHome, port: number): Promise<void> {
  // No block may come after the one that is saved last.
  await stopMining(port)
  const head = await askHead(port)
  await saveState(home, port, { withHistory: keepsHistory(head.number) })
}

async function waitForEnd(pid: number, seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000
  while (isRunning(pid)) {
    if (performance.now() > deadline) return false
    await delay(10)
  }
  return true
}
