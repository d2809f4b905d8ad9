import { eq } from 'drizzle-orm'
import { formatEther } from 'viem'
import { type ChainTransaction, chainTransactions } from '../db/chain-tables.ts'
import type { Transaction } from '../db/client.ts'
import { Blocked, ProviderRejected } from '../errors.ts'
import type { Order } from './contract.ts'
import type { Desk } from './desk.ts'
import { CHAIN } from './fault.ts'
import type { Fees } from './node.ts'
import { findOrder, findOrders, highestNonce, lower, ordersFrom, type Sender, whileSigning } from './orders.ts'
import { mostCost, raisedFees, signTransaction } from './sign.ts'

/** A replaced transaction costs ten times the first one's fee by then; more would not help. */
const MOST_VERSIONS = 10

export const senderOf = ({ chainId, account }: Desk): Sender => ({ chainId, address: account.address })

/** An order, and the gas it may use. */
export interface EstimatedOrder {
  readonly order: Order
  readonly gas: bigint
}

/** @throws ProviderRejected when the order would revert; Blocked when there is no contract where it goes */
export async function estimateOrder(desk: Desk, order: Order, signal: AbortSignal): Promise<EstimatedOrder> {
  const { node, account } = desk
  const { to, data, value = 0n } = order
  if (data !== '0x') await desk.ensureContract(to, signal)
  try {
    const least = await node.estimateGas({ from: account.address, to, data, value }, signal)
    // What others do until it is mined may make it cost more.
    return { order, gas: (least * 13n) / 10n + 20_000n }
  } catch (error) {
    throw explainRefusal(error, order)
  }
}

/**
 * Gives orders the next nonces, signs them and stores them. Nothing is sent. An order that is stored already, by whomever, is
 * returned as it is.
 *
 * @returns for each the stored transaction, or Blocked when the operator cannot pay for it
 */
export async function placeOrders(
  desk: Desk,
  estimated: readonly EstimatedOrder[],
): Promise<(ChainTransaction | Blocked)[]> {
  const { node, account } = desk
  const { signal } = new AbortController()
  const [fees, balance] = await Promise.all([node.fees(signal), node.balance(account.address, signal)])
  const wanted = new Map(estimated.map((one) => [one.order.idempotencyKey, one]))
  const refused = new Map<string, Blocked>()
  let needed = 0n
  for (const [key, { order, gas }] of wanted) {
    const cost = mostCost(gas, fees) + (order.value ?? 0n)
    if (balance < needed + cost) refused.set(key, poor(desk, balance, needed + cost))
    else needed += cost
  }
  const affordable = [...wanted.values()].filter(({ order }) => !refused.has(order.idempotencyKey))
  const placeAll = () =>
    whileSigning(desk.client, senderOf(desk), async (transaction) => {
      const stored = await findOrders(transaction, [...wanted.keys()])
      const before = new Set(stored.map(({ idempotencyKey }) => idempotencyKey))
      const fresh = affordable.filter(({ order }) => !before.has(order.idempotencyKey))
      const from = fresh.length > 0 ? await nextNonce(desk, transaction, signal) : 0
      return [...stored, ...(await store(desk, transaction, fees, fresh.map(toContent(from))))]
    })
  // The same key may be given to two chains at once, whose senders do not wait for each other: the second look finds it.
  const placed = await placeAll().catch((error) => (isDuplicate(error) ? placeAll() : Promise.reject(error)))
  const byKey = new Map(placed.map((row) => [row.idempotencyKey, row]))
  return estimated.map(({ order: { idempotencyKey: key } }) => {
    const outcome = byKey.get(key) ?? refused.get(key)
    if (!outcome) throw new Error(`the order ${key} was neither stored nor refused`)
    return outcome
  })
}

/** SQLSTATE 23505, unique_violation, as drizzle wraps it. */
function isDuplicate(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === '23505'
}

/** After what the node knows of, and after what is stored: some of it may not have been sent. */
async function nextNonce(desk: Desk, transaction: Transaction, signal: AbortSignal): Promise<number> {
  const sender = senderOf(desk)
  const pending = await desk.node.transactionCount(sender.address, 'pending', signal)
  return Math.max(pending, (await highestNonce(transaction, sender)) + 1)
}

type Content = Pick<
  ChainTransaction,
  'idempotencyKey' | 'nonce' | 'description' | 'toAddress' | 'data' | 'value' | 'gasLimit'
>

function toContent(firstNonce: number): (estimated: EstimatedOrder, index: number) => Content {
  return ({ order, gas }, index) => ({
    idempotencyKey: order.idempotencyKey,
    nonce: firstNonce + index,
    description: order.description,
    toAddress: lower(order.to),
    data: lower(order.data),
    value: (order.value ?? 0n).toString(),
    gasLimit: Number(gas),
  })
}

async function store(
  { chainId, account }: Desk,
  transaction: Transaction,
  fees: Fees,
  contents: readonly Content[],
): Promise<ChainTransaction[]> {
  if (contents.length === 0) return []
  const rows = []
  for (const content of contents) {
    const { raw, hash } = await signTransaction(account, { chainId, ...content }, fees)
    rows.push({ ...content, chainId, sender: lower(account.address), raw, hash, hashes: [hash] })
  }
  return transaction.insert(chainTransactions).values(rows).returning()
}

/** Signs a payment of nothing to ourselves for each nonce that nobody else will use. */
export async function fillNonces(desk: Desk, nonces: readonly number[], signal: AbortSignal): Promise<void> {
  const fees = await desk.node.fees(signal)
  const sender = senderOf(desk)
  await whileSigning(desk.client, sender, async (transaction) => {
    // Another process may have done so meanwhile.
    const filled = new Set((await ordersFrom(transaction, sender, Math.min(...nonces))).map(({ nonce }) => nonce))
    const missing = nonces.filter((nonce) => !filled.has(nonce))
    const toGap = (nonce: number): Content => ({
      idempotencyKey: `gap:${sender.chainId}:${lower(sender.address)}:${nonce}`,
      nonce,
      description: 'fill a gap that holds up later transactions',
      toAddress: lower(sender.address),
      data: '0x',
      value: '0',
      gasLimit: 21_000,
    })
    await store(desk, transaction, fees, missing.map(toGap))
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
    const nonce = why === 'nonce' ? await nextNonce(desk, transaction, signal) : current.nonce
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
