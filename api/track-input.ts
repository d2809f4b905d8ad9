import { realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Config } from '../worker/config.ts'
import type { Transaction } from '../worker/db/client.ts'
import { type TrackSource, uploads } from '../worker/db/tables.ts'
import { Blocked, InvalidInput, NotFound } from '../worker/errors.ts'
import { jsonObject, language, line, text, webAddress } from './input.ts'

/** Longest lyrics accepted: far beyond any song. */
export const LONGEST_LYRICS_CHARACTERS = 100_000

export const TrackInput = z.object({
  title: line(300),
  artists: z.array(line(200)).min(1, 'name at least one').max(20, 'name at most 20'),
  lyrics: text(LONGEST_LYRICS_CHARACTERS).nullish(),
  language: language().nullish(),
  source: z.object({
    uploadId: z.uuid('expected the id of an upload').nullish(),
    path: line(4096).nullish(),
    url: webAddress().nullish(),
  }),
  notes: text(2_000).nullish(),
  style: jsonObject().nullish(),
  callbackUrl: webAddress().nullish(),
  metadata: jsonObject().nullish(),
  idempotencyKey: line(200).nullish(),
})
export type TrackInput = z.output<typeof TrackInput>

/**
 * Finds the audio that a submission names.
 *
 * @throws InvalidInput for a path outside the media folders; NotFound for an unknown upload; Blocked for an unfinished one
 */
export async function resolveSource(
  transaction: Transaction,
  source: TrackInput['source'],
  config: Config,
): Promise<TrackSource> {
  if (source.uploadId) return resolveUpload(transaction, source.uploadId)
  if (source.path) return { kind: 'path', path: await resolveMediaPath(source.path, config) }
  if (source.url) return { kind: 'url', url: source.url }
  throw new InvalidInput('source: expected an uploadId, a path or a url', { details: { field: 'source' } })
}

async function resolveUpload(transaction: Transaction, uploadId: string): Promise<TrackSource> {
  const [upload] = await transaction
    .select({
      name: uploads.name,
      sha256: uploads.sha256,
      sizeBytes: uploads.sizeBytes,
      receivedBytes: uploads.receivedBytes,
    })
    .from(uploads)
    .where(eq(uploads.id, uploadId))
  if (!upload) throw new NotFound(`there is no upload ${uploadId}`, { details: { field: 'source.uploadId' } })
  if (upload.sha256 === null) {
    throw new Blocked(
      `upload ${uploadId} is not finished: ${upload.receivedBytes} of ${upload.sizeBytes} bytes have come`,
    )
  }
  return { kind: 'upload', sha256: upload.sha256, name: upload.name }
}

/** The real path of a file, when it lies in one of the media folders after following every link. */
async function resolveMediaPath(path: string, config: Config): Promise<string> {
  // The same words for a file that is missing and one that is forbidden: nobody may probe the disk.
  const refuse = () =>
    new InvalidInput('source.path: expected an existing file inside one of the folders in MEDIA_PATHS', {
      details: { field: 'source.path' },
    })
  const real = await realpath(path).catch(() => null)
  if (real === null) throw refuse()
  const folders = await Promise.all(config.MEDIA_PATHS.map((folder) => realpath(folder).catch(() => null)))
  const isInside = folders.some(
    (folder) => folder !== null && real.startsWith(folder.endsWith(sep) ? folder : folder + sep),
  )
  if (!isInside) throw refuse()
  const file = await stat(real).catch(() => null)
  if (!file?.isFile()) throw refuse()
  if (file.size === 0 || file.size > config.MAX_UPLOAD_BYTES) {
    throw new InvalidInput(`source.path: expected 1 to ${config.MAX_UPLOAD_BYTES} bytes, the file has ${file.size}`, {
      details: { field: 'source.path' },
    })
  }
  return real
}
