import { type AnyPgColumn, bigint, jsonb, numeric, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

const instant = (name: string) => timestamp(name, { withTimezone: true })
const artistId = () => bigint('artist_id', { mode: 'number' })

export const artists = pgTable('artists', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  stage: text().notNull().default('pending'),
  name: text().notNull(),
  spotifyArtistId: text('spotify_artist_id'),
  geniusArtistId: text('genius_artist_id'),
  wikidataId: text('wikidata_id'),
  musicbrainzArtistId: text('musicbrainz_artist_id'),
  isni: text(),
  imageUrl: text('image_url'),
  genres: jsonb().$type<readonly string[]>().notNull().default([]),
  aliases: jsonb().$type<readonly string[]>().notNull().default([]),
  mergedInto: bigint('merged_into', { mode: 'number' }).references((): AnyPgColumn => artists.id),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

/** What a source of metadata knows of an artist. */
export const artistMetadata = pgTable(
  'artist_metadata',
  {
    artistId: artistId().notNull(),
    source: text().notNull(),
    data: jsonb().$type<Readonly<Record<string, unknown>>>().notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.artistId, table.source] })],
)

export const pkpAccounts = pgTable('pkp_accounts', {
  artistId: artistId().primaryKey(),
  address: text().notNull(),
  tokenId: text('token_id'),
  publicKey: text('public_key'),
  owner: text(),
  txHash: text('tx_hash'),
  network: text().notNull(),
  provider: text().notNull(),
  mintedAt: instant('minted_at').notNull().defaultNow(),
})

export const lensAccounts = pgTable('lens_accounts', {
  artistId: artistId().primaryKey(),
  handle: text().notNull(),
  accountAddress: text('account_address').notNull(),
  owner: text().notNull(),
  namespace: text().notNull(),
  provider: text().notNull(),
  txHash: text('tx_hash'),
  metadataUri: text('metadata_uri').notNull(),
  takenHandles: jsonb('taken_handles').$type<readonly string[]>().notNull().default([]),
  createdAt: instant('created_at').notNull().defaultNow(),
  lockAddress: text('lock_address'),
  lockChainId: bigint('lock_chain_id', { mode: 'number' }),
  lockPriceWei: numeric('lock_price_wei'),
  lockCurrency: text('lock_currency'),
  lockDurationSeconds: bigint('lock_duration_seconds', { mode: 'number' }),
  lockMaxKeys: bigint('lock_max_keys', { mode: 'number' }),
  lockTxHash: text('lock_tx_hash'),
  lockDeployedAt: instant('lock_deployed_at'),
})
