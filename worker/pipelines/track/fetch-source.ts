import { copyFile, realpath, stat } from 'node:fs/promises'
import { basename, extname, join, resolve, sep } from 'node:path'
import type { Config } from '../../config.ts'
import type { TrackSource } from '../../db/tables.ts'
import type { Artifact } from '../../engine/artifact.ts'
import type { Context } from '../../engine/context.ts'
import { AppError, Blocked, InvalidInput, MediaFailed } from '../../errors.ts'
import { downloadUrl } from '../../net/download.ts'
import type { Track } from './subject.ts'

export interface Fetched {
  readonly path: string
  /** As the user knows it: one line, no folders, at most 200 characters. */
  readonly name: string
  keep(): Promise<Artifact>
}

const IDLE_TIMEOUT_MS = 30_000
const LONGEST_NAME_CHARACTERS = 200
const SOURCE_TYPE = 'application/octet-stream'

/**
 * Brings a track's song to where it can be read: an upload lies in the store already, a path is copied, a URL downloaded.
 *
 * @param reserved a name under which the caller keeps a file of its own; a source called the same is kept under another
 * @throws Blocked without a source; InvalidInput when it may not or cannot be had; MediaFailed on a full disk
 */
export async function fetchSource(context: Context<Track>, reserved: string): Promise<Fetched> {
  const { source } = context.subject
  if (!source) throw new Blocked('the track has no audio source: submit it again with an upload, a path or a URL')
  const shown = fileName(source)
  const name = shown === reserved ? `source-${shown}` : shown
  if (source.kind === 'upload') return await openUpload(context, source.sha256, name)
  const path = join(context.workspacePath, `source${/^\.\w{1,8}$/.exec(extname(name)) ?? ''}`)
  if (source.kind === 'path') await copySong(source.path, path, name, context.config)
  else await downloadSong(source.url, path, context)
  return { path, name, keep: () => context.keep(path, { name, contentType: SOURCE_TYPE }) }
}

/** What probing and decoding say about a source, in the name that its user knows. */
export function sayName(error: unknown, { path, name }: Fetched): unknown {
  if (!(error instanceof AppError) || !error.message.includes(basename(path))) return error
  const { kind, retryable, details, cause } = error
  return new AppError(
    kind,
    error.message.replaceAll(basename(path), () => name),
    { retryable, details, cause },
  )
}

async function openUpload(context: Context<Track>, sha256: string, name: string): Promise<Fetched> {
  const path = await context.open({ sha256 }).catch((cause: unknown) => {
    throw new InvalidInput(`“${name}” is not in the store any more: upload it again`, { cause })
  })
  const { size: sizeBytes } = await stat(path)
  return { path, name, keep: async () => ({ sha256, sizeBytes, contentType: SOURCE_TYPE, name }) }
}

async function downloadSong(url: string, path: string, { config, progress, signal }: Context<Track>): Promise<void> {
  await downloadUrl(url, path, {
    maxBytes: config.MAX_UPLOAD_BYTES,
    timeoutMs: config.DOWNLOAD_TIMEOUT_SECONDS * 1000,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    onProgress: (fraction) => progress(fraction * 0.3),
    signal,
  })
}

async function copySong(from: string, to: string, name: string, config: Config): Promise<void> {
  const real = await assertMediaPath(from, config)
  const { size } = await stat(real)
  if (size > config.MAX_UPLOAD_BYTES) {
    throw new InvalidInput(`expected at most ${config.MAX_UPLOAD_BYTES} bytes (MAX_UPLOAD_BYTES), ${name} has ${size}`)
  }
  try {
    await copyFile(real, to)
  } catch (cause) {
    // Not the system's own words: they hold folders.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    if (code === 'ENOSPC') {
      throw new MediaFailed(`copying “${name}” failed: the disk is full`, { cause, retryable: true })
    }
    throw new InvalidInput(`“${name}” cannot be read (${code}): check its permissions, or upload it`, { cause })
  }
}

/**
 * The real path of a file that may be submitted by path.
 *
 * @throws InvalidInput when it lies outside `MEDIA_PATHS`, links included, does not exist or is no file
 */
async function assertMediaPath(path: string, config: Pick<Config, 'MEDIA_PATHS'>): Promise<string> {
  const allowed = await Promise.all(config.MEDIA_PATHS.map((folder) => realpath(resolve(folder)).catch(() => null)))
  const real = await realpath(path).catch(() => null)
  const isAllowed = allowed.some(
    (folder) => folder !== null && real?.startsWith(folder.endsWith(sep) ? folder : folder + sep),
  )
  // A folder, a pipe or a device is no song; reading a pipe would wait for ever.
  if (!real || !isAllowed || !(await stat(real)).isFile()) {
    throw new InvalidInput(
      'expected an existing file under one of the folders in MEDIA_PATHS: upload the file instead, or allow its folder',
      { details: { field: 'path' } },
    )
  }
  return real
}

/** Database and file systems take neither control characters nor names without end. */
function fileName(source: TrackSource): string {
  const given =
    source.kind === 'upload' ? source.name : source.kind === 'path' ? basename(source.path) : nameOfUrl(source.url)
  const last =
    given
      .replace(/\p{Cc}+/gu, ' ')
      .split(/[/\\]/)
      .pop()
      ?.trim() ?? ''
  if (last.length <= LONGEST_NAME_CHARACTERS) return last || 'song'
  const ending = extname(last).slice(0, 10)
  return (last.slice(0, LONGEST_NAME_CHARACTERS - ending.length) + ending).toWellFormed()
}

function nameOfUrl(url: string): string {
  const last = URL.parse(url)?.pathname.split('/').pop() ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
