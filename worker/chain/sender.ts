import { isAddress, isHex, type TransactionReceipt } from 'viem'
import type { ChainTransaction } from '../db/chain-tables.ts'
import { Conflict, InvalidInput } from '../errors.ts'
import { wait } from '../net/wait.ts'
import { broadcast } from './broadcast.ts'
import type { Order } from './contract.ts'
import type { Desk } from './desk.ts'
import { createMutex } from './mutex.ts'
import { findOrder, lower, newestMined } from './orders.ts'
import { estimateOrder, placeOrder, senderOf } from './place.ts'
import { findReceipt, recordReceipt, revertedOrder } from './receipts.ts'
import { reconcile } from './reconcile.ts'
import { createStopwatch } from './stopwatch.ts'

export interface OrderSender {
  send(desk: Desk, order: Order, signal: AbortSignal): Promise<TransactionReceipt>
  reconcile(desk: Desk, signal: AbortSignal): Promise<void>
}

/** @returns what sends orders: one for each chain in a process, because orders that come at once share what they can */
export function createOrderSender(): OrderSender {
  // One at a time holds a connection while it waits for the others to sign; the rest of the pool stays free.
  const placing = createMutex()
  const reconciling = createMutex()
  const stopwatch = createStopwatch()
  let reconciledFromMs = Number.NEGATIVE_INFINITY

  function reconcileOnce(desk: Desk, signal: AbortSignal): Promise<void> {
    const askedAtMs = performance.now()
    return reconciling(async () => {
      // A round that began after this one was asked for has seen everything it would see.
      if (reconciledFromMs > askedAtMs) return
      reconciledFromMs = performance.now()
      stopwatch.nextRound()
      await reconcile(desk, stopwatch, signal)
    })
  }

  /** An order is estimated on the state that the recorded ones have made, so a chain that lost some gets them first. */
  async function catchUp(desk: Desk, signal: AbortSignal): Promise<void> {
    const sender = senderOf(desk)
    for (;;) {
      const [newest] = await newestMined(desk.client.database, sender, 1)
      if (!newest || (await desk.node.transactionCount(sender.address, 'latest', signal)) > newest.nonce) return
      await reconcileOnce(desk, signal)
      await wait(desk.patience.pollMs, signal)
    }
  }

  async function follow(desk: Desk, placed: ChainTransaction, signal: AbortSignal): Promise<TransactionReceipt> {
    const { patience, client } = desk
    let row = placed
    let lookedAtMs: number | undefined
    for (let pauseMs = patience.pollMs; ; pauseMs = Math.min(pauseMs * 1.5, patience.slowestPollMs)) {
      const receipt = await findReceipt(desk, row, signal)
      if (receipt) {
        const reason = await recordReceipt(desk, row, receipt, signal)
        if (reason !== null) throw revertedOrder(row, reason, receipt)
        return receipt
      }
      if (lookedAtMs === undefined) {
        await broadcast(desk, row, signal)
        lookedAtMs = performance.now()
      } else if (performance.now() - lookedAtMs > patience.resyncMs) {
        await reconcileOnce(desk, signal)
        row = (await findOrder(client.database, row.idempotencyKey)) ?? row
        lookedAtMs = performance.now()
      }
      await wait(pauseMs, signal)
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
      await catchUp(desk, signal)
      const estimate = await estimateOrder(desk, order, signal)
      const placed = await placing(() => placeOrder(desk, order, estimate, signal))
      checkSame(desk, placed, order)
      return follow(desk, placed, signal)
    },
    reconcile: reconcileOnce,
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
