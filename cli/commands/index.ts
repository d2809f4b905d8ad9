import type { ParseArgsOptionsConfig } from 'node:util'
import type { ApiClient } from '../client.ts'
import { artists, createLensAccounts, deployLocks, mintPkps, spotifyArtists } from './artist.ts'
import { backlog } from './backlog.ts'
import { cancel } from './cancel.ts'
import { db } from './db.ts'
import { enrich } from './enrich.ts'
import { files } from './files.ts'
import { follow } from './follow.ts'
import { grc20 } from './grc20.ts'
import { report } from './report.ts'
import { resolveSpotify } from './resolve-spotify.ts'
import { retry } from './retry.ts'
import { run } from './run.ts'
import { secrets } from './secrets.ts'
import { segments } from './segments.ts'
import { status } from './status.ts'
import { submit } from './submit.ts'
import { tasks } from './tasks.ts'
import { tracks } from './tracks.ts'

export interface Invocation {
  readonly api: ApiClient
  readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>
  readonly positionals: readonly string[]
  /** Whether the answer is to be one JSON document. */
  readonly isJson: boolean
  readonly signal: AbortSignal
  print(line: string): void
}

export interface Command {
  readonly name: string
  readonly usage: string
  readonly summary: string
  readonly options: ParseArgsOptionsConfig
  /** How many words it takes at most, beside options. */
  readonly words: number
  /** Returns the exit code. */
  run(invocation: Invocation): Promise<number>
}

export const commands: readonly Command[] = [
  submit,
  status,
  follow,
  tracks,
  tasks,
  backlog,
  report,
  retry,
  cancel,
  run,
  files,
  segments,
  enrich,
  resolveSpotify,
  artists,
  spotifyArtists,
  mintPkps,
  createLensAccounts,
  deployLocks,
  grc20,
  secrets,
  db,
]
