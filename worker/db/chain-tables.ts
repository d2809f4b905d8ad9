import { bigint, numeric, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const instant = (name: string) => timestamp(name, { withTimezone: true })
const count = (name: string) => bigint(name, { mode: 'number' })

/** `pending` is signed and stored, and not mined as far as is known; `reverted` is mined without effect. */
export type TransactionStatus = 'pending' | 'mined' | 'reverted'

/** Chains that Refrain writes to. */
export const chains = pgTable('chains', {
  chainId: count('chain_id').primaryKey(),
  genesisHash: text('genesis_hash'),
  firstSeenAt: instant('first_seen_at').notNull().defaultNow(),
})

/** Every transaction that Refrain has signed. Addresses and hashes are lower case. */
export const chainTransactions = pgTable('chain_transactions', {
  idempotencyKey: text('idempotency_key').primaryKey(),
  chainId: count('chain_id').notNull(),
  sender: text().$type<`0x${string}`>().notNull(),
  nonce: count('nonce').notNull(),
  description: text().notNull(),
  toAddress: text('to_address').$type<`0x${string}`>().notNull(),
  data: text().$type<`0x${string}`>().notNull(),
  /** In wei, as digits. */
  value: numeric({ precision: 78, scale: 0 }).notNull().default('0'),
  gasLimit: count('gas_limit').notNull(),
  /** The signed transaction. */
  raw: text().$type<`0x${string}`>().notNull(),
  hash: text().$type<`0x${string}`>().notNull(),
  /** Of every version that was signed, the newest last. */
  hashes: text().array().$type<`0x${string}`[]>().notNull(),
  status: text().$type<TransactionStatus>().notNull().default('pending'),
  blockNumber: count('block_number'),
  blockHash: text('block_hash').$type<`0x${string}`>(),
  gasUsed: count('gas_used'),
  error: text(),
  createdAt: instant('created_at').notNull().defaultNow(),
  signedAt: instant('signed_at').notNull().defaultNow(),
  minedAt: instant('mined_at'),
})

export type ChainTransaction = typeof chainTransactions.$inferSelect
