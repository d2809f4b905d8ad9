import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { defineProvider } from '../capability.ts'
import { parseDate } from './codes.ts'
import type { MetadataSource } from './contract.ts'
import { isSameSong } from './match.ts'

const Person = z.object({ id: z.number().int(), name: z.string().min(1), url: z.string().nullish() })
const Search = z.object({
  response: z.object({
    hits: z.array(
      z.object({
        type: z.string().nullish(),
        result: z.object({
          id: z.number().int(),
          title: z.string(),
          artist_names: z.string().nullish(),
          primary_artist: Person,
        }),
      }),
    ),
  }),
})
const Song = z.object({
  response: z.object({
    song: z.object({
      id: z.number().int(),
      title: z.string().min(1),
      url: z.string().min(1),
      release_date: z.string().nullish(),
      album: z.object({ name: z.string().nullish() }).nullish(),
      primary_artist: Person,
      featured_artists: z.array(Person).nullish(),
      writer_artists: z.array(Person).nullish(),
    }),
  }),
})

/** Genius: the song's page, its artists and writers. Its interface holds no lyrics, and its pages may not be scraped. */
export const genius = defineProvider({
  name: 'genius',
  environment: z.object({
    GENIUS_API_URL: z.url().default('https://api.genius.com').meta({ description: 'Genius’s API' }),
    GENIUS_API_TOKEN: z.string().meta({ description: 'client access token for Genius', isSecret: true }),
  }),
  create: (settings, { http }): MetadataSource => {
    const base = settings.GENIUS_API_URL.replace(/\/+$/, '')
    const headers = { authorization: `Bearer ${settings.GENIUS_API_TOKEN}` }
    return {
      async lookUp(track, { signal }) {
        const q = `${track.title} ${track.artists[0] ?? ''}`.trim()
        const { response } = await http.json(`${base}/search?${new URLSearchParams({ q })}`, Search, {
          headers,
          signal,
        })
        const hit = response.hits.find(
          ({ type, result }) =>
            (type ?? 'song') === 'song' &&
            isSameSong(track, {
              title: result.title,
              artists: [result.primary_artist.name, result.artist_names ?? ''],
            }),
        )
        if (!hit) return { noMatch: 'Genius knows no such song' }
        const song = await readSong(hit.result.id, signal)
        if (!song) return { noMatch: 'Genius lists the song but has no page for it' }
        return {
          source: 'genius',
          data: {
            songId: song.id,
            url: song.url,
            title: song.title,
            artists: [song.primary_artist, ...(song.featured_artists ?? [])].map(toPerson),
            writers: (song.writer_artists ?? []).map(toPerson),
            album: song.album?.name || null,
            releaseDate: parseDate(song.release_date),
          },
        }
      },
    }

    async function readSong(id: number, signal: AbortSignal) {
      try {
        const url = `${base}/songs/${id}?text_format=plain`
        return (await http.json(url, Song, { headers, signal })).response.song
      } catch (error) {
        if (error instanceof AppError && error.details.status === 404) return null
        throw error
      }
    }
  },
})

function toPerson({ id, name, url }: z.output<typeof Person>) {
  return { id, name, url: url || null }
}
