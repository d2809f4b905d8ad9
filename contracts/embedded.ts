import {
  type Address,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  zeroAddress,
} from 'viem'
import { accountsBytecode, accountsCodeHash } from './abi/accounts.ts'
import { catalogBytecode, catalogCodeHash } from './abi/catalog.ts'
import { spaceBytecode, spaceCodeHash } from './abi/space.ts'
import { walletsBytecode, walletsCodeHash } from './abi/wallets.ts'
import type { ContractAddresses } from './addresses.ts'
import { LOCK_VERSION, proxyBytecode, publicLockBytecode, unlockAbi, unlockBytecode } from './unlock.ts'

/** Who deploys the contracts of an embedded chain, owns them, and does nothing else with its account. */
export const DEPLOYER: Address = '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720'

/** A transaction of the deployer; it creates a contract when it goes to nobody. */
export interface Call {
  readonly to: Address | null
  readonly data: Hex
}

/**
 * Which of the deployer's transactions creates what. An address follows from the deployer and this number, so the numbers are
 * part of every embedded chain there is: a new contract gets a new number.
 */
export const NONCES = {
  catalog: 0,
  accounts: 1,
  wallets: 2,
  space: 3,
  unlockImplementation: 4,
  unlock: 5,
  lockTemplate: 6,
} as const

/** What the deployer creates. */
export type Created = keyof typeof NONCES

/** Where something is that the deployer creates. */
export const addressOf = (created: Created): Address =>
  getContractAddress({ from: DEPLOYER, nonce: BigInt(NONCES[created]) })

/** Where the contracts of every embedded chain are. */
export const embeddedAddresses: ContractAddresses = {
  catalog: addressOf('catalog'),
  accounts: addressOf('accounts'),
  wallets: addressOf('wallets'),
  space: addressOf('space'),
  unlock: addressOf('unlock'),
}

/** keccak256 of the code that our contracts have once deployed. */
export const CODE_HASHES: Readonly<Partial<Record<Created, Hex>>> = {
  catalog: catalogCodeHash,
  accounts: accountsCodeHash,
  wallets: walletsCodeHash,
  space: spaceCodeHash,
}

/** What locks of an embedded chain call their keys. */
export const KEY_SYMBOL = 'KEY'

/** The transactions that create the contracts, in the order of `NONCES`. @param operator may write from the start */
export function creations(operator: Address): Call[] {
  const writer = encodeAbiParameters([{ type: 'address' }], [operator])
  const initialize = encodeFunctionData({ abi: unlockAbi, functionName: 'initialize', args: [DEPLOYER] })
  const proxied = encodeAbiParameters(
    [{ type: 'address' }, { type: 'bytes' }],
    [addressOf('unlockImplementation'), initialize],
  )
  const code: Record<Created, Hex> = {
    catalog: concat([catalogBytecode, writer]),
    accounts: concat([accountsBytecode, writer]),
    wallets: concat([walletsBytecode, writer]),
    space: concat([spaceBytecode, writer]),
    unlockImplementation: unlockBytecode(),
    // The factory is initialised inside the proxy's constructor: nobody can do it first.
    unlock: concat([proxyBytecode(), proxied]),
    lockTemplate: publicLockBytecode(),
  }
  return Object.keys(NONCES).map((created) => ({ to: null, data: code[created as Created] }))
}

/** The transactions that make the factory ready, to be sent after the creations; each may be repeated. */
export function unlockSettings(chainId: number) {
  const template = addressOf('lockTemplate')
  const set = (data: Hex): Call => ({ to: embeddedAddresses.unlock, data })
  return {
    addTemplate: set(
      encodeFunctionData({ abi: unlockAbi, functionName: 'addLockTemplate', args: [template, LOCK_VERSION] }),
    ),
    setTemplate: set(encodeFunctionData({ abi: unlockAbi, functionName: 'setLockTemplate', args: [template] })),
    configure: set(
      encodeFunctionData({
        abi: unlockAbi,
        functionName: 'configUnlock',
        args: [zeroAddress, zeroAddress, 0n, KEY_SYMBOL, '', BigInt(chainId)],
      }),
    ),
  }
}
