import { type ChildProcess, spawn } from 'node:child_process'
import { access, open, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { limitLogFile, readLogSince } from '../../db/postgres/log-file.ts'
import { Blocked } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { EMBEDDED_CHAIN_ID } from '../embedded-chain.ts'
import { findAnvil } from './binary.ts'
import { genesisTimestamp } from './genesis.ts'
import type { AnvilHome } from './home.ts'
import { resumeMining } from './mining.ts'
import { becomesFree } from './port.ts'
import { type ServingAnvil, writeRecord } from './record.ts'
import { askAnvil, askHead } from './rpc.ts'
import { listStates, removeUnfinished, saveState, setAside, unpackState } from './state.ts'

/** The accounts every development tool knows, each with 10,000 coins of no worth. */
const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk'

export type AnvilReason = 'portTaken' | 'stateRefused' | 'other'

/** Anvil ended before it was of use. */
export class AnvilFailed extends Blocked {
  readonly reason: AnvilReason

  constructor(home: AnvilHome, reason: AnvilReason, output: string) {
    const lines = output.trim().split('\n').slice(-12).join('\n')
    super(`The embedded chain in ${home.directory} could not be started.\n${lines || '(anvil printed nothing)'}`, {
      details: { reason },
    })
    this.reason = reason
  }
}

interface LaunchOptions {
  readonly port: number
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

/**
 * Starts anvil from the newest saved state that is whole, and returns when it answers and its state is on disk. Hold the start
 * lock, and see that no anvil serves the directory.
 *
 * @throws AnvilFailed; Blocked when states were saved and none can be read; the signal's reason
 */
export async function launchAnvil(home: AnvilHome, options: LaunchOptions): Promise<ServingAnvil> {
  const binary = await findAnvil()
  if (!(await becomesFree(options.port, options.signal))) {
    throw new AnvilFailed(home, 'portTaken', `port ${options.port} is in use`)
  }
  await removeUnfinished(home)
  const states = await listStates(home)
  for (const state of states) {
    try {
      if (await unpackState(home, state)) return await launchOnce(home, binary, options, true)
    } catch (error) {
      if (!(error instanceof AnvilFailed) || error.reason !== 'stateRefused') throw error
    }
    if (state === states.at(-1)) throw unreadable(home)
    await setAside(state, options.log)
  }
  return launchOnce(home, binary, options, false)
}

function unreadable(home: AnvilHome): Blocked {
  return new Blocked(
    `No saved state of the embedded chain can be read. Restore ${home.state} from a copy, or move ${home.directory} ` +
      'away to start with an empty chain.',
  )
}

async function launchOnce(
  home: AnvilHome,
  binary: string,
  { port, signal }: LaunchOptions,
  isLoaded: boolean,
): Promise<ServingAnvil> {
  signal?.throwIfAborted()
  await limitLogFile(home.logFile)
  const log = await open(home.logFile, 'a', 0o600)
  try {
    const { size: logStart } = await log.stat()
    const timestamp = await genesisTimestamp(home, isLoaded)
    const child = spawn(binary, anvilArgs(home, port, timestamp, isLoaded), {
      cwd: home.directory,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: home.directory, LC_ALL: 'C', TZ: 'UTC' },
      // A session of its own: Ctrl-C in the terminal reaches us, and we decide when the chain stops. Nothing ties it to us,
      // so that after our sudden death it goes on serving and the next supervisor adopts it.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    let spawnError: Error | undefined
    child.once('error', (error) => (spawnError = error))
    try {
      if (!(await becomesReady(home, child, port, signal)) || !child.pid) {
        const output = spawnError?.message ?? (await readLogSince(home.logFile, logStart))
        throw new AnvilFailed(home, failureReason(output), output)
      }
      const record = await writeRecord(home, child.pid, port)
      await wakeAnvil(port)
      if (!isLoaded) await saveState(home, port, { withHistory: false })
      child.unref()
      return record
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  } finally {
    await log.close()
    await rm(home.loadedState, { force: true })
  }
}

/**
 * Sets the clock of an anvil that has been started, and lets it mine. It begins at the time of block 0, and must not mine before it
 * knows better; what was sent to it meanwhile is mined now.
 */
export async function wakeAnvil(port: number): Promise<void> {
  const { timestamp } = await askHead(port)
  // The head is in the future when somebody has moved the clock on; time never goes back.
  await askAnvil(port, 'evm_setTime', [Math.max(timestamp, Math.floor(Date.now() / 1000))])
  await resumeMining(port)
}

function anvilArgs(home: AnvilHome, port: number, timestamp: number, isLoaded: boolean): string[] {
  return [
    ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(EMBEDDED_CHAIN_ID)],
    ...['--mnemonic', DEVELOPMENT_MNEMONIC, '--quiet', '--no-cors'],
    ...['--config-out', home.boundFile, '--cache-path', home.cache, '--max-persisted-states', '1000'],
    ...['--dump-state', home.ownState, '--timestamp', String(timestamp), '--no-mining'],
    ...(isLoaded ? ['--load-state', home.loadedState] : []),
  ]
}

/** Waits until anvil answers (true) or has ended (false). */
async function becomesReady(
  home: AnvilHome,
  child: ChildProcess,
  port: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  while (child.pid && child.exitCode === null && child.signalCode === null) {
    signal?.throwIfAborted()
    // Whoever answers on the port may be a stranger; the file is written only once the port is ours.
    const isBound = await access(home.boundFile).then(
      () => true,
      () => false,
    )
    if (isBound && (await askAnvil(port, 'eth_chainId', [], 2000).catch(() => undefined))) return true
    await delay(5)
  }
  return false
}

function failureReason(output: string): AnvilReason {
  if (/Address already in use/.test(output)) return 'portTaken'
  return /--load-state|deserializ|parse json/i.test(output) ? 'stateRefused' : 'other'
}
