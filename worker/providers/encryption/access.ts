import { type Address, BaseError, ContractFunctionRevertedError, ContractFunctionZeroDataError, parseAbi } from 'viem'
import { type AccessControlConditions, chainName } from '../../../client/conditions.ts'
import type { Chain } from '../../chain/contract.ts'
import { ProviderUnavailable } from '../../errors.ts'

const balanceAbi = parseAbi(['function balanceOf(address owner) view returns (uint256)'])

/** Chains on this machine mine when somebody sends something; an old head says nothing about them. */
const DEVELOPMENT_CHAINS = new Set([1337, 31337])
/** A head older than this is a node that has fallen behind. */
const MAX_HEAD_AGE_SECONDS = 600
/** A younger head is evaluated as it is. */
const FRESH_HEAD_SECONDS = 60
const PATIENCE_MS = 10_000

export interface Access {
  readonly isMet: boolean
  /** The block that was read. */
  readonly blockNumber: number
}

/**
 * Evaluates the condition for an address at the chain's latest block, and at the present time: a lock counts keys by the time of
 * its block, so that on a chain where nothing is mined a key would never end. Addresses without a contract hold no keys.
 *
 * @throws ProviderUnavailable when the chain does not answer within 10 s, has fallen behind, or is another one than the condition's
 */
export async function readAccess(
  chain: Pick<Chain, 'id' | 'reader'>,
  [condition]: AccessControlConditions,
  address: Address,
): Promise<Access> {
  return withPatience(async () => {
    const chainId = await chain.id()
    if (chainName(chainId) !== condition.chain) {
      throw unavailable(`the condition is on the chain ${condition.chain}, this node's is ${chainName(chainId)}`)
    }
    const block = await chain.reader.getBlock({ blockTag: 'latest', includeTransactions: false })
    const nowSeconds = BigInt(Math.floor(Date.now() / 1000))
    const ageSeconds = nowSeconds - block.timestamp
    if (ageSeconds > MAX_HEAD_AGE_SECONDS && !DEVELOPMENT_CHAINS.has(chainId)) {
      throw unavailable(`its latest block ${block.number} is ${ageSeconds} s old: the node has fallen behind`)
    }
    const balance = await chain.reader
      .readContract({
        address: condition.contractAddress as Address,
        abi: balanceAbi,
        functionName: condition.method,
        args: [address],
        blockNumber: block.number,
        ...(ageSeconds > FRESH_HEAD_SECONDS ? { blockOverrides: { time: nowSeconds } } : {}),
      })
      .catch((error: unknown) => {
        if (isContractsAnswer(error)) return 0n
        throw error
      })
    return { isMet: balance > BigInt(condition.returnValueTest.value), blockNumber: Number(block.number) }
  })
}

/** Whether the contract answered, though with an error: there is none at the address, or it refused. */
function isContractsAnswer(error: unknown): boolean {
  return (
    error instanceof BaseError &&
    error.walk(
      (one) => one instanceof ContractFunctionRevertedError || one instanceof ContractFunctionZeroDataError,
    ) !== null
  )
}

/** Runs reads of the chain; whatever goes wrong with them is the chain's. */
export async function withPatience<Result>(read: () => Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([read(), limit])
  } catch (error) {
    if (error instanceof ProviderUnavailable) throw error
    // viem's message holds the node's address, which may carry a key.
    const reason = error instanceof BaseError ? error.shortMessage : 'it did not answer as expected'
    throw unavailable(reason.replace(/https?:\/\/\S+/g, 'its address'))
  } finally {
    clearTimeout(timer)
  }
}

const unavailable = (reason: string) => new ProviderUnavailable('chain', reason)
