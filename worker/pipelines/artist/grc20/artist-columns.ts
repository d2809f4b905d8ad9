import { z } from 'zod'
import type { Grc20ArtistRow } from '../../../db/grc20-tables.ts'
import { sameTitle } from '../../../providers/metadata/match.ts'
import { cleanText, cleanUrl, flatten } from './text.ts'

/** What is known of an artist, from everywhere. */
export interface ArtistFacts {
  readonly id: number
  readonly name: string
  readonly spotifyArtistId: string | null
  readonly geniusArtistId: string | null
  readonly wikidataId: string | null
  readonly musicbrainzArtistId: string | null
  readonly isni: string | null
  readonly imageUrl: string | null
  readonly aliases: readonly string[]
  readonly handle: string
  readonly accountAddress: string
  /** What the sources say of the artist, by their names. */
  readonly metadata: SourceData
  /** What they say of the artist's tracks. */
  readonly trackMetadata: readonly SourceData[]
}

export type SourceData = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** The columns that are filled in by themselves. The others are there for people. */
export type ArtistColumns = Pick<
  Grc20ArtistRow,
  | 'name'
  | 'alternateNames'
  | 'lensHandle'
  | 'lensAccount'
  | 'isni'
  | 'viaf'
  | 'bnf'
  | 'gnd'
  | 'loc'
  | 'spotifyUrl'
  | 'geniusUrl'
  | 'wikidataUrl'
  | 'musicbrainzUrl'
  | 'imageUrl'
>

const maybe = z.string().nullish().catch(null)

/** One artist in what a source says. Whatever has another form is not known. */
const Mention = z.object({
  id: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .catch(null),
  name: maybe,
  labels: z.record(z.string(), z.string()).nullish().catch(null),
  aliases: z.array(z.string()).nullish().catch(null),
  alternateNames: maybe,
  itemId: maybe,
  spotifyArtistId: maybe,
  musicbrainzArtistId: maybe,
  geniusArtistId: maybe,
  isni: maybe,
  viaf: maybe,
  bnf: maybe,
  gnd: maybe,
  loc: maybe,
  url: maybe,
  imageUrl: maybe,
})
type Mention = z.output<typeof Mention>
const Mentions = z.object({ artists: z.array(z.unknown()).catch([]) })

/** What an artist's row should say by what is known now. */
export function artistColumns(facts: ArtistFacts): ArtistColumns {
  const wikidata = mentions(facts, 'wikidata')
  const genius = mentions(facts, 'genius')
  const quansic = mentions(facts, 'quansic')
  const spotify = mentions(facts, 'spotify')
  const musicbrainz = mentions(facts, 'musicbrainz')
  const first = (field: keyof Mention, ...sources: readonly (readonly Mention[])[]) =>
    sources.flat().flatMap((one) => cleanText(one[field]?.toString()) ?? [])[0] ?? null
  const wikidataId = facts.wikidataId ?? first('itemId', wikidata)
  const musicbrainzId =
    facts.musicbrainzArtistId ?? first('musicbrainzArtistId', wikidata, quansic) ?? first('id', musicbrainz)
  const names = [...facts.aliases, ...wikidata.flatMap((one) => [...(one.aliases ?? []), ...split(one.alternateNames)])]
  return {
    name: cleanText(facts.name) ?? `Artist ${facts.id}`,
    alternateNames: flatten(names.filter((name) => name.trim() !== facts.name.trim())),
    lensHandle: facts.handle,
    lensAccount: facts.accountAddress,
    isni: cleanText(facts.isni) ?? first('isni', wikidata, quansic),
    viaf: first('viaf', wikidata),
    bnf: first('bnf', wikidata),
    gnd: first('gnd', wikidata),
    loc: first('loc', wikidata),
    spotifyUrl: page('https://open.spotify.com/artist/', facts.spotifyArtistId),
    geniusUrl: cleanUrl(first('url', genius)),
    wikidataUrl: page('https://www.wikidata.org/wiki/', wikidataId),
    musicbrainzUrl: page('https://musicbrainz.org/artist/', musicbrainzId),
    imageUrl: cleanUrl(facts.imageUrl) ?? cleanUrl(first('imageUrl', spotify)),
  }
}

/** What one source says of this artist: asked about the artist first, then in passing about the tracks. */
function mentions(facts: ArtistFacts, source: string): readonly Mention[] {
  const own = facts.metadata[source] ? [Mention.parse(facts.metadata[source])] : []
  const passing = facts.trackMetadata.flatMap((metadata) => {
    const parsed = Mentions.safeParse(metadata[source])
    return parsed.success ? parsed.data.artists.flatMap((one) => Mention.safeParse(one).data ?? []) : []
  })
  return [...own, ...passing.filter((one) => isOf(facts, one, source))]
}

/** By an id where both have one of a kind; by name where they share no kind of id. */
function isOf(facts: ArtistFacts, one: Mention, source: string): boolean {
  const pairs = [
    [facts.spotifyArtistId, one.spotifyArtistId ?? (source === 'spotify' ? one.id : null)],
    [facts.wikidataId, one.itemId],
    [facts.musicbrainzArtistId, one.musicbrainzArtistId ?? (source === 'musicbrainz' ? one.id : null)],
    [facts.geniusArtistId, one.geniusArtistId ?? (source === 'genius' ? one.id : null)],
  ].filter(([ours, theirs]) => ours && theirs)
  if (pairs.length > 0) return pairs.some(([ours, theirs]) => ours === theirs)
  const names = [...(one.name ? [one.name] : []), ...Object.values(one.labels ?? {})]
  return names.some((name) => sameTitle(name, facts.name))
}

function split(names: string | null | undefined): readonly string[] {
  return names?.split('; ') ?? []
}

function page(base: string, id: string | null): string | null {
  return id && /^[\w-]+$/.test(id) ? `${base}${id}` : null
}
