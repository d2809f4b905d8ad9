import { createRequire } from 'node:module'
import {
  type AbiEvent,
  type AbiFunction,
  toEventSelector,
  toEventSignature,
  toFunctionSelector,
  toFunctionSignature,
} from 'viem'
import { formatAbiItem } from 'viem/utils'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { LOCK_VERSION, publicLockAbi, publicLockBytecode, UNLOCK_VERSION, unlockAbi } from '../../contracts/unlock.ts'

/** Of locks up to version 10. */
const OLDER = ['RenewKeyPurchase']

type Item = AbiEvent | AbiFunction | { type: 'error'; name: string; inputs: AbiFunction['inputs'] }

test('our description of the factory is that of its own package', () => {
  expect(describe(unlockAbi)).toEqual(described(unlockAbi, packaged(`Unlock/UnlockV${UNLOCK_VERSION}`)))
})

test('our description of locks is that of their own package', () => {
  const ours = publicLockAbi.filter((item) => !OLDER.includes(item.name))
  expect(describe(ours)).toEqual(described(ours, packaged(`PublicLock/PublicLockV${LOCK_VERSION}`)))
})

test('events of older locks are described as their own versions have them', () => {
  const ours = publicLockAbi.filter((item) => OLDER.includes(item.name))
  expect(ours).toHaveLength(OLDER.length)
  expect(describe(ours)).toEqual(described(ours, packaged('PublicLock/PublicLockV10')))
})

test('a lock fits into what a chain takes for a contract, in every version that the package has', () => {
  for (const version of [9, 10, 11, 12, 13, 14, 15])
    expect(publicLockBytecode(version).length / 2 - 1).toBeLessThan(49_152)
  expect(() => publicLockBytecode(8)).toThrow('PublicLockV8')
})

function packaged(path: string): readonly Item[] {
  const artifact = createRequire(import.meta.url)(`@unlock-protocol/contracts/dist/abis/${path}.json`)
  return z.object({ abi: z.array(z.custom<Item>()) }).parse(artifact).abi
}

/** What matters of each item: its selector, what is indexed, what it returns, whether it takes ETH. */
function describe(items: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(
    (items as readonly Item[]).filter(isCalledOrRead).map((item) => [keyOf(item), essence(item)]),
  )
}

/** The package's descriptions of the items that we name. */
function described(ours: readonly unknown[], theirs: readonly Item[]): Record<string, unknown> {
  const wanted = Object.keys(describe(ours))
  expect(wanted.length).toBeGreaterThan(0)
  const all = describe(theirs)
  return Object.fromEntries(wanted.map((key) => [key, all[key]]))
}

const isCalledOrRead = (item: Item) => ['function', 'event', 'error'].includes(item.type)
const keyOf = (item: Item) => `${item.type} ${formatAbiItem({ ...item, type: 'function' } as never)}`

function essence(item: Item): unknown {
  if (item.type === 'event')
    return [
      toEventSelector(item),
      toEventSignature(item),
      item.inputs.map(({ name, indexed }) => [name, indexed === true]),
    ]
  if (item.type === 'error')
    return toFunctionSelector({ ...item, type: 'function', outputs: [], stateMutability: 'view' })
  return [
    toFunctionSelector(item),
    toFunctionSignature(item),
    item.stateMutability,
    item.outputs.map(({ type }) => type),
    item.inputs.map(({ name }) => name ?? ''),
  ]
}
