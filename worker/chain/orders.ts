import { and, asc, desc, eq, gte, inArray, isNotNull, ne, sql } from 'drizzle-orm'
import type { Address } from 'viem'
import { type ChainTransaction, chainTransactions as transactions } from '../db/chain-tables.ts'
import { type Client, inTransaction, type Transaction } from '../db/client.ts'

/** One account's transactions on one chain. */
export interface Sender {
  readonly chainId: number
  readonly address: Address
}

const ofSender = ({ chainId, address }: Sender) =>
  and(eq(transactions.chainId, chainId), eq(transactions.sender, lower(address)))

/** As stored. */
export const lower = <Text extends string>(text: Text): Text => text.toLowerCase() as Text

export async function findOrder(database: Transaction, idempotencyKey: string): Promise<ChainTransaction | undefined> {
  const [row] = await database.select().from(transactions).where(eq(transactions.idempotencyKey, idempotencyKey))
  return row
}

export function findOrders(database: Transaction, idempotencyKeys: readonly string[]): Promise<ChainTransaction[]> {
  return database
    .select()
    .from(transactions)
    .where(inArray(transactions.idempotencyKey, [...idempotencyKeys]))
}

/** Every transaction of a sender from a nonce on, in order. */
export function ordersFrom(database: Transaction, sender: Sender, nonce: number): Promise<ChainTransaction[]> {
  return database
    .select()
    .from(transactions)
    .where(and(ofSender(sender), gte(transactions.nonce, nonce)))
    .orderBy(asc(transactions.nonce))
}

/** What is not mined as far as is known, in order. */
export function pendingOrders(database: Transaction, sender: Sender): Promise<ChainTransaction[]> {
  return database
    .select()
    .from(transactions)
    .where(and(ofSender(sender), eq(transactions.status, 'pending')))
    .orderBy(asc(transactions.nonce))
}

/** The mined ones with the highest nonces, the highest first. */
export function newestMined(database: Transaction, sender: Sender, limit: number): Promise<ChainTransaction[]> {
  return database
    .select()
    .from(transactions)
    .where(and(ofSender(sender), ne(transactions.status, 'pending')))
    .orderBy(desc(transactions.nonce))
    .limit(limit)
}

/** The highest nonce ever signed with; -1 when there is none. */
export async function highestNonce(database: Transaction, sender: Sender): Promise<number> {
  const [row] = await database
    .select({ nonce: sql<number>`coalesce(max(${transactions.nonce}), -1)`.mapWith(Number) })
    .from(transactions)
    .where(ofSender(sender))
  return row.nonce
}

/** The highest nonce that was mined once, whether it still is or not; -1 when there is none. */
export async function highestMinedOnce(database: Transaction, sender: Sender): Promise<number> {
  const [row] = await database
    .select({ nonce: transactions.nonce })
    .from(transactions)
    .where(and(ofSender(sender), isNotNull(transactions.minedAt)))
    .orderBy(desc(transactions.nonce))
    .limit(1)
  return row?.nonce ?? -1
}

/** Accounts with transactions that are not mined: more than one after PRIVATE_KEY was changed. */
export async function pendingSenders(database: Transaction, chainId: number): Promise<Address[]> {
  const rows = await database
    .selectDistinct({ sender: transactions.sender })
    .from(transactions)
    .where(and(eq(transactions.chainId, chainId), eq(transactions.status, 'pending')))
  return rows.map(({ sender }) => sender)
}

/** Takes mined transactions for not mined again. When they were mined stays, and tells them from those that never were. */
export async function unmine(database: Transaction, idempotencyKeys: readonly string[]): Promise<void> {
  if (idempotencyKeys.length === 0) return
  await database
    .update(transactions)
    .set({ status: 'pending', blockNumber: null, blockHash: null, gasUsed: null, error: null })
    .where(inArray(transactions.idempotencyKey, [...idempotencyKeys]))
}

/** Runs work in one transaction while nobody else signs for this sender. Keep it short: others wait. */
export function whileSigning<Result>(
  client: Pick<Client, 'pool'>,
  { chainId, address }: Sender,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return inTransaction(client, async (_connection, transaction) => {
    const name = `chain sender ${chainId} ${lower(address)}`
    await transaction.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`)
    return work(transaction)
  })
}
