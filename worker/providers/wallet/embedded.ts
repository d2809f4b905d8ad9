import { randomBytes } from 'node:crypto'
import { bytesToHex, encodeFunctionData, hexToBigInt, keccak256 } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { walletsAbi } from '../../../contracts/abi/wallets.ts'
import { Blocked } from '../../errors.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import { withoutChain } from '../without-chain.ts'
import type { Wallets } from './contract.ts'

/** Key pairs made here and kept in the vault; their public keys are registered on chain. */
export const embedded = defineProvider({
  name: 'embedded',
  environment: z.object({}),
  create: (_settings, { chains, vault }): Wallets => ({
    get unavailableReason() {
      return withoutChain(chains)
    },
    priceUsdMicros: 0,
    async create({ name, idempotencyKey, signal }) {
      const chain = chains().clips
      const { address, publicKey } = accountOf(await vault().keep(secretName(name), () => randomPrivateKey()))
      const receipt = await chain.send(
        {
          idempotencyKey,
          description: `register the wallet ${address}`,
          to: chain.contracts.wallets,
          data: encodeFunctionData({ abi: walletsAbi, functionName: 'mint', args: [publicKey] }),
        },
        { signal },
      )
      return {
        address,
        publicKey,
        tokenId: hexToBigInt(keccak256(publicKey)).toString(),
        owner: chain.operator,
        txHash: receipt.transactionHash,
        network: `eip155:${await chain.id()}`,
        provider: 'embedded',
      }
    },
    async sign({ name, address, message, signal }) {
      signal.throwIfAborted()
      const account = await openAccount(vault(), name)
      if (account?.address.toLowerCase() !== address.toLowerCase())
        throw new Blocked(
          `the vault has no key of the wallet ${address}: it was made by another provider, or elsewhere`,
        )
      return await account.signMessage({ message })
    },
  }),
})

const secretName = (name: string) => `wallet:${name}`

async function openAccount(vault: ReturnType<ProviderDeps['vault']>, name: string): Promise<PrivateKeyAccount | null> {
  const secret = await vault.open(secretName(name))
  return secret && accountOf(secret)
}

function accountOf(privateKey: Uint8Array): PrivateKeyAccount {
  return privateKeyToAccount(bytesToHex(privateKey))
}

/** Any 32 bytes but 2⁻¹²⁸ of them are a key of secp256k1. */
function randomPrivateKey(): Uint8Array<ArrayBuffer> {
  for (;;) {
    const bytes = new Uint8Array(randomBytes(32))
    try {
      accountOf(bytes)
      return bytes
    } catch {
      // Not below the order of the curve.
    }
  }
}
