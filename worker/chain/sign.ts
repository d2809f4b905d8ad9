import { type Hex, keccak256, type LocalAccount, parseTransaction } from 'viem'
import type { ChainTransaction } from '../db/chain-tables.ts'
import type { Fees } from './node.ts'

type Content = Pick<ChainTransaction, 'chainId' | 'nonce' | 'toAddress' | 'data' | 'value' | 'gasLimit'>

/** A signed transaction and its hash. */
export async function signTransaction(
  account: LocalAccount,
  content: Content,
  fees: Fees,
): Promise<{ raw: Hex; hash: Hex }> {
  const { chainId, nonce, toAddress: to, data, value, gasLimit } = content
  const common = { chainId, nonce, to, data, value: BigInt(value), gas: BigInt(gasLimit) }
  const raw =
    'gasPrice' in fees
      ? await account.signTransaction({ type: 'legacy', ...common, ...fees })
      : await account.signTransaction({ type: 'eip1559', ...common, ...fees })
  return { raw, hash: keccak256(raw) }
}

/** The most a transaction may cost beside what it transfers, in wei. */
export function mostCost(gas: bigint, fees: Fees): bigint {
  return gas * ('gasPrice' in fees ? fees.gasPrice : fees.maxFeePerGas)
}

/** The most a signed transaction pays for gas, in wei. */
export function feeCap(raw: Hex): bigint {
  const { maxFeePerGas, gasPrice } = parseTransaction(raw)
  return maxFeePerGas ?? gasPrice ?? 0n
}

/** Fees that replace a signed transaction's: a quarter more, as nodes ask for at least a tenth, or today's when these are higher. */
export function raisedFees(raw: Hex, today: Fees): Fees {
  const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n, gasPrice = 0n } = parseTransaction(raw)
  if ('gasPrice' in today) return { gasPrice: higher(raised(gasPrice), today.gasPrice) }
  return {
    maxFeePerGas: higher(raised(maxFeePerGas), today.maxFeePerGas),
    maxPriorityFeePerGas: higher(raised(maxPriorityFeePerGas), today.maxPriorityFeePerGas),
  }
}

const raised = (wei: bigint) => (wei * 5n) / 4n + 1n
const higher = (one: bigint, other: bigint) => (one > other ? one : other)
