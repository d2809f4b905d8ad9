import { eq } from 'drizzle-orm'
import { formatEther } from 'viem'
import { type ChainTransaction, chainTransactions } from '../db/chain-tables.ts'
import type { Transaction } from '../db/client.ts'
import { Blocked, ProviderRejected } from '../errors.ts'
import type { Order } from './contract.ts'
import type { Desk } from './desk.ts'
import { CHAIN } from './fault.ts'
import type { Fees } from './node.ts'
import { findOrder, highestNonce, lower, type Sender, whileSigning } from './orders.ts'
import { mostCost, raisedFees, signTransaction } from './sign.ts'

/** A replaced transaction costs ten times the first one's fee by then; more would not help. */
const MOST_VERSIONS = 10

export const senderOf = ({ chainId, account }: Desk): Sender => ({ chainId, address: account.address })

/** What an order takes. */
export interface Estimate {
  readonly gas: bigint
  readonly fees: Fees
}

/** @throws ProviderRejected when the order would revert; Blocked when the operator cannot pay for it, or there is no contract */
export async function estimateOrder(desk: Desk, order: Order, signal: AbortSignal): Promise<Estimate> {
  const { node, account } = desk
  const call = { from: account.address, to: order.to, data: order.data, value: order.value ?? 0n }
  if (order.data !== '0x') await desk.ensureContract(order.to, signal)
  const [least, fees, balance] = await Promise.all([
    node.estimateGas(call, signal).catch((error) => {
      throw explainRefusal(error, order)
    }),
    node.fees(signal),
    node.balance(account.address, signal),
  ])
  // What others do until it is mined may make it cost more.
  const gas = (least * 13n) / 10n + 20_000n
  const needed = mostCost(gas, fees) + call.value
  if (balance < needed) throw poor(desk, balance, needed)
  return { gas, fees }
}

/**
 * Gives an order the next nonce, signs it and stores it. Nothing is sent. An order that is stored already, by whomever, is
 * returned as it is.
 */
export async function placeOrder(
  desk: Desk,
  order: Order,
  { gas, fees }: Estimate,
  signal: AbortSignal,
): Promise<ChainTransaction> {
  const sender = senderOf(desk)
  return whileSigning(desk.client, sender, async (transaction) => {
    const stored = await findOrder(transaction, order.idempotencyKey)
    if (stored) return stored
    return store(desk, transaction, fees, {
      idempotencyKey: order.idempotencyKey,
      nonce: await nextNonce(desk, transaction, sender, signal),
      description: order.description,
      toAddress: lower(order.to),
      data: lower(order.data),
      value: (order.value ?? 0n).toString(),
      gasLimit: Number(gas),
    })
  })
}

/** After what the node knows of, and after what is stored: some of it may not have been sent. */
async function nextNonce(
  { node }: Desk,
  transaction: Transaction,
  sender: Sender,
  signal: AbortSignal,
): Promise<number> {
  const pending = await node.transactionCount(sender.address, 'pending', signal)
  return Math.max(pending, (await highestNonce(transaction, sender)) + 1)
}

type Content = Pick<
  ChainTransaction,
  'idempotencyKey' | 'nonce' | 'description' | 'toAddress' | 'data' | 'value' | 'gasLimit'
>

async function store(desk: Desk, transaction: Transaction, fees: Fees, content: Content): Promise<ChainTransaction> {
  const { chainId, account } = desk
  const { raw, hash } = await signTransaction(account, { chainId, ...content }, fees)
  const [stored] = await transaction
    .insert(chainTransactions)
    .values({ ...content, chainId, sender: lower(account.address), raw, hash, hashes: [hash] })
    // The same key may be given to two chains at once, whose senders do not wait for each other.
    .onConflictDoNothing({ target: chainTransactions.idempotencyKey })
    .returning()
  const row = stored ?? (await findOrder(transaction, content.idempotencyKey))
  if (!row) throw new Error(`the order ${content.idempotencyKey} was neither stored nor found`)
  return row
}

/** Signs a payment of nothing to ourselves for each nonce that nobody else will use. */
export async function fillNonces(desk: Desk, nonces: readonly number[], signal: AbortSignal): Promise<void> {
  const fees = await desk.node.fees(signal)
  const sender = senderOf(desk)
  await whileSigning(desk.client, sender, async (transaction) => {
    for (const nonce of nonces) {
      await store(desk, transaction, fees, {
        idempotencyKey: `gap:${sender.chainId}:${lower(sender.address)}:${nonce}`,
        nonce,
        description: 'fill a gap that holds up later transactions',
        toAddress: lower(sender.address),
        data: '0x',
        value: '0',
        gasLimit: 21_000,
      })
    }
  })
}

/** Signs an order again: with a higher fee, or with the next nonce when somebody else has used its own. */
export async function signAgain(
  desk: Desk,
  row: ChainTransaction,
  why: 'fee' | 'nonce',
  signal: AbortSignal,
): Promise<void> {
  const { node, client, account, log } = desk
  if (row.hashes.length >= MOST_VERSIONS) return
  const today = await node.fees(signal)
  const sender = senderOf(desk)
  await whileSigning(client, sender, async (transaction) => {
    const current = await findOrder(transaction, row.idempotencyKey)
    if (current?.status !== 'pending' || current.hash !== row.hash) return
    const nonce = why === 'nonce' ? await nextNonce(desk, transaction, sender, signal) : current.nonce
    const fees = why === 'fee' ? raisedFees(current.raw, today) : today
    const { raw, hash } = await signTransaction(account, { ...current, nonce }, fees)
    await transaction
      .update(chainTransactions)
      .set({ raw, hash, hashes: [...current.hashes, hash], nonce, signedAt: new Date() })
      .where(eq(chainTransactions.idempotencyKey, row.idempotencyKey))
    const { description } = row
    if (why === 'fee') log.info('a transaction is not mined and is replaced with a higher fee', { description, nonce })
    else log.warn("a transaction's nonce was used by another; it takes the next one", { description, nonce })
  })
}

function explainRefusal(error: unknown, { description }: Order): unknown {
  if (!(error instanceof ProviderRejected) || error.details.reason === undefined) return error
  return new ProviderRejected(CHAIN, `“${description}” would have ${error.details.reason}`, { details: error.details })
}

function poor({ account, chainId }: Desk, balance: bigint, needed: bigint): Blocked {
  return new Blocked(
    `The operator ${account.address} has ${formatEther(balance)} on chain ${chainId}, and up to ${formatEther(needed)} is ` +
      'needed. Send it some, and try again.',
    { details: { operator: account.address, chainId, balanceWei: balance.toString(), neededWei: needed.toString() } },
  )
}
