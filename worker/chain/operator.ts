import type { LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { devAccount } from '../../contracts/dev-accounts.ts'
import { InvalidInput } from '../errors.ts'
import { EMBEDDED_CHAIN_ID } from './embedded-chain.ts'

/** Who signs. */
export interface Operator {
  readonly account: LocalAccount
  /** @throws InvalidInput when the key is the one that everybody knows, and this is no chain for it */
  checkChain(chainId: number): void
}

/**
 * The account of `PRIVATE_KEY`. Without it, on a node of this machine, account 0 of the development mnemonic: whether the chain is
 * the embedded one is found out when its id is known.
 *
 * @throws InvalidInput when there is no key and the node is on another machine, or the key is none; the key is not repeated
 */
export function openOperator(privateKey: string | undefined, isLoopback: boolean): Operator {
  if (privateKey !== undefined) return { account: accountOf(privateKey), checkChain() {} }
  if (!isLoopback) throw missingKey('its node is on another machine')
  return {
    account: devAccount(0),
    checkChain(chainId) {
      if (chainId !== EMBEDDED_CHAIN_ID) throw missingKey(`its id is ${chainId}`)
    },
  }
}

function accountOf(privateKey: string): LocalAccount {
  try {
    return privateKeyToAccount(privateKey as `0x${string}`)
  } catch {
    // Without the cause, whose message may hold the key.
    throw new InvalidInput(
      'PRIVATE_KEY is not a private key: expected 0x and 64 hexadecimal digits below the order of secp256k1',
    )
  }
}

function missingKey(why: string): InvalidInput {
  return new InvalidInput(
    `PRIVATE_KEY is not set, and this is not the embedded chain: ${why}. Set it to the key of the account that signs and pays.`,
  )
}
