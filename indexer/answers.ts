import { z } from 'zod'

const hex = z.string().regex(/^0x[0-9a-fA-F]*$/, 'expected 0x and hexadecimal digits')
/** Long ones: that every character is a digit is seen when they are decoded. */
const data = z.string().startsWith('0x')
const lower = hex.transform((text) => text.toLowerCase())
/** Quantities that are only passed on stay as they came. */
const quantity = hex
const number = hex.transform((text) => Number(text))

/** A block's header, as `eth_getBlockBy…` gives it. */
export const Header = z.object({
  number,
  hash: lower,
  parentHash: lower,
  sha3Uncles: hex.default('0x'),
  miner: hex.default('0x0000000000000000000000000000000000000000'),
  stateRoot: hex.default('0x'),
  transactionsRoot: hex.default('0x'),
  receiptsRoot: hex.default('0x'),
  logsBloom: data.nullish(),
  gasUsed: quantity.default('0x0'),
  gasLimit: quantity.default('0x0'),
  timestamp: number,
  difficulty: quantity.nullish(),
  totalDifficulty: quantity.nullish(),
  size: quantity.nullish(),
  baseFeePerGas: quantity.nullish(),
  /** Hashes. */
  transactions: z.array(lower),
})
export type Header = z.output<typeof Header>

export const Transaction = z.object({
  hash: lower,
  blockHash: lower.nullish(),
  transactionIndex: quantity,
  from: hex,
  to: hex.nullish(),
  value: quantity,
  gas: quantity,
  gasPrice: quantity.nullish(),
  maxFeePerGas: quantity.nullish(),
  maxPriorityFeePerGas: quantity.nullish(),
  input: data,
  nonce: quantity,
})
export type Transaction = z.output<typeof Transaction>

export const Log = z.object({
  address: lower,
  topics: z.array(lower),
  data,
  blockHash: lower,
  blockNumber: number,
  transactionHash: lower,
  transactionIndex: number,
  logIndex: number,
  removed: z.boolean().optional(),
})
export type Log = z.output<typeof Log>

export const Receipt = z.object({
  transactionHash: lower,
  transactionIndex: quantity,
  blockHash: lower,
  from: hex,
  to: hex.nullish(),
  effectiveGasPrice: quantity.nullish(),
  cumulativeGasUsed: quantity.default('0x0'),
  gasUsed: quantity.default('0x0'),
  contractAddress: hex.nullish(),
  status: quantity.nullish(),
  root: hex.nullish(),
  logsBloom: data.nullish(),
  logs: z.array(Log),
})
export type Receipt = z.output<typeof Receipt>
