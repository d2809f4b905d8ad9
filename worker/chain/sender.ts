import { isAddress, isHex, type TransactionReceipt } from 'viem'
import type { ChainTransaction } from '../db/chain-tables.ts'
import { Conflict, InvalidInput } from '../errors.ts'
import { wait } from '../net/wait.ts'
import { createBatcher } from './batcher.ts'
import { broadcast } from './broadcast.ts'
import type { Order } from './contract.ts'
import type { Desk } from './desk.ts'
import { createMinedCount } from './mined-count.ts'
import { findOrder, highestMinedOnce, lower } from './orders.ts'
import { type EstimatedOrder, estimateOrder, placeOrders, senderOf } from './place.ts'
import { findReceipt, recordReceipt, revertedOrder } from './receipts.ts'
import { reconcile } from './reconcile.ts'
import { createStopwatch } from './stopwatch.ts'

export interface OrderSender {
  send(desk: Desk, order: Order, signal: AbortSignal): Promise<TransactionReceipt>
  reconcile(desk: Desk, signal: AbortSignal): Promise<void>
}

/** @returns what sends orders: one for each chain in a process, because orders that come at once share what they can */
export function createOrderSender(): OrderSender {
  const { signal: never } = new AbortController()
  const minedCount = createMinedCount()
  const stopwatch = createStopwatch()
  const place = createBatcher<EstimatedOrder & { readonly desk: Desk }, ChainTransaction>((items) =>
    items.length > 0 ? placeOrders(items[0].desk, items) : Promise.resolve([]),
  )
  const reconciling = createBatcher<Desk, void>(async (desks) => {
    if (desks.length > 0) {
      stopwatch.nextRound()
      await reconcile(desks[0], stopwatch, never)
    }
    return desks.map(() => undefined)
  })

  /** Whether the chain lacks something that it had mined once. */
  const isBehind = createBatcher<Desk, boolean>(async (desks) => {
    if (desks.length === 0) return []
    const [desk] = desks
    const sender = senderOf(desk)
    const newest = await highestMinedOnce(desk.client.database, sender)
    const isOlder = newest >= 0 && (await desk.node.transactionCount(sender.address, 'latest', never)) <= newest
    return desks.map(() => isOlder)
  })

  /** An order is estimated on what the recorded ones have made, so a chain that has lost some gets them first. */
  async function estimate(desk: Desk, order: Order, signal: AbortSignal): Promise<EstimatedOrder> {
    for (;;) {
      const estimated = estimateOrder(desk, order, signal)
      await Promise.allSettled([estimated])
      // Looked at afterwards: a chain that is killed meanwhile may come back without the contract that is called, which refuses a
      // right order or finds it cheap.
      if (!(await isBehind(desk, signal))) return estimated
      await reconciling(desk, signal)
      await wait(desk.patience.pollMs, signal)
    }
  }

  async function follow(desk: Desk, placed: ChainTransaction, signal: AbortSignal): Promise<TransactionReceipt> {
    const { patience, client } = desk
    if (placed.status === 'pending') await broadcast(desk, placed, signal)
    let pauseMs = patience.pollMs
    for (let row = placed; ; row = (await findOrder(client.database, row.idempotencyKey)) ?? row) {
      const isPassed = await minedCount.passes(desk, row, patience.resyncMs, signal)
      const receipt = isPassed ? await findReceipt(desk, row, signal) : null
      if (receipt) {
        const reason = await recordReceipt(desk, row, receipt, signal)
        if (reason !== null) throw revertedOrder(row, reason, receipt)
        return receipt
      }
      if (isPassed) {
        // Somebody else used the nonce, or the receipt is on its way.
        await wait(pauseMs, signal)
        pauseMs = Math.min(pauseMs * 2, patience.slowestPollMs)
      }
      await reconciling(desk, signal)
    }
  }

  return {
    async send(desk, order, signal) {
      checkOrder(order)
      const stored = await findOrder(desk.client.database, order.idempotencyKey)
      if (stored) {
        checkSame(desk, stored, order)
        return follow(desk, stored, signal)
      }
      const placed = await place({ desk, ...(await estimate(desk, order, signal)) }, signal)
      checkSame(desk, placed, order)
      return follow(desk, placed, signal)
    },
    reconcile: reconciling,
  }
}

function checkOrder({ idempotencyKey, to, data, value = 0n }: Order): void {
  if (idempotencyKey === '') throw new InvalidInput('An order needs an idempotency key; it was empty.')
  if (!isAddress(to, { strict: false })) {
    throw new InvalidInput(`An order goes to an address, 0x and 40 hexadecimal digits; came ${JSON.stringify(to)}.`)
  }
  if (!isHex(data, { strict: true }) || data.length % 2 !== 0) {
    throw new InvalidInput('The data of an order is whole bytes as 0x and hexadecimal digits; something else came.')
  }
  if (value < 0n) throw new InvalidInput(`The value of an order is at least 0 wei; came ${value}.`)
}

function checkSame({ chainId }: Desk, stored: ChainTransaction, order: Order): void {
  const differs = [
    ...(stored.chainId === chainId ? [] : ['chain']),
    ...(stored.toAddress === lower(order.to) ? [] : ['to']),
    ...(stored.data === lower(order.data) ? [] : ['data']),
    ...(BigInt(stored.value) === (order.value ?? 0n) ? [] : ['value']),
  ]
  if (differs.length === 0) return
  throw new Conflict(
    `The order ${order.idempotencyKey} exists with other content (${differs.join(', ')}): it is “${stored.description}” on ` +
      `chain ${stored.chainId}, in transaction ${stored.hash}. Give another order another key.`,
    { details: { differs, hash: stored.hash } },
  )
}
