import { Blocked } from '../errors.ts'
import type { ProviderDeps } from './capability.ts'

/** Why nothing can be done on chain, or null when it can. */
export function withoutChain(chains: ProviderDeps['chains']): string | null {
  try {
    chains()
    return null
  } catch (error) {
    if (error instanceof Blocked) return error.message
    throw error
  }
}
