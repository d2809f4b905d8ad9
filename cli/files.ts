import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ProviderUnavailable } from '../worker/errors.ts'
import type { ApiClient } from './client.ts'

export interface TrackFile {
  readonly stage: string
  readonly name: string
  readonly sizeBytes: number
  readonly url: string
}

/** Every file that a track's stages have made. */
export async function readFiles(api: ApiClient, trackId: string): Promise<TrackFile[]> {
  const { track } = await api.request<{
    track: { tasks: { type: string; artifacts: { name: string; sizeBytes: number; url: string }[] }[] } | null
  }>('query ($id: ID!) { track(id: $id) { tasks { type artifacts { name sizeBytes url } } } }', { id: trackId })
  return (track?.tasks ?? []).flatMap((task) =>
    task.artifacts.map((artifact) => ({ stage: task.type.toLowerCase(), ...artifact })),
  )
}

/** Downloads files into a folder under their names; one that is there with its full size is left alone. */
export async function saveFiles(files: readonly TrackFile[], folder: string, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const file of files) {
    const path = join(folder, file.name)
    if ((await stat(path).catch(() => null))?.size === file.sizeBytes) continue
    const response = await fetch(file.url, { signal })
    if (!response.ok || !response.body)
      throw new ProviderUnavailable('server', `${file.name} could not be fetched: HTTP ${response.status}`)
    const partial = `${path}.part`
    try {
      await pipeline(
        Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
        createWriteStream(partial),
        { signal },
      )
      await rename(partial, path)
    } finally {
      await rm(partial, { force: true })
    }
  }
}
