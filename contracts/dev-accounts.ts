import { pbkdf2Sync } from 'node:crypto'
import { type HDAccount, HDKey, hdKeyToAccount } from 'viem/accounts'

const MNEMONIC = 'test test test test test test test test test test test junk'
/** Which of the accounts deploys the contracts of the embedded chain. */
export const DEPLOYER_INDEX = 9

let root: HDKey | undefined

/**
 * An account of the mnemonic that every development chain funds. Its keys are public: never for a chain that others can reach.
 *
 * @param index 0 is the embedded chain's operator, `DEPLOYER_INDEX` its deployer; the others are free
 */
export function devAccount(index: number): HDAccount {
  // BIP 39's seed, by the platform: the JavaScript of it takes twenty times as long.
  root ??= HDKey.fromMasterSeed(pbkdf2Sync(MNEMONIC, 'mnemonic', 2048, 64, 'sha512'))
  return hdKeyToAccount(root, { addressIndex: index })
}
