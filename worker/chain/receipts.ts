import { eq } from 'drizzle-orm'
import type { TransactionReceipt } from 'viem'
import { type ChainTransaction, chainTransactions } from '../db/chain-tables.ts'
import { ProviderRejected } from '../errors.ts'
import type { Desk } from './desk.ts'
import { CHAIN } from './fault.ts'

/** The receipt of whichever version was mined; null while none is. */
export async function findReceipt(
  { node }: Desk,
  row: ChainTransaction,
  signal: AbortSignal,
): Promise<TransactionReceipt | null> {
  for (const hash of row.hashes.toReversed()) {
    const receipt = await node.receipt(hash, signal)
    if (receipt) return receipt
  }
  return null
}

/** Writes down what became of an order. @returns why it reverted, or null when it did not */
export async function recordReceipt(
  desk: Desk,
  row: ChainTransaction,
  receipt: TransactionReceipt,
  signal: AbortSignal,
): Promise<string | null> {
  const isKnown = row.status !== 'pending' && row.blockHash === receipt.blockHash
  if (isKnown) return row.error
  const error = receipt.status === 'reverted' ? await explain(desk, row, receipt, signal) : null
  await desk.client.database
    .update(chainTransactions)
    .set({
      status: error === null ? 'mined' : 'reverted',
      hash: receipt.transactionHash,
      blockNumber: Number(receipt.blockNumber),
      blockHash: receipt.blockHash,
      gasUsed: Number(receipt.gasUsed),
      error,
      minedAt: new Date(),
    })
    .where(eq(chainTransactions.idempotencyKey, row.idempotencyKey))
  if (error !== null) {
    const { description, nonce } = row
    desk.log.warn('a transaction was mined and reverted', { description, nonce, reason: error })
  }
  return error
}

/** A receipt does not say why; the same call, on what the block has left, usually does. */
async function explain(
  { node }: Desk,
  row: ChainTransaction,
  { gasUsed, blockNumber }: TransactionReceipt,
  signal: AbortSignal,
): Promise<string> {
  const call = { from: row.sender, to: row.toAddress, data: row.data, value: BigInt(row.value) }
  try {
    await node.call(call, blockNumber, signal)
  } catch (error) {
    if (!(error instanceof ProviderRejected)) throw error
    if (typeof error.details.reason === 'string') return error.details.reason
  }
  return Number(gasUsed) >= row.gasLimit ? 'reverted: it ran out of gas' : 'reverted without a reason'
}

/** For whoever gave an order that was mined without effect. */
export function revertedOrder(
  row: ChainTransaction,
  reason: string,
  { transactionHash }: TransactionReceipt,
): ProviderRejected {
  return new ProviderRejected(
    CHAIN,
    `“${row.description}” was mined and ${reason}; it changed nothing. To have it tried again once the reason is gone: ` +
      `select retry_reverted_order('${row.idempotencyKey.replaceAll("'", "''")}')`,
    { details: { reason, hash: transactionHash } },
  )
}
