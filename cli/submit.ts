import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { hashFile } from '../worker/engine/artifacts.ts'
import { InvalidInput } from '../worker/errors.ts'
import { type ApiClient, asError } from './client.ts'
import { oneLine } from './text.ts'

export interface Submission {
  readonly songPath: string
  readonly lyricsPath?: string
  readonly title?: string
  readonly artists?: readonly string[]
  readonly language?: string
}

/**
 * Uploads a song and adds it as a track, as any dApp would. The same song with the same lyrics and title is the same track
 * again: nothing finished is repeated.
 *
 * @returns the track's global id
 */
export async function submitSong(api: ApiClient, submission: Submission): Promise<string> {
  const { songPath, language } = submission
  await assertSong(songPath)
  const lyrics = await readLyrics(submission)
  const title = titleOf(submission)
  const artists = submission.artists?.length ? submission.artists : ['Unknown artist']
  const uploadId = await api.upload(songPath)
  const { sha256 } = await hashFile(songPath)
  const idempotencyKey = createHash('sha256')
    .update(JSON.stringify([sha256, lyrics, title, artists, language]))
    .digest('hex')
  const { addTrack } = await api.request<{ addTrack: { id?: string; message?: string; code?: string } }>(
    `mutation ($input: AddTrackInput!) {
      addTrack(input: $input) { ... on Track { id } ... on Error { message code } }
    }`,
    { input: { title, artists, lyrics, language: language ?? null, source: { uploadId }, idempotencyKey } },
  )
  if (!addTrack.id) throw asError(addTrack)
  return addTrack.id
}

/**
 * Whether the files are there, before anything is begun.
 *
 * @throws InvalidInput that says which is missing or empty
 */
export async function checkFiles(submission: Submission): Promise<void> {
  await assertSong(submission.songPath)
  await readLyrics(submission)
}

async function assertSong(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (!found?.isFile()) throw new InvalidInput(`expected a song, there is no file ${path}`)
  if (found.size === 0) throw new InvalidInput(`expected a song, the file ${path} is empty`)
}

/** The title given, or what the file is called. */
export function titleOf({ title, songPath }: Submission): string {
  return title ?? (oneLine(basename(songPath, extname(songPath)).replaceAll(/[-_]+/g, ' ')) || 'Untitled')
}

/**
 * The text of the lyrics file, null when none was named.
 *
 * @throws InvalidInput when there is no such file, or it holds no text
 */
async function readLyrics({ lyricsPath }: Submission): Promise<string | null> {
  if (!lyricsPath) return null
  const bytes = await readFile(lyricsPath).catch(() => null)
  if (!bytes) throw new InvalidInput(`expected lyrics, there is no file ${lyricsPath}`)
  const text = decodeText(bytes)
  if (text === null)
    throw new InvalidInput(`expected lyrics as text in UTF-8 or UTF-16, ${lyricsPath} holds something else`)
  if (text.trim() === '')
    throw new InvalidInput(`the lyrics file ${lyricsPath} is empty: leave it out for a song without words`)
  return text
}

/** Text in UTF-8, or in UTF-16 with a byte-order mark; null for anything else. */
function decodeText(bytes: Buffer): string | null {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}
