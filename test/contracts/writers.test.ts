import { type Address, zeroAddress } from 'viem'
import { beforeAll, describe, expect, test } from 'vitest'
import { spaceAbi as abi } from '../../contracts/abi/space.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { CONTRACTS, deployFresh, eventsOf, revertOf } from './deployed.ts'

const { accounts, wallets, space } = CONTRACTS
let chain: TestChain

beforeAll(async () => {
  chain = await startTestChain()
})

const writer = () => chain.buyer(0).address
const isWriter = (address: Address, of: Address) =>
  chain.client.readContract({ address, abi, functionName: 'isWriter', args: [of] })

/** What holds for one registry must hold for all. */
async function forEachRegistry(check: (address: Address) => Promise<void>, first?: Address): Promise<void> {
  for (const { bytecode } of [accounts, wallets, space])
    await check((await deployFresh(chain, bytecode, first)).address)
}

async function setWriter(address: Address, of: Address, isAllowed: boolean, account = chain.deployer) {
  const receipt = await chain.write({ address, abi, functionName: 'setWriter', args: [of, isAllowed], account })
  return await eventsOf(chain, abi, receipt)
}

describe('when a registry is created', () => {
  test('it lets the first writer in, and says so', async () => {
    for (const { bytecode } of [accounts, wallets, space]) {
      const { address, receipt } = await deployFresh(chain, bytecode, writer())
      expect(await isWriter(address, writer())).toBe(true)
      const changed = ['WriterChanged', { writer: writer(), isAllowed: true }]
      expect(await eventsOf(chain, abi, receipt)).toContainEqual(changed)
    }
  })
  test('it lets nobody in for zero', async () => {
    await forEachRegistry(async (address) => {
      for (const of of [zeroAddress, chain.deployer.address, writer()]) expect(await isWriter(address, of)).toBe(false)
    })
  })
})

describe('setWriter', () => {
  describe('when the sender is not the owner', () => {
    test('it reverts with the sender, even for a writer', async () => {
      await forEachRegistry(async (address) => {
        const call = setWriter(address, chain.operator.address, true, chain.buyer(0))
        expect(await revertOf(call)).toEqual(['Owned_NotOwner', writer()])
      }, writer())
    })
  })
  describe('when the writer is zero', () => {
    test('it reverts', async () => {
      await forEachRegistry(async (address) => {
        expect(await revertOf(setWriter(address, zeroAddress, true))).toEqual(['Writers_ZeroWriter'])
      })
    })
  })
  describe('when the sender is the owner', () => {
    test('it emits each change once', async () => {
      await forEachRegistry(async (address) => {
        const changed = (isAllowed: boolean) => ['WriterChanged', { writer: writer(), isAllowed }]
        expect(await setWriter(address, writer(), false)).toEqual([])
        expect(await setWriter(address, writer(), true)).toEqual([changed(true)])
        expect(await setWriter(address, writer(), true)).toEqual([])
        expect(await setWriter(address, writer(), false)).toEqual([changed(false)])
      })
    })
    test('it lets a writer in and shuts it out', async () => {
      await forEachRegistry(async (address) => {
        await setWriter(address, writer(), true)
        expect(await isWriter(address, writer())).toBe(true)
        await setWriter(address, writer(), false)
        expect(await isWriter(address, writer())).toBe(false)
      })
    })
    test('it does not make the owner a writer', async () => {
      const { address } = await deployFresh(chain, space.bytecode, writer())
      const args = [`0x${'11'.repeat(16)}`, 'ipfs://edit'] as const
      const call = chain.write({ address, abi, functionName: 'publishEdit', args, account: chain.deployer })
      expect(await revertOf(call)).toEqual(['Writers_NotWriter', chain.deployer.address])
    })
  })
})
