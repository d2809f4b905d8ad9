import { type Address, zeroAddress } from 'viem'
import { beforeAll, describe, expect, test } from 'vitest'
import { catalogAbi } from '../../contracts/abi/catalog.ts'
import { spaceAbi as abi } from '../../contracts/abi/space.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { CONTRACTS, deployFresh, eventsOf, revertOf } from './deployed.ts'

let chain: TestChain

beforeAll(async () => {
  chain = await startTestChain()
})

const owner = () => chain.deployer
const heir = () => chain.buyer(0)

/** Every contract of ours is owned: what holds for one must hold for all. */
async function forEachContract(check: (address: Address) => Promise<void>): Promise<void> {
  for (const { bytecode } of Object.values(CONTRACTS)) await check((await deployFresh(chain, bytecode)).address)
}

async function offer(address: Address, to: Address, account = owner()) {
  const receipt = await chain.write({ address, abi, functionName: 'transferOwnership', args: [to], account })
  return await eventsOf(chain, abi, receipt)
}
async function accept(address: Address, account = heir()) {
  const receipt = await chain.write({ address, abi, functionName: 'acceptOwnership', args: [], account })
  return await eventsOf(chain, abi, receipt)
}
const ownerOf = (address: Address) => chain.client.readContract({ address, abi, functionName: 'owner' })
const pendingOwnerOf = (address: Address) => chain.client.readContract({ address, abi, functionName: 'pendingOwner' })

describe('when a contract is created', () => {
  test('it belongs to its deployer, and says so', async () => {
    for (const { bytecode } of Object.values(CONTRACTS)) {
      const { address, receipt } = await deployFresh(chain, bytecode)
      expect(await ownerOf(address)).toBe(owner().address)
      expect(await pendingOwnerOf(address)).toBe(zeroAddress)
      const transferred = ['OwnershipTransferred', { from: zeroAddress, to: owner().address }]
      expect(await eventsOf(chain, abi, receipt)).toEqual([transferred])
    }
  })
})

describe('transferOwnership', () => {
  describe('when the sender is not the owner', () => {
    test('it reverts with the sender, also for the one it is offered to', async () => {
      await forEachContract(async (address) => {
        await offer(address, heir().address)
        const call = offer(address, heir().address, heir())
        expect(await revertOf(call)).toEqual(['Owned_NotOwner', heir().address])
      })
    })
  })
  describe('when the sender is the owner', () => {
    test('it offers and changes no owner', async () => {
      await forEachContract(async (address) => {
        const offered = ['OwnershipOffered', { from: owner().address, to: heir().address }]
        expect(await offer(address, heir().address)).toEqual([offered])
        expect(await ownerOf(address)).toBe(owner().address)
        expect(await pendingOwnerOf(address)).toBe(heir().address)
      })
    })
    test('it withdraws an offer by offering to zero', async () => {
      await forEachContract(async (address) => {
        await offer(address, heir().address)
        await offer(address, zeroAddress)
        expect(await revertOf(accept(address))).toEqual(['Owned_NotPendingOwner', heir().address])
      })
    })
    test('it replaces an offer by the next', async () => {
      await forEachContract(async (address) => {
        await offer(address, heir().address)
        await offer(address, chain.operator.address)
        expect(await revertOf(accept(address))).toEqual(['Owned_NotPendingOwner', heir().address])
        await accept(address, chain.operator)
        expect(await ownerOf(address)).toBe(chain.operator.address)
      })
    })
  })
})

describe('acceptOwnership', () => {
  describe('when nothing is offered to the sender', () => {
    test('it reverts with the sender, also for the owner', async () => {
      await forEachContract(async (address) => {
        expect(await revertOf(accept(address))).toEqual(['Owned_NotPendingOwner', heir().address])
        expect(await revertOf(accept(address, owner()))).toEqual(['Owned_NotPendingOwner', owner().address])
      })
    })
  })
  describe('when it is offered to the sender', () => {
    test('it changes the owner and ends the offer', async () => {
      await forEachContract(async (address) => {
        await offer(address, heir().address)
        const transferred = ['OwnershipTransferred', { from: owner().address, to: heir().address }]
        expect(await accept(address)).toEqual([transferred])
        expect(await ownerOf(address)).toBe(heir().address)
        expect(await pendingOwnerOf(address)).toBe(zeroAddress)
        expect(await revertOf(accept(address))).toEqual(['Owned_NotPendingOwner', heir().address])
      })
    })
    test('it takes the rights from the owner before', async () => {
      const { address } = await deployFresh(chain, CONTRACTS.catalog.bytecode)
      await offer(address, heir().address)
      await accept(address)
      const allow = { address, abi: catalogAbi, functionName: 'setEmitter', args: [heir().address, true] } as const
      expect(await revertOf(chain.write({ ...allow, account: owner() }))).toEqual(['Owned_NotOwner', owner().address])
      expect((await chain.write({ ...allow, account: heir() })).logs).toHaveLength(1)
    })
  })
})
