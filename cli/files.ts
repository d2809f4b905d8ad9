import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { hashFile } from '../worker/engine/artifacts.ts'
import { NotFound, ProviderUnavailable } from '../worker/errors.ts'
import type { ApiClient } from './client.ts'
import { oneLine } from './text.ts'

export interface TrackFile {
  readonly stage: string
  readonly name: string
  readonly sha256: string
  readonly sizeBytes: number
  readonly url: string
}

/** Every file that a track's stages have made. @throws NotFound when there is no such track */
export async function readFiles(api: ApiClient, trackId: string): Promise<TrackFile[]> {
  const { track } = await api.request<{
    track: { tasks: { type: string; artifacts: Omit<TrackFile, 'stage'>[] }[] } | null
  }>('query ($id: ID!) { track(id: $id) { tasks { type artifacts { name sha256 sizeBytes url } } } }', { id: trackId })
  if (!track) throw new NotFound(`there is no track ${trackId}`)
  return track.tasks.flatMap((task) =>
    task.artifacts.map((artifact) => ({ stage: task.type.toLowerCase(), ...artifact })),
  )
}

/**
 * Downloads files into a folder, each under its name; one that is there already is left alone.
 *
 * @returns the path of each file
 */
export async function saveFiles(files: readonly TrackFile[], folder: string, signal: AbortSignal): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const paths = namesOf(files).map((name) => join(folder, name))
  for (const [at, file] of files.entries())
    if (!(await isSaved(file, paths[at], signal))) await save(file, paths[at], signal)
  return paths
}

/**
 * What each file is called on disk: its name without anything that leads out of the folder, after its stage's name where two
 * different files would be called the same.
 */
export function namesOf(files: readonly TrackFile[]): string[] {
  const taken = new Map<string, string>()
  return files.map((file) => {
    const plain =
      oneLine(file.name)
        .replaceAll(/[/\\:]+/g, '_')
        .replace(/^\.+/, '')
        .slice(-200) || file.sha256
    const candidates = [plain, `${file.stage}-${plain}`, `${file.sha256.slice(0, 8)}-${plain}`]
    const name =
      candidates.find((one) => [undefined, file.sha256].includes(taken.get(one.toLowerCase()))) ?? file.sha256
    taken.set(name.toLowerCase(), file.sha256)
    return name
  })
}

async function isSaved(file: TrackFile, path: string, signal: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.size === file.sizeBytes && (await hashFile(path, signal)).sha256 === file.sha256
}

async function save(file: TrackFile, path: string, signal: AbortSignal): Promise<void> {
  const partial = `${path}.part`
  try {
    const response = await fetch(file.url, { signal })
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`)
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
    await pipeline(body, createWriteStream(partial), { signal })
    await rename(partial, path)
  } catch (cause) {
    signal.throwIfAborted()
    const why = cause instanceof Error ? cause.message : cause
    throw new ProviderUnavailable('server', `${file.name} could not be fetched from ${file.url}: ${why}`, { cause })
  } finally {
    await rm(partial, { force: true })
  }
}
