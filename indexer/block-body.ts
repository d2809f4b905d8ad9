import { z } from 'zod'
import { Header, Log, Receipt, Transaction } from './answers.ts'
import { Bloom } from './bloom.ts'
import { NodeContradiction, type Rpc, RpcFault, type RpcRequest } from './rpc.ts'
import type { TransactionFacts } from './wasm/event.ts'

/** What handlers may see of a block: all its logs, checked to be all of them, and their transactions. */
export interface BlockBody {
  /** In their order. */
  readonly logs: readonly Log[]
  /** By hash; what receipts do not tell comes with `completeTransactions`. */
  readonly transactions: Map<string, TransactionFacts | Transaction>
  /** By transaction hash; null when the node does not give them. */
  readonly receipts: ReadonlyMap<string, Receipt> | null
}

const WholeBlock = Header.extend({ transactions: z.array(Transaction) })

export const quantity = (value: number): string => `0x${value.toString(16)}`

/** Reads bodies of blocks whose headers are known. */
export interface BodyReader {
  /** @throws NodeContradiction when what the node gives is not the whole of just these blocks */
  read(headers: readonly Header[]): Promise<BlockBody[]>
}

export function createBodyReader(rpc: Rpc): BodyReader {
  let hasReceipts = true
  return {
    async read(headers) {
      if (!hasReceipts) return readLogs(rpc, headers)
      const bodies = await readReceipts(rpc, headers)
      if (Array.isArray(bodies)) return bodies
      // Nodes have many words for a method that they do not have.
      if (bodies.isUnknownMethod) hasReceipts = false
      return readLogs(rpc, headers)
    },
  }
}

/** By receipts: one for each transaction, so that none can be missing unseen. The fault when the node refuses. */
async function readReceipts(rpc: Rpc, headers: readonly Header[]): Promise<BlockBody[] | RpcFault> {
  const requests = headers.map(({ number }) => ({ method: 'eth_getBlockReceipts', parameters: [quantity(number)] }))
  const answers = await rpc.askAll(requests, z.array(Receipt).nullable())
  const fault = answers.find((answer) => answer instanceof RpcFault)
  if (fault) return fault
  return answers.map((receipts, index) => {
    const header = headers[index]
    if (receipts instanceof RpcFault) throw receipts
    if (!receipts) throw missing(header, 'its receipts')
    return bodyOfReceipts(header, receipts)
  })
}

/** @throws NodeContradiction unless these are all receipts of the block, with all their logs */
function bodyOfReceipts(header: Header, receipts: readonly Receipt[]): BlockBody {
  const at = `block ${header.number}`
  const { transactions } = header
  if (receipts.length !== transactions.length) {
    throw new NodeContradiction(`${at} has ${transactions.length} transactions, but ${receipts.length} receipts came`)
  }
  receipts.forEach((receipt, index) => {
    if (receipt.blockHash !== header.hash || receipt.transactionHash !== transactions[index]) {
      throw new NodeContradiction(`${at} came with receipts of another block`)
    }
  })
  const logs = receipts.flatMap((receipt) => receipt.logs)
  assertNumbered(header, logs)
  assertEnd(header, receipts)
  return {
    logs,
    transactions: new Map(receipts.map((receipt) => [receipt.transactionHash, factsOf(receipt)])),
    receipts: new Map(receipts.map((receipt) => [receipt.transactionHash, receipt])),
  }
}

const factsOf = ({ transactionHash, transactionIndex, from, to, effectiveGasPrice }: Receipt): TransactionFacts => ({
  hash: transactionHash,
  transactionIndex,
  from,
  to,
  gasPrice: effectiveGasPrice,
})

/** By the block and its logs apart: the header's bloom tells whether they are all. */
async function readLogs(rpc: Rpc, headers: readonly Header[]): Promise<BlockBody[]> {
  const blocks: RpcRequest[] = headers.map(({ hash }) => ({ method: 'eth_getBlockByHash', parameters: [hash, true] }))
  const filters = headers.map(({ hash }) => ({ method: 'eth_getLogs', parameters: [{ blockHash: hash }] }))
  const [wholes, lists] = await Promise.all([
    rpc.askAll(blocks, WholeBlock.nullable()),
    rpc.askAll(filters, z.array(Log)),
  ])
  return headers.map((header, index) => {
    const whole = wholes[index]
    const logs = lists[index]
    if (whole instanceof RpcFault) throw whole
    if (logs instanceof RpcFault) throw logs
    if (!whole || whole.hash !== header.hash) throw missing(header, 'its transactions')
    if (whole.transactions.length !== header.transactions.length) throw missing(header, 'all of its transactions')
    const transactions = new Map(whole.transactions.map((transaction) => [transaction.hash, transaction]))
    if (logs.some((log) => !transactions.has(log.transactionHash))) {
      throw new NodeContradiction(`block ${header.number} came with logs of another block`)
    }
    assertNumbered(header, logs)
    const bloom = Bloom.read(header.logsBloom)
    if (bloom && !bloom.equals(Bloom.of(logs))) throw incomplete(header, logs.length)
    return { logs, transactions, receipts: null }
  })
}

/** Logs are numbered within their block, so that a gap shows. */
function assertNumbered(header: Header, logs: readonly Log[]): void {
  logs.forEach((log, index) => {
    if (log.blockHash !== header.hash)
      throw new NodeContradiction(`block ${header.number} came with logs of another block`)
    if (log.logIndex !== index) throw new NodeContradiction(`block ${header.number} came without its log ${index}`)
  })
}

/** What is missing at the end leaves no gap; there the receipts' own blooms tell. */
function assertEnd(header: Header, receipts: readonly Receipt[]): void {
  const headerBloom = Bloom.read(header.logsBloom)
  if (!headerBloom) return
  for (const receipt of [...receipts].reverse()) {
    const bloom = Bloom.read(receipt.logsBloom)
    if (bloom ? !bloom.equals(Bloom.of(receipt.logs)) : receipt.logsBloom && receipt.logs.length > 0) {
      throw incomplete(header, receipt.logs.length)
    }
    if (receipt.logs.length > 0) return
  }
  // The header promises logs, and not one has come.
  throw incomplete(header, 0)
}

/**
 * Puts whole transactions in place of what receipts tell of them.
 *
 * @param wanted hashes, each with that of its block
 */
export async function completeTransactions(
  rpc: Rpc,
  wanted: readonly { readonly hash: string; readonly blockHash: string; readonly body: BlockBody }[],
): Promise<void> {
  const requests = wanted.map(({ hash }) => ({ method: 'eth_getTransactionByHash', parameters: [hash] }))
  const answers = await rpc.askAll(requests, Transaction.nullable())
  answers.forEach((transaction, index) => {
    const { hash, blockHash, body } = wanted[index]
    if (transaction instanceof RpcFault) throw transaction
    if (transaction?.hash !== hash || transaction.blockHash !== blockHash) {
      throw new NodeContradiction(`transaction ${hash} is in block ${blockHash} by its receipt, but not by itself`)
    }
    body.transactions.set(hash, transaction)
  })
}

const incomplete = (header: Header, count: number) =>
  new NodeContradiction(`block ${header.number} has other logs than the ${count} that came`)
const missing = (header: Header, what: string) =>
  new NodeContradiction(`block ${header.number} was named by the node, but ${what} cannot be had`)
