import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The containers accepted from outside. Playlists (hls, concat), image sequences and subtitles are absent on purpose. */
export const ACCEPTED_FORMATS = 'mp3,wav,flac,ogg,mov,matroska,aac,aiff,w64,caf'

/**
 * What an input from outside must carry: only local files and pipes are opened, so that a playlist or an external
 * reference in a file reaches neither the network nor other protocols, and only known audio and video containers are tried.
 */
export const UNTRUSTED_INPUT: readonly string[] = [
  '-protocol_whitelist',
  'file,pipe',
  '-format_whitelist',
  ACCEPTED_FORMATS,
]

/** No single buffer above 1 GiB: a header that claims a giant frame fails at once. */
export const MAX_ALLOCATION: readonly string[] = ['-max_alloc', String(1 << 30)]

// Every thread reserves address space (stack, malloc arena) that it never touches, so the cap grows with the cores.
const ADDRESS_SPACE_KIB = (4096 + 256 * availableParallelism()) * 1024

const SHELL = '/bin/sh'
// The limit and the command come as arguments ($0, $@): no path is ever part of shell text.
// When the limit cannot be set, a lower one is in force already.
const SCRIPT = 'ulimit -v "$0" 2>/dev/null; exec "$@"'

export interface LeashedCommand {
  readonly command: string
  readonly args: readonly string[]
}

/** The same command with its address space capped, where there is a POSIX shell; else the command itself. */
export function leash(path: string, args: readonly string[]): LeashedCommand {
  if (process.platform === 'win32' || !existsSync(SHELL)) return { command: path, args }
  return { command: SHELL, args: ['-c', SCRIPT, String(ADDRESS_SPACE_KIB), path, ...args] }
}

/** A local path as ffmpeg must be given it: never taken for an option, a protocol or a pipe. */
export function fileUrl(path: string): string {
  return `file:${path}`
}
