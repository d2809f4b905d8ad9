import { toHex } from './bytes.ts'
import { canonicalJson } from './canonical-json.ts'

/** A lock of Unlock Protocol. */
export interface Lock {
  /** Lower case: the hash of a condition depends on it. */
  readonly address: string
  /** EIP-155. */
  readonly chainId: number
}

/** “The signer owns at least one valid key of this lock”, as an `evmBasic` unified access control condition of Lit Protocol. */
export interface AccessControlCondition {
  readonly conditionType: 'evmBasic'
  readonly contractAddress: string
  readonly standardContractType: 'ERC721'
  readonly chain: string
  readonly method: 'balanceOf'
  readonly parameters: readonly [':userAddress']
  readonly returnValueTest: { readonly comparator: '>'; readonly value: '0' }
}

/** Exactly one condition. */
export type AccessControlConditions = readonly [AccessControlCondition]

/** Lit Protocol's names of the chains where Unlock has a factory. */
export const LIT_CHAIN_NAMES: Readonly<Record<number, string>> = {
  1: 'ethereum',
  10: 'optimism',
  56: 'bsc',
  100: 'xdai',
  137: 'polygon',
  324: 'zksync',
  1101: 'zkEvm',
  8453: 'base',
  42161: 'arbitrum',
  42220: 'celo',
  43114: 'avalanche',
  84532: 'baseSepolia',
  534352: 'scroll',
  11155111: 'sepolia',
}

/** How conditions name a chain: as Lit Protocol does, and by CAIP-2 (`eip155:31337`) where it has no name. */
export function chainName(chainId: number): string {
  return LIT_CHAIN_NAMES[chainId] ?? `eip155:${chainId}`
}

/** @throws RangeError when the address is not one, or the chain id is no positive whole number */
export function buildConditions({ address, chainId }: Lock): AccessControlConditions {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
    throw new RangeError(`expected the address of a lock, got ${JSON.stringify(String(address).slice(0, 60))}`)
  }
  if (!Number.isSafeInteger(chainId) || chainId < 1) throw new RangeError(`expected a chain id, got ${chainId}`)
  return [
    {
      conditionType: 'evmBasic',
      contractAddress: address.toLowerCase(),
      standardContractType: 'ERC721',
      chain: chainName(chainId),
      method: 'balanceOf',
      parameters: [':userAddress'],
      returnValueTest: { comparator: '>', value: '0' },
    },
  ]
}

/**
 * What keeps a value from being exactly the condition on this lock, or null. Nothing else passes: no other lock, chain, method or
 * comparison, no second condition, no further field.
 */
export function conditionsFault(value: unknown, lock: Lock): string | null {
  const expected = canonicalJson(buildConditions(lock))
  const came = canonicalJson(value)
  if (came === expected) return null
  return `expected the access conditions ${expected}, got ${came === undefined ? 'none' : came.slice(0, 500)}`
}

/**
 * SHA-256 of the conditions, 64 hexadecimal digits, the same as `hashUnifiedAccessControlConditions` of
 * @lit-protocol/access-control-conditions 7.4.0 gives: of the JSON of each condition's fields in Lit's order, without
 * `conditionType`.
 */
export async function hashConditions(conditions: AccessControlConditions): Promise<string> {
  const canonical = conditions.map((condition) => ({
    contractAddress: condition.contractAddress,
    chain: condition.chain,
    standardContractType: condition.standardContractType,
    method: condition.method,
    parameters: condition.parameters,
    returnValueTest: {
      comparator: condition.returnValueTest.comparator,
      value: condition.returnValueTest.value,
    },
  }))
  const text = new TextEncoder().encode(JSON.stringify(canonical))
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', text)))
}
