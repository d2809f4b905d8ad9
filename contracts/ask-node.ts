import { BaseError } from 'viem'
import { ProviderRejected, ProviderUnavailable } from '../worker/errors.ts'

/**
 * Asks a chain's node. What viem throws becomes ours, without the node's URL, which may carry a credential.
 *
 * @throws ProviderUnavailable when the node does not answer, ProviderRejected when it says no
 */
export async function askNode<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof BaseError)) throw error
    if (error.walk(isOfNetwork)) throw new ProviderUnavailable('chain', 'the node does not answer')
    throw new ProviderRejected('chain', [error.shortMessage, error.details].filter(Boolean).join(' '))
  }
}

const isOfNetwork = (error: unknown) =>
  error instanceof Error && ['HttpRequestError', 'TimeoutError'].includes(error.name)
