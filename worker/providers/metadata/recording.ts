import { z } from 'zod'
import type { MusicbrainzClient } from '../../net/musicbrainz.ts'
import { parseIsrc } from './codes.ts'
import type { TrackQuery } from './contract.ts'
import { isSameSong } from './match.ts'

const Credit = z.array(z.object({ name: z.string(), artist: z.object({ id: z.string(), name: z.string() }) }))
const Found = z.object({
  id: z.string(),
  title: z.string(),
  length: z.number().nullish(),
  'artist-credit': Credit.nullish(),
})
const ByIsrc = z.object({ recordings: z.array(Found) })
const Search = z.object({ recordings: z.array(Found) })

const Release = z.object({
  title: z.string(),
  date: z.string().nullish(),
  status: z.string().nullish(),
  'release-group': z
    .object({ 'primary-type': z.string().nullish(), 'secondary-types': z.array(z.string()).nullish() })
    .nullish(),
})
const Recording = Found.extend({
  isrcs: z.array(z.string()).nullish(),
  'first-release-date': z.string().nullish(),
  releases: z.array(Release).nullish(),
  relations: z
    .array(z.object({ type: z.string(), work: z.object({ id: z.string(), title: z.string() }).nullish() }))
    .nullish(),
})
export type Recording = z.output<typeof Recording>

/** Finds a track's recording in MusicBrainz, by ISRC when it has one, else by names, with its releases and works. */
export async function findRecording(
  client: MusicbrainzClient,
  track: TrackQuery,
  signal: AbortSignal,
): Promise<Recording | null> {
  const id = (await idByIsrc(client, track, signal)) ?? (await idByName(client, track, signal))
  if (!id) return null
  const inc = 'artist-credits+isrcs+releases+release-groups+work-rels'
  return await client.read(`/recording/${id}`, { inc }, Recording, signal)
}

async function idByIsrc(client: MusicbrainzClient, track: TrackQuery, signal: AbortSignal): Promise<string | null> {
  const isrc = parseIsrc(track.isrc)
  if (!isrc) return null
  const found = await client.read(`/isrc/${isrc}`, { inc: 'artist-credits' }, ByIsrc, signal)
  const recordings = found?.recordings ?? []
  // A code that was given out twice by mistake names two songs: the one of our title is meant.
  return (recordings.find((one) => isSameSong(track, candidateOf(one))) ?? recordings[0])?.id ?? null
}

async function idByName(client: MusicbrainzClient, track: TrackQuery, signal: AbortSignal): Promise<string | null> {
  const [artist] = track.artists
  if (!artist) return null
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`
  const query = `recording:${quoted(track.title)} AND artist:${quoted(artist)}`
  const found = await client.read('/recording', { query, limit: '25' }, Search, signal)
  return found?.recordings.find((one) => isSameSong(track, candidateOf(one)))?.id ?? null
}

function candidateOf(found: z.output<typeof Found>) {
  const credit = found['artist-credit'] ?? []
  return {
    title: found.title,
    artists: credit.flatMap(({ name, artist }) => [name, artist.name]),
    durationMs: found.length ?? null,
  }
}
