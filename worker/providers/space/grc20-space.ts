import { properties, relationTypes } from '@geoprotocol/grc-20/genesis'
import { derivedUuidFromString, formatId } from '@geoprotocol/grc-20/util'

/**
 * What the metadata space is made of, in one place: where Geo keeps spaces, the ids of every property, type and relation, and
 * the properties that are taken back. An id here is published for good: it comes from its key, so the key never changes,
 * whatever the name becomes.
 */

/** An id of the GRC-20 graph: a UUID as 32 hexadecimal digits without dashes. */
export type GraphId = string

/** The id that a key of ours stands for, always the same. */
export function idOf(key: string): GraphId {
  return formatId(derivedUuidFromString(`refrain:${key}`))
}

/** Geo's test network, as its published client 0.20 knows it. */
export const GEO = {
  apiUrl: 'https://api-testnet.geobrowser.io',
  chainId: 55516,
  spaceRegistry: '0xCF13491802747e759e1BB8E364bc43045398d1DD',
} as const

/** A space of our own is the contract it is recorded in: another chain or another contract is another space. */
export function contractSpaceId(chainId: number, contract: string): GraphId {
  return idOf(`space:${chainId}:${contract.toLowerCase()}`)
}

export const artistEntityId = (installation: string, artistId: number) => idOf(`artist:${installation}:${artistId}`)
export const workEntityId = (installation: string, trackId: number) => idOf(`work:${installation}:${trackId}`)
/** The image that shows an entity. */
export const coverEntityId = (entityId: GraphId) => idOf(`cover:${entityId}`)

export interface Property {
  readonly id: GraphId
  readonly name: string
  readonly dataType: 'text' | 'date'
}

const text = (key: string, name: string): Property => ({ id: idOf(`property:${key}`), name, dataType: 'text' })
const date = (key: string, name: string): Property => ({ id: idOf(`property:${key}`), name, dataType: 'date' })

/** Every property that we add to the graph. Artists and works share what means the same of both. */
export const PROPERTIES = {
  alternateNames: text('alternate_names', 'Alternate names'),
  lensHandle: text('lens_handle', 'Lens handle'),
  lensAccount: text('lens_account', 'Lens account'),
  isni: text('isni', 'ISNI'),
  viaf: text('viaf', 'VIAF ID'),
  bnf: text('bnf', 'BnF ID'),
  gnd: text('gnd', 'GND ID'),
  loc: text('loc', 'Library of Congress ID'),
  spotifyUrl: text('spotify_url', 'Spotify'),
  geniusUrl: text('genius_url', 'Genius'),
  wikidataUrl: text('wikidata_url', 'Wikidata'),
  musicbrainzUrl: text('musicbrainz_url', 'MusicBrainz'),
  appleMusicUrl: text('apple_music_url', 'Apple Music'),
  youtubeUrl: text('youtube_url', 'YouTube'),
  instagramUrl: text('instagram_url', 'Instagram'),
  tiktokUrl: text('tiktok_url', 'TikTok'),
  websiteUrl: text('website_url', 'Website'),
  iswc: text('iswc', 'ISWC'),
  releaseDate: date('release_date', 'Release date'),
  language: text('language', 'Language sung'),
} as const satisfies Readonly<Record<string, Property>>

/** The graph's own property for what a thing is called. */
const NAME: Property = { id: formatId(properties.NAME), name: 'Name', dataType: 'text' }

/** Which column of an artist's row is which property. Locks are sold, not described: they are none. */
export const ARTIST_PROPERTIES = {
  name: NAME,
  alternateNames: PROPERTIES.alternateNames,
  lensHandle: PROPERTIES.lensHandle,
  lensAccount: PROPERTIES.lensAccount,
  isni: PROPERTIES.isni,
  viaf: PROPERTIES.viaf,
  bnf: PROPERTIES.bnf,
  gnd: PROPERTIES.gnd,
  loc: PROPERTIES.loc,
  spotifyUrl: PROPERTIES.spotifyUrl,
  geniusUrl: PROPERTIES.geniusUrl,
  wikidataUrl: PROPERTIES.wikidataUrl,
  musicbrainzUrl: PROPERTIES.musicbrainzUrl,
  appleMusicUrl: PROPERTIES.appleMusicUrl,
  youtubeUrl: PROPERTIES.youtubeUrl,
  instagramUrl: PROPERTIES.instagramUrl,
  tiktokUrl: PROPERTIES.tiktokUrl,
  websiteUrl: PROPERTIES.websiteUrl,
} as const

