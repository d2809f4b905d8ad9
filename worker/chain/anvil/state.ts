import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline as connect } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { withLock } from '../../db/postgres/lock.ts'
import type { Log } from '../../log.ts'
import type { AnvilHome } from './home.ts'
import { isIdle, isMining, whileNotMining } from './mining.ts'
import { askAnvil, askHead } from './rpc.ts'

/** A file that a chain can be started from. */
export interface SavedState {
  readonly path: string
  readonly isCompressed: boolean
}

/** A save of many megabytes takes seconds. */
const SAVE_TIMEOUT_MS = 60_000

/**
 * Saves anvil's state. Whatever is killed meanwhile, `home.state` is whole: the new one or the one before.
 *
 * Anvil's own file will not do: it is overwritten in place, and a kill in the middle leaves half of it.
 *
 * @param options.withHistory keeps the state of every past block as well, which costs about 0.3 MB a block
 */
export function saveState(home: AnvilHome, port: number, options: { readonly withHistory: boolean }): Promise<void> {
  return withLock(home.saveLock, { timeoutSeconds: 120 }, async () => {
    const dump = await dumpWhole(port, options.withHistory)
    const file = await open(home.unfinishedState, 'w', 0o600)
    try {
      await file.writeFile(Buffer.from(dump.slice(2), 'hex'))
      await file.sync()
    } finally {
      await file.close()
    }
    // A second name first and the rename after it: there is a moment without a previous state, none without a state.
    await rm(home.previousState, { force: true })
    await link(home.state, home.previousState).catch(unlessMissing)
    await rename(home.unfinishedState, home.state)
    await syncDirectory(home.directory)
  })
}

/**
 * The state between two blocks, as 0x and hexadecimal digits.
 *
 * Anvil reads its blocks first and its accounts afterwards, and mines meanwhile: a transaction that comes in between would be lost
 * for good, since its sender's account counts it while no block has it.
 */
async function dumpWhole(port: number, withHistory: boolean): Promise<string> {
  const dump = async () => String(await askAnvil(port, 'anvil_dumpState', [withHistory], SAVE_TIMEOUT_MS))
  if (!(await isMining(port))) return dump()
  const before = await askHead(port)
  const state = await dump()
  // In this order: a block that was being made would be there by now, and one that is begun now comes after the dump.
  if ((await isIdle(port)) && (await askHead(port)).hash === before.hash) return state
  return whileNotMining(port, dump)
}

/** The saved states in the order in which they should be tried. */
export async function listStates(home: AnvilHome): Promise<readonly SavedState[]> {
  const own = { path: home.ownState, isCompressed: false }
  const ours = [home.state, home.previousState].map((path) => ({ path, isCompressed: true }))
  // Anvil's own is ahead of ours when it went on alone, after its supervisor had been killed.
  const [ownHead, head] = await Promise.all([own, ours[0]].map(readHeadNumber))
  const states = ownHead > head && (await isWhole(own)) ? [own, ...ours] : [...ours, own]
  const sizes = await Promise.all(states.map(({ path }) => stat(path).catch(() => undefined)))
  return states.filter((_, index) => sizes[index] !== undefined)
}

/** The number of the newest block in a saved state; -1 when it cannot be read. */
async function readHeadNumber({ path, isCompressed }: SavedState): Promise<number> {
  let text = ''
  try {
    const file = createReadStream(path)
    for await (const chunk of isCompressed ? connect(file, createGunzip(), () => {}) : file) {
      // Two chunks, in case the number lies across their border.
      text = text.slice(-chunk.length) + chunk
      const number = /"best_block_number":"?(0x[0-9a-f]+|\d+)[",]/.exec(text)?.[1]
      if (number !== undefined) return Number(number)
    }
  } catch {
    // Missing or damaged.
  }
  return -1
}

const Whole = z.object({
  accounts: z.record(z.string().toLowerCase(), z.object({ nonce: z.number(), code: z.string() })),
  transactions: z.array(z.object({ info: z.object({ from: z.string().toLowerCase() }) })),
})

/** Whether every transaction that an account counts is there: of those that anvil writes while it mines, one may be missing. */
async function isWhole({ path }: SavedState): Promise<boolean> {
  try {
    const { accounts, transactions } = Whole.parse(JSON.parse(await readFile(path, 'utf8')))
    const sent = new Map<string, number>()
    for (const { info } of transactions) sent.set(info.from, (sent.get(info.from) ?? 0) + 1)
    return Object.entries(accounts).every(
      ([address, { nonce, code }]) => code !== '0x' || nonce === (sent.get(address) ?? 0),
    )
  } catch {
    return false
  }
}

/**
 * Makes the file that anvil is started with.
 *
 * @returns false when the saved state is damaged
 */
export async function unpackState(home: AnvilHome, state: SavedState): Promise<boolean> {
  if (!state.isCompressed) {
    await copyFile(state.path, home.loadedState)
    return true
  }
  try {
    await pipeline(createReadStream(state.path), createGunzip(), createWriteStream(home.loadedState, { mode: 0o600 }))
    return true
  } catch (error) {
    // zlib's own errors (Z_DATA_ERROR, Z_BUF_ERROR): the checksum is wrong or the end is missing.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) return false
    throw error
  }
}

/** Moves a damaged state out of the way, for a person to look at. */
export async function setAside(state: SavedState, log: Log): Promise<void> {
  if (!state.isCompressed) {
    // Anvil was killed while it wrote its own file, as happens; what we saved before is whole.
    await rm(state.path, { force: true })
    return log.info(`${basename(state.path)} was not written to its end and is not used`)
  }
  const aside = `${state.path}.damaged-${new Date().toISOString().replaceAll(':', '')}`
  await rename(state.path, aside)
  log.warn(`a saved state of the embedded chain is damaged: it is kept as ${aside}, and the one before is used`)
}

/** Removes what a killed supervisor or anvil left. Hold the start lock while no anvil runs. */
export async function removeUnfinished(home: AnvilHome): Promise<void> {
  for (const path of [home.unfinishedState, home.loadedState, home.boundFile]) await rm(path, { force: true })
  await rm(home.cache, { recursive: true, force: true })
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
