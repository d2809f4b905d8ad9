import { z } from 'zod'

const Isrc = z.string().regex(/^[A-Z]{2}[A-Z0-9]{3}\d{7}$/)
const Iswc = z.string().regex(/^T-\d{3}\.\d{3}\.\d{3}-\d$/)
/** ISO 8601, as exact as known: `2009`, `2009-03` or `2009-03-23`. */
const DateOnly = z.string().regex(/^\d{4}(-\d{2}){0,2}$/)
const SpotifyId = z.string().regex(/^[0-9A-Za-z]{22}$/)
const Text = z.string().min(1)

/** A thing in Wikidata. Every library has its own field: their numbers are looked up in different places. */
const WikidataItem = z.object({
  itemId: z.string().regex(/^Q\d+$/),
  /** By language, BCP 47. */
  labels: z.record(z.string(), Text),
  /** Other names in English, one text, `; ` between them. */
  alternateNames: Text.nullable(),
  viaf: Text.nullable(),
  bnf: Text.nullable(),
  gnd: Text.nullable(),
  loc: Text.nullable(),
})

const SpotifyMetadata = z.object({
  spotifyTrackId: SpotifyId,
  title: Text,
  artists: z.array(z.object({ id: SpotifyId, name: Text, genres: z.array(Text), imageUrl: Text.nullable() })).min(1),
  album: Text.nullable(),
  albumId: SpotifyId.nullable(),
  releaseDate: DateOnly.nullable(),
  durationMs: z.number().int().positive(),
  isrc: Isrc.nullable(),
  imageUrl: Text.nullable(),
})

const MusicbrainzMetadata = z.object({
  recordingId: z.guid(),
  title: Text,
  artists: z.array(z.object({ id: z.guid(), name: Text })),
  works: z.array(z.object({ id: z.guid(), title: Text })),
  isrc: Isrc.nullable(),
  album: Text.nullable(),
  releaseDate: DateOnly.nullable(),
})

const IswcMetadata = z.object({
  iswc: Iswc,
  /** All codes of the work, the preferred one first. */
  iswcs: z.array(Iswc).min(1),
  /** MusicBrainz’s id of the work. */
  workId: z.guid(),
  title: Text,
  writers: z.array(z.object({ id: z.guid(), name: Text, role: Text })),
})

const WikidataMetadata = z.object({
  work: WikidataItem.extend({
    iswc: Iswc.nullable(),
    musicbrainzWorkId: Text.nullable(),
    geniusSongId: Text.nullable(),
  }).nullable(),
  artists: z.array(
    WikidataItem.extend({
      isni: Text.nullable(),
      musicbrainzArtistId: Text.nullable(),
      spotifyArtistId: Text.nullable(),
      geniusArtistId: Text.nullable(),
    }),
  ),
})

const GeniusPerson = z.object({ id: z.number().int(), name: Text, url: Text.nullable() })
const GeniusMetadata = z.object({
  songId: z.number().int(),
  url: Text,
  title: Text,
  artists: z.array(GeniusPerson).min(1),
  writers: z.array(GeniusPerson),
  album: Text.nullable(),
  releaseDate: DateOnly.nullable(),
})

const QuansicMetadata = z.object({
  isrc: Isrc,
  title: Text.nullable(),
  iswc: Iswc.nullable(),
  workTitle: Text.nullable(),
  artists: z.array(
    z.object({
      name: Text,
      isni: Text.nullable(),
      musicbrainzArtistId: Text.nullable(),
      spotifyArtistId: Text.nullable(),
    }),
  ),
  writers: z.array(z.object({ name: Text, isni: Text.nullable(), ipi: Text.nullable(), role: Text.nullable() })),
})

/** What one source knows of a track, in our units. Fields are null where it does not say. */
export const Metadata = z.discriminatedUnion('source', [
  z.object({ source: z.literal('spotify'), data: SpotifyMetadata }),
  z.object({ source: z.literal('musicbrainz'), data: MusicbrainzMetadata }),
  z.object({ source: z.literal('iswc'), data: IswcMetadata }),
  z.object({ source: z.literal('wikidata'), data: WikidataMetadata }),
  z.object({ source: z.literal('genius'), data: GeniusMetadata }),
  z.object({ source: z.literal('quansic'), data: QuansicMetadata }),
])
export type Metadata = z.output<typeof Metadata>

/** What a source is asked about. */
export interface TrackQuery {
  readonly title: string
  /** Names, the first being the primary artist. */
  readonly artists: readonly string[]
  readonly isrc: string | null
  readonly spotifyTrackId: string | null
  readonly spotifyArtistIds: readonly string[]
  readonly durationMs: number | null
  /** BCP 47. */
  readonly language: string
}

/** The source has nothing on the track; says why, for people. */
export interface NoMatch {
  readonly noMatch: string
}

/** A place that knows something about published music. */
export interface MetadataSource {
  /**
   * Finds the track by the most exact id it has, else by title and artist, where anything but a clear match is none.
   *
   * @throws ProviderUnavailable when asking later may help; ProviderRejected when it will not
   */
  lookUp(track: TrackQuery, options: { readonly signal: AbortSignal }): Promise<Metadata | NoMatch>
}
