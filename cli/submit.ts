import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { hashFile } from '../worker/engine/artifacts.ts'
import { InvalidInput } from '../worker/errors.ts'
import { type ApiClient, asError } from './client.ts'

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
  const { songPath, lyricsPath, language } = submission
  const lyrics = lyricsPath ? await readLyrics(lyricsPath) : null
  const title =
    submission.title ?? (basename(songPath, extname(songPath)).replaceAll(/[-_]+/g, ' ').trim() || 'Untitled')
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

async function readLyrics(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) throw new InvalidInput(`there is no lyrics file ${path}`)
  return text
}
