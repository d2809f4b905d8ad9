import { expect, test } from 'vitest'
import { buildConditions, conditionsFault, hashConditions } from '../../client/conditions.ts'
import known from './condition-vectors.json' with { type: 'json' }
import { LOCK } from './published-song.ts'

test("conditions and their hash are what Lit Protocol's package makes of them, for every chain", async () => {
  expect(known.vectors.length).toBeGreaterThan(15)
  for (const { lock, conditions, hash } of known.vectors) {
    expect(buildConditions(lock)).toEqual(conditions)
    expect(await hashConditions(buildConditions(lock))).toBe(hash)
  }
})

test('the address is written in one way, so that one lock has one hash', async () => {
  const shouted = { ...LOCK, address: `0x${LOCK.address.slice(2).toUpperCase()}` }
  expect(await hashConditions(buildConditions(shouted))).toBe(await hashConditions(buildConditions(LOCK)))
})

test('exactly the condition on this lock passes, in any order of its fields', () => {
  const [condition] = buildConditions(LOCK)
  expect(conditionsFault([condition], LOCK)).toBe(null)
  expect(conditionsFault([Object.fromEntries(Object.entries(condition).reverse())], LOCK)).toBe(null)
})

test('any other lock, chain, method, comparison, number of conditions or field is refused, with what was expected', () => {
  const [condition] = buildConditions(LOCK)
  const other = buildConditions({ ...LOCK, address: `0x${'22'.repeat(20)}` })[0]
  const test = condition.returnValueTest
  const wrong: unknown[] = [
    [other],
    [{ ...condition, chain: 'ethereum' }],
    [{ ...condition, chain: 'eip155:8453' }],
    [{ ...condition, standardContractType: 'ERC20' }],
    [{ ...condition, method: 'totalKeys' }],
    [{ ...condition, method: 'ownerOf' }],
    [{ ...condition, parameters: [] }],
    [{ ...condition, parameters: ['0x1111111111111111111111111111111111111111'] }],
    [{ ...condition, parameters: [':userAddress', ':userAddress'] }],
    [{ ...condition, returnValueTest: { ...test, comparator: '>=' } }],
    [{ ...condition, returnValueTest: { ...test, value: '-1' } }],
    [{ ...condition, returnValueTest: { ...test, value: 0 } }],
    [{ ...condition, returnValueTest: { ...test, key: '' } }],
    [{ ...condition, conditionType: 'evmContract' }],
    [{ ...condition, extra: true }],
    [condition, { operator: 'or' }, other],
    [condition, condition],
    [[condition]],
    [],
    condition,
    null,
    undefined,
    'anybody',
    [null],
  ]
  for (const value of wrong) {
    const fault = conditionsFault(value, LOCK)
    expect(fault, JSON.stringify(value)).toContain('expected the access conditions [{"chain":"base"')
  }
  expect(conditionsFault(null, LOCK)).toContain('got null')
  expect(conditionsFault([other], LOCK)).toContain('0x2222')
})

test('what is no lock gives no condition', () => {
  for (const address of ['', '0x', '0x123', `0x${'g'.repeat(40)}`, `0x${'1'.repeat(41)}`]) {
    expect(() => buildConditions({ ...LOCK, address })).toThrow('expected the address of a lock')
  }
  for (const chainId of [0, -1, 1.5, Number.NaN]) {
    expect(() => buildConditions({ ...LOCK, chainId })).toThrow('expected a chain id')
  }
})
