import type { Address, Hex } from 'viem'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { spaceAbi as abi, spaceBytecode } from '../../contracts/abi/space.ts'
import { startTestChain, type TestChain } from '../support/chain.ts'
import { deployFresh, eventsOf, revertOf } from './deployed.ts'

let chain: TestChain
let address: Address

beforeAll(async () => {
  chain = await startTestChain()
})

beforeEach(async () => {
  address = (await deployFresh(chain, spaceBytecode, chain.operator.address)).address
})

const spaceId: Hex = `0x${'ab'.repeat(16)}`
const otherSpaceId: Hex = `0x${'cd'.repeat(16)}`
const cid = 'ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

const at = <N extends string>(functionName: N) => ({ address, abi, functionName })
const isPublished = (space: Hex, edit: string) =>
  chain.client.readContract({ ...at('isPublished'), args: [space, edit] })

async function publish(space = spaceId, edit = cid, account = chain.operator) {
  return await eventsOf(chain, abi, await chain.write({ ...at('publishEdit'), args: [space, edit], account }))
}
const published = (space: Hex, edit = cid) => [
  'EditPublished',
  { spaceId: space, author: chain.operator.address, cid: edit },
]

describe('publishEdit', () => {
  describe('when the sender is not a writer', () => {
    test('it reverts with the sender', async () => {
      const call = publish(spaceId, cid, chain.buyer(0))
      expect(await revertOf(call)).toEqual(['Writers_NotWriter', chain.buyer(0).address])
    })
  })
  describe('when the space has no id', () => {
    test('it reverts', async () => {
      expect(await revertOf(publish(`0x${'00'.repeat(16)}`))).toEqual(['Space_ZeroSpaceId'])
    })
  })
  describe('when the edit has no content id', () => {
    test('it reverts', async () => {
      expect(await revertOf(publish(spaceId, ''))).toEqual(['Space_EmptyCid'])
    })
  })
  describe('when the edit is new in the space', () => {
    test('it emits the space, the author and the content id', async () => {
      expect(await publish()).toEqual([published(spaceId)])
    })
    test('it emits nothing for the same edit again, whoever sends it and whatever came between', async () => {
      const { address: writer } = chain.buyer(0)
      await chain.write({ ...at('setWriter'), args: [writer, true], account: chain.deployer })
      await publish()
      expect(await publish(spaceId, 'ipfs://second')).toEqual([published(spaceId, 'ipfs://second')])
      expect(await publish()).toEqual([])
      expect(await publish(spaceId, cid, chain.buyer(0))).toEqual([])
    })
    test('it emits the same edit in another space', async () => {
      await publish()
      expect(await publish(otherSpaceId)).toEqual([published(otherSpaceId)])
    })
  })
})

describe('isPublished', () => {
  test('it is true for what was published in the space', async () => {
    expect(await isPublished(spaceId, cid)).toBe(false)
    await publish()
    expect(await isPublished(spaceId, cid)).toBe(true)
  })
  test('it is false for everything else', async () => {
    await publish()
    for (const edit of ['', cid.slice(0, -1), `${cid} `, cid.toUpperCase()])
      expect(await isPublished(spaceId, edit)).toBe(false)
    expect(await isPublished(otherSpaceId, cid)).toBe(false)
  })
})