/** Which column of a work's row is which property. */
export const WORK_PROPERTIES = {
  title: NAME,
  alternateTitles: PROPERTIES.alternateNames,
  iswc: PROPERTIES.iswc,
  releaseDate: PROPERTIES.releaseDate,
  language: PROPERTIES.language,
  viaf: PROPERTIES.viaf,
  bnf: PROPERTIES.bnf,
  gnd: PROPERTIES.gnd,
  loc: PROPERTIES.loc,
  geniusUrl: PROPERTIES.geniusUrl,
  wikidataUrl: PROPERTIES.wikidataUrl,
  musicbrainzUrl: PROPERTIES.musicbrainzUrl,
} as const

/** Properties that earlier spaces held of artists: never published, and taken from every entity that is updated. */
export const GRC20_LEGACY_ARTIST_PROPERTIES: readonly Property[] = [
  // One property of each platform says the same.
  text('artist_external_ids', 'artistExternalIds'),
  // In seventy languages; Wikidata has them.
  text('artist_wikipedia_urls', 'artistWikipediaUrls'),
  // VIAF, BnF, GND and LOC are properties of their own.
  text('artist_library_ids', 'artistLibraryIds'),
]

/** The same of works: of the recording, not of the work, and kept with the track. */
export const GRC20_LEGACY_WORK_PROPERTIES: readonly Property[] = [
  text('work_isrc', 'workIsrc'),
  text('work_spotify_track_id', 'workSpotifyTrackId'),
  text('work_spotify_url', 'workSpotifyUrl'),
  text('work_image_source', 'workImageSource'),
]

export interface EntityType {
  readonly id: GraphId
  readonly name: string
  readonly properties: readonly Property[]
}

/** Types that we add to the graph. */
export const TYPES = {
  artist: { id: idOf('type:artist'), name: 'Music artist', properties: ourOwn(ARTIST_PROPERTIES) },
  work: { id: idOf('type:work'), name: 'Musical work', properties: ourOwn(WORK_PROPERTIES) },
} as const satisfies Readonly<Record<string, EntityType>>

/** Relations that we add to the graph. */
export const RELATIONS = {
  /** From a work to the artist who performs it. */
  performedBy: { id: idOf('relation:performed_by'), name: 'Performed by' },
} as const

/** What the graph has had from its beginning, in every space. */
export const GRAPH = {
  name: NAME,
  types: formatId(relationTypes.TYPES),
  cover: formatId(properties.COVER),
  /** The types of properties and of types. */
  property: '808a04ceb21c4d888ad12e240613e5ca',
  type: 'e7d737c536764c609fa16aa64a8c90ad',
  /** From a type to the properties its entities may have. */
  properties: '01412f8381894ab1836565c7fd358cc1',
  /** From a property to the kind of its values, and those kinds. */
  dataType: '6d29d57849bb4959baf72cc696b1671a',
  dataTypes: {
    text: '9edb6fcce4544aa5861139d7f024c010',
    date: 'e661d10292794449a22367dbae1be05a',
    relation: '4b6d9fc1fbfe474c861c83398e1b50d9',
  },
  /** From a relation to the type of what it may point at. */
  relationTarget: '9eea393f17dd4971a62ea603e8bfec20',
  image: {
    type: 'ba4e41460010499da0a3caaa7f579d0e',
    url: '8a743832c0944a62b6650c3cc2f9c7bc',
    width: 'f7b33e08b76d4190aadacadaa9f561e1',
    height: '7f6ad0433e214257a6d48bdad36b1d84',
  },
} as const

function ourOwn(mapped: Readonly<Record<string, Property>>): readonly Property[] {
  return Object.values(mapped).filter((property) => property !== NAME)
}
