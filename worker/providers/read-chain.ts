import { BaseError, ContractFunctionZeroDataError } from 'viem'
import { nodeFault } from '../chain/fault.ts'
import { ProviderUnavailable } from '../errors.ts'

/**
 * Reads from a chain.
 *
 * @throws ProviderRejected when the contract says no; ProviderUnavailable when asking again later may help, as for a contract that
 *   is not there: a chain that has lost its last blocks gets it back
 */
export async function readChain<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionZeroDataError))
      throw new ProviderUnavailable(
        'chain',
        'expected a contract, found none at its address: unless the chain has just come back, check the configured addresses',
      )
    throw nodeFault(error)
  }
}
