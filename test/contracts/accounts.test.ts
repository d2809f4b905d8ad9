import { type Address, encodePacked, getAddress, keccak256, slice, zeroAddress } from 'viem'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accountsAbi as abi, accountsBytecode } from '../../contracts/abi/accounts.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { deployFresh, eventsOf, revertOf } from './deployed.ts'

let chain: TestChain
let address: Address

beforeAll(async () => {
  chain = await startTestChain()
})

beforeEach(async () => {
  address = (await deployFresh(chain, accountsBytecode, chain.operator.address)).address
})

const handle = 'the-singer-ks1'
const description = 'ipfs://account'
const owner = () => chain.buyer(0).address
const other = () => chain.buyer(1).address

const at = <N extends string>(functionName: N) => ({ address, abi, functionName })
const accountOf = (name: string) => chain.client.readContract({ ...at('accountOf'), args: [name] })
const accountAddress = (name: string, contract = address) =>
  getAddress(slice(keccak256(encodePacked(['address', 'string'], [contract, name])), 12))

async function create(of: Address, name = handle, metadataUri = description, account = chain.operator) {
  const receipt = await chain.write({ ...at('createAccount'), args: [of, name, metadataUri], account })
  return await eventsOf(chain, abi, receipt)
}

describe('createAccount', () => {
  describe('when the sender is not a writer', () => {
    test('it reverts with the sender', async () => {
      const call = create(owner(), handle, description, chain.buyer(0))
      expect(await revertOf(call)).toEqual(['Writers_NotWriter', owner()])
    })
  })
  describe('when the owner is zero', () => {
    test('it reverts', async () => {
      expect(await revertOf(create(zeroAddress))).toEqual(['Accounts_ZeroOwner'])
    })
  })
  describe('when the handle breaks the rule', () => {
    test('it reverts with the handle', async () => {
      const broken = [
        '',
        'ab',
        'a'.repeat(31),
        '-ab',
        'ab-',
        'Abc',
        'a_b',
        'a.b',
        'a b',
        'a/b',
        'aéb',
        'a`b',
        'a{b',
        'a:b',
      ]
      for (const name of broken) expect(await revertOf(create(owner(), name))).toEqual(['Accounts_HandleInvalid', name])
    })
  })
  describe('when the handle is free', () => {
    test('it emits the account, its owner, the handle and the description', async () => {
      const created = { account: accountAddress(handle), owner: owner(), handle, metadataUri: description }
      expect(await create(owner())).toEqual([['AccountCreated', created]])
    })
    test('it takes every handle within the rule', async () => {
      for (const name of ['abc', 'a-b', 'a--b', '000', 'z9z', 'a'.repeat(30), `0${'-'.repeat(28)}z`]) {
        expect(await create(owner(), name)).toHaveLength(1)
        expect(await accountOf(name)).toEqual([accountAddress(name), owner()])
      }
    })
    test('it gives one wallet as many handles as asked for', async () => {
      await create(owner())
      expect(await create(owner(), 'another', '')).toEqual([
        ['AccountCreated', { account: accountAddress('another'), owner: owner(), handle: 'another', metadataUri: '' }],
      ])
    })
  })
  describe('when the owner has the handle already', () => {
    test('it returns the account and emits nothing, whatever the description', async () => {
      await create(owner())
      expect(await create(owner())).toEqual([])
      expect(await create(owner(), handle, 'ipfs://other')).toEqual([])
      const call = { ...at('createAccount'), args: [owner(), handle, ''], account: chain.operator } as const
      expect((await chain.client.simulateContract(call)).result).toBe(accountAddress(handle))
    })
  })
  describe("when the handle is another's", () => {
    test('it reverts with the handle and the owner', async () => {
      await create(owner())
      expect(await revertOf(create(other()))).toEqual(['Accounts_HandleTaken', handle, owner()])
      expect(await accountOf(handle)).toEqual([accountAddress(handle), owner()])
    })
  })
})

describe('accountOf', () => {
  test('it finds account and owner', async () => {
    await create(owner())
    await create(other(), 'other-singer')
    expect(await accountOf(handle)).toEqual([accountAddress(handle), owner()])
    expect(await accountOf('other-singer')).toEqual([accountAddress('other-singer'), other()])
  })
  test('it answers zero for a handle that nobody has', async () => {
    await create(owner())
    expect(await accountOf('the-singer-ks2')).toEqual([zeroAddress, zeroAddress])
    expect(await accountOf('')).toEqual([zeroAddress, zeroAddress])
  })
  test('it depends on the contract and the handle alone', async () => {
    await create(owner())
    const [first] = await accountOf(handle)
    const before = address
    address = (await deployFresh(chain, accountsBytecode, chain.operator.address)).address
    await create(owner())
    const [second] = await accountOf(handle)
    expect([first, second]).toEqual([accountAddress(handle, before), accountAddress(handle)])
    expect(first).not.toBe(second)
  })
})
