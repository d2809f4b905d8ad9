import type { Header, Log, Receipt, Transaction } from '../answers.ts'
import type { AbiValue } from './abi.ts'
import { CLASS } from './classes.ts'
import { writeEthereumValue } from './ethereum-values.ts'
import type { Heap } from './heap.ts'

/**
 * What receipts tell of a transaction. The rest costs a node much to give (on a busy chain most of what a block is), and few handlers
 * look at it.
 */
export type TransactionFacts = Pick<Transaction, 'hash' | 'transactionIndex' | 'from' | 'to' | 'gasPrice'>

/** Whether everything of a transaction is known. */
export const isWhole = (transaction: TransactionFacts | Transaction): transaction is Transaction =>
  'input' in transaction

/**
 * Stands where a part of a transaction is not known. These addresses lie beyond any memory: a handler that follows one traps, and so do
 * host functions that are given one, so that a handler which comes to its end has not looked.
 */
const UNKNOWN_POINTER = 0xffff_0000
const UNKNOWN_SPACING = 0x1000

/** One event as a handler gets it. */
export interface MappingEvent {
  readonly log: Log
  readonly header: Header
  readonly transaction: TransactionFacts | Transaction
  readonly parameters: readonly { readonly name: string; readonly value: AbiValue }[]
  /** For handlers that ask for it. */
  readonly receipt: Receipt | null
}

/** Writes an `ethereum.Event`, as of apiVersion 0.0.7; for older modules without the receipt. */
export function writeEvent(heap: Heap, event: MappingEvent, hasReceipt: boolean): number {
  const { log, header, transaction, receipt } = event
  const logIndex = heap.writeBigInt(BigInt(log.logIndex))
  const fields = [
    heap.writeHex(log.address),
    logIndex,
    // The position within the transaction is not to be had; graph-node gives the one within the block too.
    logIndex,
    0,
    writeBlock(heap, header),
    writeTransaction(heap, transaction, header),
    heap.writeArray(
      event.parameters.map(({ name, value }) =>
        heap.writeObject([heap.writeString(name), writeEthereumValue(heap, value)], CLASS.EventParam),
      ),
      CLASS.ArrayEventParam,
    ),
  ]
  if (hasReceipt) fields.push(receipt ? writeReceipt(heap, receipt, header) : 0)
  return heap.writeObject(fields, CLASS.EthereumEvent)
}

const writeQuantity = (heap: Heap, quantity: string): number =>
  heap.writeBigInt(quantity.length <= 14 ? BigInt(Number(quantity)) : BigInt(quantity === '0x' ? 0 : quantity))

const optional = <Given>(value: Given | null | undefined, write: (value: Given) => number): number =>
  value === null || value === undefined ? 0 : write(value)

function writeBlock(heap: Heap, header: Header): number {
  const fields = [
    heap.writeHex(header.hash),
    heap.writeHex(header.parentHash),
    heap.writeHex(header.sha3Uncles),
    heap.writeHex(header.miner),
    heap.writeHex(header.stateRoot),
    heap.writeHex(header.transactionsRoot),
    heap.writeHex(header.receiptsRoot),
    heap.writeBigInt(BigInt(header.number)),
    writeQuantity(heap, header.gasUsed),
    writeQuantity(heap, header.gasLimit),
    heap.writeBigInt(BigInt(header.timestamp)),
    writeQuantity(heap, header.difficulty ?? '0x0'),
    writeQuantity(heap, header.totalDifficulty ?? '0x0'),
    optional(header.size, (size) => writeQuantity(heap, size)),
    optional(header.baseFeePerGas, (fee) => writeQuantity(heap, fee)),
  ]
  return heap.writeObject(fields, CLASS.EthereumBlock)
}

function writeTransaction(heap: Heap, transaction: TransactionFacts | Transaction, header: Header): number {
  const rest = isWhole(transaction) ? transaction : null
  const unknown = (position: number): number => UNKNOWN_POINTER + position * UNKNOWN_SPACING
  const known = (write: (whole: Transaction) => number, position: number): number =>
    rest ? write(rest) : unknown(position)
  const { gasPrice } = transaction
  const fields = [
    heap.writeHex(transaction.hash),
    writeQuantity(heap, transaction.transactionIndex),
    heap.writeHex(transaction.from),
    optional(transaction.to, (to) => heap.writeHex(to)),
    known((whole) => writeQuantity(heap, whole.value), 0),
    known((whole) => writeQuantity(heap, whole.gas), 1),
    rest ? heap.writeBigInt(paidGasPrice(rest, header)) : gasPrice ? writeQuantity(heap, gasPrice) : unknown(2),
    known((whole) => heap.writeHex(whole.input), 3),
    known((whole) => writeQuantity(heap, whole.nonce), 4),
  ]
  return heap.writeObject(fields, CLASS.EthereumTransaction)
}

/** Nodes differ in what they call the gas price of a transaction with a fee cap: the cap, or what was paid. */
function paidGasPrice({ gasPrice, maxFeePerGas, maxPriorityFeePerGas }: Transaction, header: Header): bigint {
  if (!maxFeePerGas || !header.baseFeePerGas) return BigInt(gasPrice ?? 0)
  const cap = BigInt(maxFeePerGas)
  const wanted = BigInt(header.baseFeePerGas) + BigInt(maxPriorityFeePerGas ?? 0)
  return wanted < cap ? wanted : cap
}

function writeReceipt(heap: Heap, receipt: Receipt, header: Header): number {
  const fields = [
    heap.writeHex(receipt.transactionHash),
    writeQuantity(heap, receipt.transactionIndex),
    heap.writeHex(receipt.blockHash),
    heap.writeBigInt(BigInt(header.number)),
    writeQuantity(heap, receipt.cumulativeGasUsed),
    writeQuantity(heap, receipt.gasUsed),
    optional(receipt.contractAddress, (address) => heap.writeHex(address)),
    heap.writeArray(
      receipt.logs.map((log) => writeLog(heap, log)),
      CLASS.ArrayLog,
    ),
    optional(receipt.status, (status) => writeQuantity(heap, status)),
    optional(receipt.root, (root) => heap.writeHex(root)),
    optional(receipt.logsBloom, (bloom) => heap.writeHex(bloom)),
  ]
  return heap.writeObject(fields, CLASS.TransactionReceipt)
}

function writeLog(heap: Heap, log: Log): number {
  const isRemoved = heap.allocate(1, CLASS.WrappedBool)
  const fields = [
    heap.writeHex(log.address),
    heap.writeArray(
      log.topics.map((topic) => heap.writeHex(topic)),
      CLASS.ArrayHash,
    ),
    heap.writeHex(log.data),
    heap.writeHex(log.blockHash),
    heap.writeBigInt(BigInt(log.blockNumber)),
    heap.writeHex(log.transactionHash),
    heap.writeBigInt(BigInt(log.transactionIndex)),
    heap.writeBigInt(BigInt(log.logIndex)),
    0,
    0,
    // Removed logs are never indexed, so it holds false.
    isRemoved,
  ]
  return heap.writeObject(fields, CLASS.Log)
}
