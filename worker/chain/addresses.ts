import { type Address, getAddress } from 'viem'
import type { ContractAddresses } from '../../contracts/addresses.ts'
import { embeddedAddresses } from '../../contracts/deploy.ts'
import { InvalidInput } from '../errors.ts'

/** The variables that say where the contracts are. */
export interface AddressConfig {
  readonly CATALOG_ADDRESS?: string | undefined
  readonly ACCOUNTS_ADDRESS?: string | undefined
  readonly WALLETS_ADDRESS?: string | undefined
  readonly SPACE_ADDRESS?: string | undefined
  readonly UNLOCK_ADDRESS?: string | undefined
}

const VARIABLES = {
  catalog: 'CATALOG_ADDRESS',
  accounts: 'ACCOUNTS_ADDRESS',
  wallets: 'WALLETS_ADDRESS',
  space: 'SPACE_ADDRESS',
  unlock: 'UNLOCK_ADDRESS',
} as const satisfies Record<keyof ContractAddresses, keyof AddressConfig>

/**
 * Where the contracts are: as configured, else where every embedded chain has them.
 *
 * @param isEmbedded whether this is an embedded chain, as far as is known; asked whenever an address is
 * @throws InvalidInput for a malformed address at once; for a missing one when it is first asked for
 */
export function contractAddresses(config: AddressConfig, isEmbedded: () => boolean): ContractAddresses {
  const configured = new Map(
    Object.values(VARIABLES).map((variable) => [variable, parseAddress(variable, config[variable])] as const),
  )
  const at = (contract: keyof ContractAddresses): Address => {
    const variable = VARIABLES[contract]
    const address = configured.get(variable)
    if (address) return address
    if (isEmbedded()) return embeddedAddresses[contract]
    throw new InvalidInput(`${variable} is not set: set it to the address of the contract on this chain`)
  }
  return {
    get catalog() {
      return at('catalog')
    },
    get accounts() {
      return at('accounts')
    },
    get wallets() {
      return at('wallets')
    },
    get space() {
      return at('space')
    },
    get unlock() {
      return at('unlock')
    },
  }
}

/** Whether some contract is looked for where every embedded chain has it. */
export function usesEmbeddedAddresses(config: AddressConfig): boolean {
  return Object.values(VARIABLES).some((variable) => config[variable] === undefined)
}

function parseAddress(variable: string, text: string | undefined): Address | undefined {
  if (text === undefined) return undefined
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return getAddress(text.toLowerCase())
  throw new InvalidInput(`${variable}: expected 0x and 40 hexadecimal digits, came ${JSON.stringify(text)}`)
}
