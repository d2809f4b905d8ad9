import type { ChainTransaction } from '../db/chain-tables.ts'
import { broadcast } from './broadcast.ts'
import type { Desk } from './desk.ts'
import { lower, newestMined, ordersFrom, pendingOrders, pendingSenders, type Sender, unmine } from './orders.ts'
import { fillNonces, senderOf, signAgain } from './place.ts'
import { findReceipt, recordReceipt } from './receipts.ts'
import { feeCap } from './sign.ts'
import type { Stopwatch } from './stopwatch.ts'

/** Deeper re-orgs than this many of our transactions are made good in several rounds. */
const MOST_CHECKED = 50
/** More missing nonces than this before ours are filled in several rounds. */
const MOST_FILLED = 64

/**
 * Brings chain and records together: what was lost with a re-org, or by a chain that came back older, is sent again, the same
 * bytes in the same order; what was mined while nobody looked is recorded; what is stuck gets a higher fee. Several processes may
 * do so at once.
 */
export async function reconcile(desk: Desk, stopwatch: Stopwatch, signal: AbortSignal): Promise<void> {
  const own = senderOf(desk)
  const others = (await pendingSenders(desk.client.database, desk.chainId)).filter(
    (address) => address !== lower(own.address),
  )
  for (const address of [own.address, ...others]) {
    await reconcileSender(desk, { chainId: desk.chainId, address }, stopwatch, signal)
  }
}

async function reconcileSender(desk: Desk, sender: Sender, stopwatch: Stopwatch, signal: AbortSignal): Promise<void> {
  const { node, client } = desk
  // Read before the chain is asked: what is recorded as mined by then, the chain must know.
  const [newest] = await newestMined(client.database, sender, 1)
  const mined = await node.transactionCount(sender.address, 'latest', signal)
  if (newest && newest.nonce >= mined) await takeBack(desk, sender, mined, newest.nonce, signal)
  else if (newest) await checkBlock(desk, sender, newest, signal)
  const pending = await pendingOrders(client.database, sender)
  for (const row of pending.filter(({ nonce }) => nonce < mined)) await lookUp(desk, row, stopwatch, signal)
  const waiting = pending.filter(({ nonce }) => nonce >= mined)
  if (waiting.length > 0) await pushOn(desk, sender, waiting, mined, stopwatch, signal)
}

/** The chain is older than the records: everything from its nonce on is to be mined again. */
async function takeBack(
  { client, log, restoreContracts }: Desk,
  sender: Sender,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<void> {
  await restoreContracts(signal)
  const lost = (await ordersFrom(client.database, sender, from)).filter(
    ({ status, nonce }) => status !== 'pending' && nonce <= to,
  )
  await unmine(
    client.database,
    lost.map(({ idempotencyKey }) => idempotencyKey),
  )
  log.warn('the chain has lost transactions: they are sent again', { transactions: lost.length, fromNonce: from })
}

/** After a re-org transactions may stand in other blocks, with other results. */
async function checkBlock(desk: Desk, sender: Sender, newest: ChainTransaction, signal: AbortSignal): Promise<void> {
  const block = await desk.node.block(newest.blockNumber ?? 0, signal)
  if (block?.hash === newest.blockHash) return
  for (const row of await newestMined(desk.client.database, sender, MOST_CHECKED)) {
    const receipt = await findReceipt(desk, row, signal)
    if (receipt?.blockHash === row.blockHash) return
    if (receipt) await recordReceipt(desk, row, receipt, signal)
    else await unmine(desk.client.database, [row.idempotencyKey])
  }
}

/** A nonce of the past: ours was mined, or somebody else used the nonce and ours never will be. */
async function lookUp(desk: Desk, row: ChainTransaction, stopwatch: Stopwatch, signal: AbortSignal): Promise<void> {
  const receipt = await findReceipt(desk, row, signal)
  if (receipt) return void (await recordReceipt(desk, row, receipt, signal))
  const sinceMs = stopwatch.elapsedMs(`displaced ${row.hash}`)
  if (sinceMs > desk.patience.displacedMs && canSign(desk, row)) await signAgain(desk, row, 'nonce', signal)
}

async function pushOn(
  desk: Desk,
  sender: Sender,
  waiting: readonly ChainTransaction[],
  mined: number,
  stopwatch: Stopwatch,
  signal: AbortSignal,
): Promise<void> {
  const { node, patience } = desk
  const queued = await node.transactionCount(sender.address, 'pending', signal)
  const [first] = waiting
  const gap = Math.min(first.nonce, mined + MOST_FILLED) - queued
  if (gap > 0 && canSign(desk, first)) {
    if (stopwatch.elapsedMs(`gap ${queued}`) < patience.displacedMs) return
    await fillNonces(
      desk,
      Array.from({ length: gap }, (_, index) => queued + index),
      signal,
    )
    return
  }
  if (first.nonce === mined && canSign(desk, first) && (await isStuck(desk, first, stopwatch, signal))) {
    await signAgain(desk, first, 'fee', signal)
    return
  }
  for (const row of waiting) {
    if (row.nonce < queued) continue
    // A contract that an earlier one makes is there once that one is mined: another round.
    if (row.nonce === mined && row.data !== '0x') await desk.ensureContract(row.toAddress, signal)
    else if (row.data !== '0x' && !(await node.hasCode(row.toAddress, signal))) return
    await broadcast(desk, row, signal)
  }
}

/** Next in line, and nobody mines it. */
async function isStuck(
  { node, patience }: Desk,
  row: ChainTransaction,
  stopwatch: Stopwatch,
  signal: AbortSignal,
): Promise<boolean> {
  if (stopwatch.elapsedMs(`stuck ${row.hash}`) > patience.stuckMs) return true
  const head = await node.block('latest', signal)
  return head?.baseFeePerGas !== undefined && BigInt(head.baseFeePerGas) > feeCap(row.raw)
}

/** Whether we have the key: not after PRIVATE_KEY was changed. */
function canSign({ account }: Desk, { sender }: ChainTransaction): boolean {
  return sender === lower(account.address)
}
