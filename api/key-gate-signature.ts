import {
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  hashMessage,
  isAddressEqual,
  isHex,
  parseAbi,
  recoverMessageAddress,
} from 'viem'
import type { Chain } from '../worker/chain/contract.ts'
import { withPatience } from '../worker/providers/encryption/access.ts'

const contractWalletAbi = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'])
/** What a contract wallet answers to say yes. @see EIP-1271 */
const YES = '0x1626ba7e'
const LONGEST_SIGNATURE = 10_000

/**
 * Whether an address signed a text: by its private key (EIP-191), or, when it is a contract, by its own word (EIP-1271). A
 * contract wallet that is not deployed holds no key and counts as none.
 *
 * @throws ProviderUnavailable when the chain must be asked and does not answer
 */
export async function isSignedBy(
  reader: Chain['reader'],
  address: Address,
  message: string,
  signature: string,
): Promise<boolean> {
  if (!isHex(signature) || signature.length > LONGEST_SIGNATURE || signature.length % 2 !== 0) return false
  const signer = await recoverMessageAddress({ message, signature }).catch(() => null)
  if (signer && isAddressEqual(signer, address)) return true
  return withPatience(async () => {
    const code = await reader.getCode({ address })
    if (!code || code === '0x') return false
    try {
      const answer = await reader.readContract({
        address,
        abi: contractWalletAbi,
        functionName: 'isValidSignature',
        args: [hashMessage(message), signature],
      })
      return answer === YES
    } catch (error) {
      const isNo =
        error instanceof BaseError &&
        error.walk(
          (one) => one instanceof ContractFunctionRevertedError || one instanceof ContractFunctionZeroDataError,
        )
      if (isNo) return false
      throw error
    }
  })
}
