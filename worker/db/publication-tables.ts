import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

const trackId = () => bigint('track_id', { mode: 'number' }).notNull()
const segmentIndex = () => integer('segment_index').notNull()
const block = (name: string) => bigint(name, { mode: 'number' })
const instant = (name: string) => timestamp(name, { withTimezone: true })

/** Where the events of a clip are on chain. */
export const publishedClips = pgTable(
  'published_clips',
  {
    trackId: trackId(),
    segmentIndex: segmentIndex(),
    catalogId: text('catalog_id').notNull(),
    clipHash: text('clip_hash').notNull(),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    registeredTx: text('registered_tx').notNull(),
    registeredBlock: block('registered_block').notNull(),
    processedTx: text('processed_tx').notNull(),
    processedBlock: block('processed_block').notNull(),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.segmentIndex] })],
)

/** How the full song of a clip is encrypted, for whom, and the proof that it opens for holders only. */
export const encryptions = pgTable(
  'encryptions',
  {
    trackId: trackId(),
    segmentIndex: segmentIndex(),
    keyId: text('key_id').notNull(),
    network: text().notNull(),
    contentSha256: text('content_sha256').notNull(),
    ciphertextSha256: text('ciphertext_sha256').notNull(),
    ciphertextUri: text('ciphertext_uri').notNull(),
    manifestSha256: text('manifest_sha256').notNull(),
    manifestUri: text('manifest_uri').notNull(),
    lockAddress: text('lock_address').notNull(),
    lockChainId: bigint('lock_chain_id', { mode: 'number' }).notNull(),
    conditions: jsonb().notNull(),
    conditionsHash: text('conditions_hash').notNull(),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    encryptedTx: text('encrypted_tx').notNull(),
    encryptedBlock: block('encrypted_block').notNull(),
    encryptedAt: instant('encrypted_at').notNull().defaultNow(),
    proof: jsonb(),
    provedAt: instant('proved_at'),
  },
  (table) => [primaryKey({ columns: [table.trackId, table.segmentIndex] })],
)
