import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  concat,
  encodeAbiParameters,
  type Hex,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import { accountsAbi, accountsBytecode } from '../../contracts/abi/accounts.ts'
import { catalogAbi, catalogBytecode } from '../../contracts/abi/catalog.ts'
import { spaceAbi, spaceBytecode } from '../../contracts/abi/space.ts'
import { walletsAbi, walletsBytecode } from '../../contracts/abi/wallets.ts'
import type { TestChain } from '../support/chain.ts'

/** All of our contracts, each with its registry's name. */
export const CONTRACTS = {
  catalog: { abi: catalogAbi, bytecode: catalogBytecode },
  accounts: { abi: accountsAbi, bytecode: accountsBytecode },
  wallets: { abi: walletsAbi, bytecode: walletsBytecode },
  space: { abi: spaceAbi, bytecode: spaceBytecode },
} as const

/** A contract of a test's own, owned by the chain's deployer. @param writer may write from the start */
export async function deployFresh(
  chain: TestChain,
  bytecode: Hex,
  writer: Address = zeroAddress,
): Promise<{ address: Address; receipt: TransactionReceipt }> {
  const data = concat([bytecode, encodeAbiParameters([{ type: 'address' }], [writer])])
  const receipt = await chain.send({ data, account: chain.deployer })
  return { address: receipt.contractAddress!, receipt }
}

/** The events of a receipt by name and arguments; the block's time stands as `now`. */
export async function eventsOf(chain: TestChain, abi: Abi, receipt: TransactionReceipt) {
  const { timestamp } = await chain.client.getBlock({ blockHash: receipt.blockHash })
  return parseEventLogs({ abi, logs: receipt.logs }).map(({ eventName, args }) => {
    const named = Object.entries(args as unknown as Record<string, unknown>)
    return [
      eventName,
      Object.fromEntries(
        named.map(([key, value]) => [key, key === 'timestamp' && value === timestamp ? 'now' : value]),
      ),
    ]
  })
}

/** The contract's own error that a call ends in, with its arguments; fails when the call succeeds or fails otherwise. */
export async function revertOf(call: Promise<unknown>): Promise<unknown[]> {
  try {
    await call
  } catch (error) {
    const revert = error instanceof BaseError && error.walk((inner) => inner instanceof ContractFunctionRevertedError)
    if (revert instanceof ContractFunctionRevertedError && revert.data)
      return [revert.data.errorName, ...(revert.data.args ?? [])]
    throw error
  }
  throw new Error('expected the call to revert, it succeeded')
}
