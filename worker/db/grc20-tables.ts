import {
  bigint,
  boolean,
  customType,
  date,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'

const instant = (name: string) => timestamp(name, { withTimezone: true })
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export type EditKind = 'setup' | 'mint' | 'update'

export const grc20Edits = pgTable('grc20_edits', {
  editId: text('edit_id').primaryKey(),
  id: bigint({ mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
  spaceId: text('space_id').notNull(),
  kind: text().$type<EditKind>().notNull(),
  name: text().notNull(),
  cid: text().notNull(),
  bytes: bytea(),
  entityIds: text('entity_ids').array().notNull(),
  rows: jsonb().$type<readonly unknown[]>().notNull().default([]),
  recordedAs: text('recorded_as'),
  txHash: text('tx_hash'),
  chainId: bigint('chain_id', { mode: 'number' }),
  blockNumber: bigint('block_number', { mode: 'number' }),
  createdAt: instant('created_at').notNull().defaultNow(),
  confirmedAt: instant('confirmed_at'),
  failedAt: instant('failed_at'),
  errorMessage: text('error_message'),
})

export const grc20Space = pgTable(
  'grc20_space',
  {
    spaceId: text('space_id').notNull(),
    itemId: text('item_id').notNull(),
    kind: text().$type<'property' | 'type' | 'relation'>().notNull(),
    name: text().notNull(),
    editId: text('edit_id').notNull(),
    publishedAt: instant('published_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.spaceId, table.itemId] })],
)

/** How far a row has been published. */
const bookkeeping = {
  grc20EntityId: text('grc20_entity_id'),
  mintedAt: instant('minted_at'),
  needsUpdate: boolean('needs_update').notNull().default(false),
  spaceId: text('space_id'),
  editId: text('edit_id'),
  pendingEditId: text('pending_edit_id'),
  cid: text(),
  txHash: text('tx_hash'),
  populated: jsonb().$type<Readonly<Record<string, unknown>>>().notNull().default({}),
  revision: integer().notNull().default(1),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
}

export const grc20Artists = pgTable('grc20_artists', {
  artistId: bigint('artist_id', { mode: 'number' }).primaryKey(),
  name: text().notNull(),
  alternateNames: text('alternate_names'),
  lensHandle: text('lens_handle'),
  lensAccount: text('lens_account'),
  isni: text(),
  viaf: text(),
  bnf: text(),
  gnd: text(),
  loc: text(),
  spotifyUrl: text('spotify_url'),
  geniusUrl: text('genius_url'),
  wikidataUrl: text('wikidata_url'),
  musicbrainzUrl: text('musicbrainz_url'),
  appleMusicUrl: text('apple_music_url'),
  youtubeUrl: text('youtube_url'),
  instagramUrl: text('instagram_url'),
  tiktokUrl: text('tiktok_url'),
  websiteUrl: text('website_url'),
  imageCid: text('image_cid'),
  imageUrl: text('image_url'),
  wikipediaUrl: text('wikipedia_url'),
  ...bookkeeping,
})

export const grc20Works = pgTable('grc20_works', {
  trackId: bigint('track_id', { mode: 'number' }).primaryKey(),
  artistId: bigint('artist_id', { mode: 'number' }).notNull(),
  title: text().notNull(),
  alternateTitles: text('alternate_titles'),
  iswc: text(),
  releaseDate: date('release_date', { mode: 'string' }),
  language: text(),
  viaf: text(),
  bnf: text(),
  gnd: text(),
  loc: text(),
  geniusUrl: text('genius_url'),
  wikidataUrl: text('wikidata_url'),
  musicbrainzUrl: text('musicbrainz_url'),
  imageCid: text('image_cid'),
  imageUrl: text('image_url'),
  artistRelationId: text('artist_relation_id'),
  publishedArtistId: bigint('published_artist_id', { mode: 'number' }),
  ...bookkeeping,
})

export type Grc20ArtistRow = typeof grc20Artists.$inferSelect
export type Grc20WorkRow = typeof grc20Works.$inferSelect
export type Grc20EditRow = typeof grc20Edits.$inferSelect
