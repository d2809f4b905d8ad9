import { BaseError, ContractFunctionZeroDataError } from 'viem'
import { nodeFault } from '../chain/fault.ts'
import { ProviderRejected } from '../errors.ts'

/**
 * Reads from a chain.
 *
 * @throws ProviderRejected when the contract says no or is not there; ProviderUnavailable when asking again later may help
 */
export async function readChain<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionZeroDataError))
      throw new ProviderRejected(
        'chain',
        'expected a contract, found none at its address: check the configured addresses',
      )
    throw nodeFault(error)
  }
}
