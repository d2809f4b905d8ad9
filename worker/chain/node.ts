import {
  type Address,
  createPublicClient,
  formatTransactionReceipt,
  type Hex,
  numberToHex,
  type PublicClient,
  type TransactionReceipt,
} from 'viem'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { nodeFault, unexpectedAnswer } from './fault.ts'
import { nodeTransport, type TransportOptions } from './transport.ts'

const Quantity = z.string().regex(/^0x[0-9a-f]+$/i)
const Hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/i)
  .transform((text) => text.toLowerCase() as Hex)
const Bytes = z
  .string()
  .regex(/^0x([0-9a-f]{2})*$/i)
  .transform((text) => text as Hex)
const Block = z.object({ hash: Hash, number: Quantity.transform(Number), baseFeePerGas: Quantity.optional() })
const Receipt = z.looseObject({ transactionHash: Hash, blockHash: Hash, blockNumber: Quantity, status: Quantity })

export type Block = z.output<typeof Block>

/** A call as a transaction would make it. */
export interface Call {
  readonly from: Address
  readonly to: Address
  readonly data: Hex
  readonly value: bigint
}

/** What is paid for gas, in wei: by base fee and tip, or, on chains without a base fee, by a price. */
export type Fees =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly gasPrice: bigint }

/**
 * A node, asked for what sending needs. Every method throws ProviderUnavailable when the node does not answer or answers nonsense,
 * ProviderRejected when it says no, and the signal's reason.
 */
export interface Node {
  /** For reads of any kind; throws viem's errors. */
  readonly reader: PublicClient
  /** Whether the node is on this machine. */
  readonly isLoopback: boolean
  chainId(signal?: AbortSignal): Promise<number>
  /** @param at a number, or `latest` */
  block(at: number | 'latest', signal: AbortSignal): Promise<Block | null>
  /** How many transactions of an account are mined; with `pending`, mined or in the node's queue without a gap. */
  transactionCount(account: Address, at: 'latest' | 'pending', signal: AbortSignal): Promise<number>
  /** In wei. */
  balance(account: Address, signal: AbortSignal): Promise<bigint>
  receipt(hash: Hex, signal: AbortSignal): Promise<TransactionReceipt | null>
  hasCode(address: Address, signal: AbortSignal): Promise<boolean>
  estimateGas(call: Call, signal: AbortSignal): Promise<bigint>
  /** Makes the call without a transaction. @throws ProviderRejected when it reverts */
  call(call: Call, blockNumber: bigint, signal: AbortSignal): Promise<void>
  /** What gets a transaction mined soon, with room for the base fee to double. */
  fees(signal: AbortSignal): Promise<Fees>
  broadcast(raw: Hex, signal: AbortSignal): Promise<void>
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** @param url the node's JSON-RPC address */
export function openNode(url: string, options: TransportOptions = {}): Node {
  const isLoopback = LOOPBACK.test(new URL(url).hostname)
  const reader = createPublicClient({
    transport: nodeTransport(url, options),
    pollingInterval: isLoopback ? 50 : 2000,
    // A block number from a moment ago is the wrong one on a chain that mines at once.
    cacheTime: 0,
  })

  async function ask<Schema extends z.ZodType>(
    answer: Schema,
    signal: AbortSignal | undefined,
    method: string,
    ...params: readonly unknown[]
  ): Promise<z.output<Schema>> {
    signal?.throwIfAborted()
    let said: unknown
    try {
      said = await reader.request({ method, params } as never, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw nodeFault(error)
    }
    const parsed = answer.safeParse(said)
    if (!parsed.success) throw unexpectedAnswer(parsed.error)
    return parsed.data
  }

  const parameters = ({ from, to, data, value }: Call) => ({ from, to, data, value: numberToHex(value) })
  const blockAt = (at: number | 'latest') => (at === 'latest' ? at : numberToHex(at))

  return {
    reader,
    isLoopback,
    chainId: (signal) => ask(Quantity.transform(Number), signal, 'eth_chainId'),
    block: (at, signal) => ask(Block.nullable(), signal, 'eth_getBlockByNumber', blockAt(at), false),
    transactionCount: (account, at, signal) =>
      ask(Quantity.transform(Number), signal, 'eth_getTransactionCount', account, at),
    balance: (account, signal) => ask(Quantity.transform(BigInt), signal, 'eth_getBalance', account, 'latest'),
    async receipt(hash, signal) {
      const found = await ask(Receipt.nullable(), signal, 'eth_getTransactionReceipt', hash)
      if (!found) return null
      if (found.transactionHash !== hash.toLowerCase()) throw unexpectedAnswer(`a receipt of ${found.transactionHash}`)
      return formatTransactionReceipt(found as never)
    },
    hasCode: async (address, signal) => (await ask(Bytes, signal, 'eth_getCode', address, 'latest')) !== '0x',
    estimateGas: (call, signal) => ask(Quantity.transform(BigInt), signal, 'eth_estimateGas', parameters(call)),
    async call(call, blockNumber, signal) {
      await ask(Bytes, signal, 'eth_call', parameters(call), numberToHex(blockNumber))
    },
    async fees(signal) {
      const head = await ask(Block, signal, 'eth_getBlockByNumber', 'latest', false)
      if (head.baseFeePerGas === undefined) {
        return { gasPrice: await ask(Quantity.transform(BigInt), signal, 'eth_gasPrice') }
      }
      const tip = await ask(Quantity.transform(BigInt), signal, 'eth_maxPriorityFeePerGas').catch((error) => {
        // Not every node knows the method.
        if (error instanceof AppError && error.kind === 'PROVIDER_REJECTED') return 1_000_000_000n
        throw error
      })
      return { maxFeePerGas: BigInt(head.baseFeePerGas) * 2n + tip, maxPriorityFeePerGas: tip }
    },
    async broadcast(raw, signal) {
      await ask(Hash, signal, 'eth_sendRawTransaction', raw)
    },
  }
}
