import { type Address, concat, type Hex, hexToBigInt, keccak256, numberToHex, slice, zeroAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { walletsAbi as abi, walletsBytecode } from '../../contracts/abi/wallets.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { deployFresh, eventsOf, revertOf } from './deployed.ts'

const FIELD = 2n ** 256n - 2n ** 32n - 977n

let chain: TestChain
let address: Address

beforeAll(async () => {
  chain = await startTestChain()
})

beforeEach(async () => {
  address = (await deployFresh(chain, walletsBytecode, chain.operator.address)).address
})

const numberOf = (publicKey: Hex) => hexToBigInt(keccak256(publicKey))
const keeperOf = (publicKey: Hex) =>
  chain.client.readContract({ address, abi, functionName: 'ownerOf', args: [numberOf(publicKey)] })

async function mint(publicKey: Hex, account = chain.operator) {
  const receipt = await chain.write({ address, abi, functionName: 'mint', args: [publicKey], account })
  return await eventsOf(chain, abi, receipt)
}
const reject = async (publicKey: Hex) =>
  expect(await revertOf(mint(publicKey))).toEqual(['Wallets_PublicKeyInvalid', publicKey])

describe('mint', () => {
  describe('when the sender is not a writer', () => {
    test('it reverts with the sender', async () => {
      const call = mint(chain.operator.publicKey, chain.buyer(0))
      expect(await revertOf(call)).toEqual(['Writers_NotWriter', chain.buyer(0).address])
    })
  })
  describe('when the key is no public key', () => {
    test('it reverts for another length, truncated or huge', async () => {
      const { publicKey } = chain.operator
      await reject('0x')
      await reject('0x04')
      await reject(slice(publicKey, 0, 64))
      await reject(concat([publicKey, '0x00']))
      await reject(concat([publicKey, `0x${'00'.repeat(10_000)}`]))
    })
    test('it reverts for a compressed key or another first byte', async () => {
      const { publicKey } = chain.operator
      await reject(concat(['0x02', slice(publicKey, 1, 33)]))
      await reject(concat(['0x03', slice(publicKey, 1)]))
    })
    test('it reverts for a point that is not on the curve', async () => {
      const { publicKey } = chain.operator
      await reject(concat(['0x04', slice(publicKey, 33), slice(publicKey, 1, 33)]))
      await reject(concat(['0x04', `0x${'00'.repeat(64)}`]))
    })
    test('it reverts for coordinates outside the field', async () => {
      // x = 1 is on the curve, so that the same point written as 1 + the field's prime would satisfy the equation.
      const y = 0x4218f20ae6c646b363db68605822fb14264ca8d2587fdd6fbc750d587e76a7een
      const keyOf = (x: bigint) => concat(['0x04', numberToHex(x, { size: 32 }), numberToHex(y, { size: 32 })])
      expect(await mint(keyOf(1n))).toHaveLength(1)
      await reject(keyOf(1n + FIELD))
    })
  })
  describe('when the key is a public key', () => {
    test('it emits the number, the wallet, the keeper and the key', async () => {
      const { publicKey, address: wallet } = chain.buyer(0)
      const minted = { tokenId: numberOf(publicKey), wallet, owner: chain.operator.address, publicKey }
      expect(await mint(publicKey)).toEqual([['WalletMinted', minted]])
      expect(await keeperOf(publicKey)).toBe(chain.operator.address)
    })
    test('it finds the address that the key signs for', async () => {
      for (let round = 0; round < 10; round++) {
        const account = privateKeyToAccount(generatePrivateKey())
        const [[, minted]] = (await mint(account.publicKey)) as [[string, { wallet: Address }]]
        expect(minted.wallet).toBe(account.address)
      }
    })
    test('it emits nothing for the same key again and keeps the first keeper', async () => {
      const { publicKey } = chain.buyer(0)
      await mint(publicKey)
      const allow = { address, abi, functionName: 'setWriter', args: [chain.buyer(1).address, true] } as const
      await chain.write({ ...allow, account: chain.deployer })
      expect(await mint(publicKey)).toEqual([])
      expect(await mint(publicKey, chain.buyer(1))).toEqual([])
      expect(await keeperOf(publicKey)).toBe(chain.operator.address)
      const call = { address, abi, functionName: 'mint', args: [publicKey], account: chain.operator } as const
      expect((await chain.client.simulateContract(call)).result).toBe(numberOf(publicKey))
    })
    test('it knows nothing of a key that was not minted', async () => {
      await mint(chain.buyer(0).publicKey)
      expect(await keeperOf(chain.buyer(1).publicKey)).toBe(zeroAddress)
    })
  })
})
