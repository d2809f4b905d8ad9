import { mkdir, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Blocked, InvalidInput } from '../../errors.ts'

/** Where one embedded chain keeps everything. */
export interface AnvilHome {
  readonly directory: string
  /** The newest saved state: JSON as anvil reads it, compressed. Always whole: it is renamed into place. */
  readonly state: string
  /** One that is being saved. */
  readonly unfinishedState: string
  /** The one saved before. */
  readonly previousState: string
  /** What anvil itself writes when it is told to end, and once a minute; torn when it is killed meanwhile. */
  readonly ownState: string
  /** The state that anvil is being started with. */
  readonly loadedState: string
  /** When the chain began: see genesis.ts. */
  readonly genesisFile: string
  /** Written by anvil once it has its port. */
  readonly boundFile: string
  /** States of past blocks that have no room in memory. */
  readonly cache: string
  /** Which anvil serves this directory: see record.ts. */
  readonly record: string
  readonly logFile: string
  /** Held exclusively while a supervisor starts or stops anvil. */
  readonly startLock: string
  /** Held shared by every supervisor while it uses the chain. */
  readonly supervisorsLock: string
  /** Held by the one supervisor that saves the state and starts anvil again. */
  readonly keeperLock: string
  /** Held exclusively while a state is saved, or an older one could take the place of a newer. */
  readonly saveLock: string
}

/** @throws InvalidInput, or Blocked when the directory cannot be made */
export async function findHome(dataDirectory: string): Promise<AnvilHome> {
  if (/[\n\r\0]/.test(dataDirectory)) {
    throw new InvalidInput('The data directory must not have a line break in its path.')
  }
  const path = resolve(dataDirectory)
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new Blocked(`The directory ${path} cannot be made. Check that its parent is writable.`, { cause })
  })
  const directory = await realpath(path)
  const within = (name: string) => join(directory, name)
  return {
    directory,
    state: within('state.json.gz'),
    unfinishedState: within('state.new.json.gz'),
    previousState: within('state.previous.json.gz'),
    ownState: within('state.own.json'),
    loadedState: within('state.loaded.json'),
    genesisFile: within('genesis.json'),
    boundFile: within('bound.json'),
    cache: within('cache'),
    record: within('anvil.json'),
    logFile: within('anvil.log'),
    startLock: within('start.lock'),
    supervisorsLock: within('supervisors.lock'),
    keeperLock: within('keeper.lock'),
    saveLock: within('save.lock'),
  }
}
