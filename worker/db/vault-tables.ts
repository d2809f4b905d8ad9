import { bigint, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** The audit log of the key gate. */
export const keyReleases = pgTable('key_releases', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  keyId: text('key_id').notNull(),
  address: text().notNull(),
  decision: text().$type<'granted' | 'denied'>().notNull(),
  reason: text().notNull(),
  blockNumber: bigint('block_number', { mode: 'number' }),
  at: timestamp('at', { withTimezone: true }).notNull().defaultNow(),
})
