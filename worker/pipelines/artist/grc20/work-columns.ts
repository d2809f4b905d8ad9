import { z } from 'zod'
import type { Grc20WorkRow } from '../../../db/grc20-tables.ts'
import { parseIswc } from '../../../providers/metadata/codes.ts'
import type { SourceData } from './artist-columns.ts'
import { cleanText, cleanUrl, flatten } from './text.ts'

/** What is known of the work that a track performs. */
export interface WorkFacts {
  readonly id: number
  readonly artistId: number
  readonly title: string
  /** BCP 47. */
  readonly language: string
  /** ISO 8601, as exact as known. */
  readonly releaseDate: string | null
  /** What the sources say of the track, by their names. */
  readonly metadata: SourceData
}

/** The columns that are filled in by themselves. */
export type WorkColumns = Omit<
  Grc20WorkRow,
  | 'trackId'
  | 'imageCid'
  | 'grc20EntityId'
  | 'mintedAt'
  | 'needsUpdate'
  | 'spaceId'
  | 'editId'
  | 'pendingEditId'
  | 'cid'
  | 'txHash'
  | 'artistRelationId'
  | 'publishedArtistId'
  | 'populated'
  | 'revision'
  | 'createdAt'
  | 'updatedAt'
>

const maybe = z.string().nullish().catch(null)
const Item = z.object({
  itemId: maybe,
  alternateNames: maybe,
  viaf: maybe,
  bnf: maybe,
  gnd: maybe,
  loc: maybe,
  iswc: maybe,
  musicbrainzWorkId: maybe,
})
const Said = z.object({
  iswc: maybe,
  workId: maybe,
  works: z
    .array(z.object({ id: z.string() }))
    .nullish()
    .catch(null),
  work: Item.nullish().catch(null),
  releaseDate: maybe,
  url: maybe,
  imageUrl: maybe,
})

/** What a work's row should say by what is known now. */
export function workColumns({ id, artistId, title, language, releaseDate, metadata }: WorkFacts): WorkColumns {
  const said = (source: string) => Said.safeParse(metadata[source]).data ?? null
  const item = said('wikidata')?.work ?? null
  const codes = [said('iswc')?.iswc, item?.iswc, said('quansic')?.iswc]
  const works = [said('iswc')?.workId, item?.musicbrainzWorkId, said('musicbrainz')?.works?.[0]?.id]
  const dates = [releaseDate, ...['musicbrainz', 'spotify', 'genius'].map((source) => said(source)?.releaseDate)]
  return {
    artistId,
    title: cleanText(title) ?? `Track ${id}`,
    alternateTitles: flatten((item?.alternateNames?.split('; ') ?? []).filter((name) => name.trim() !== title.trim())),
    iswc: codes.flatMap((code) => parseIswc(code) ?? [])[0] ?? null,
    releaseDate: dates.flatMap((date) => wholeDate(date) ?? [])[0] ?? null,
    language: cleanText(language),
    viaf: cleanText(item?.viaf),
    bnf: cleanText(item?.bnf),
    gnd: cleanText(item?.gnd),
    loc: cleanText(item?.loc),
    geniusUrl: cleanUrl(said('genius')?.url),
    wikidataUrl: item?.itemId && /^Q\d+$/.test(item.itemId) ? `https://www.wikidata.org/wiki/${item.itemId}` : null,
    musicbrainzUrl:
      works.flatMap((work) => (work && /^[\w-]+$/.test(work) ? `https://musicbrainz.org/work/${work}` : []))[0] ?? null,
    imageUrl: cleanUrl(said('spotify')?.imageUrl),
  }
}

/** The day in `2020-03-20` or `2020-03-20T00:00:00Z`; null when only the month or the year is known, or there is no such day. */
export function wholeDate(text: string | null | undefined): string | null {
  const [day] = /^(?!0000)\d{4}-\d{2}-\d{2}(?=$|T)/.exec(text?.trim() ?? '') ?? []
  if (!day) return null
  const instant = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(day) ? day : null
}
