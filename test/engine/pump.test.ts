import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPump } from '../../worker/engine/pump.ts'

test('values that arrive while a call is in flight go together in the next, each with its own answer', async () => {
  const batches: number[][] = []
  const double = createPump<number, number>(async (batch) => {
    batches.push([...batch])
    await delay(10)
    return batch.map((value) => value * 2)
  })
  const first = double(1)
  await delay(2)
  const rest = await Promise.all([2, 3, 4, 5].map(double))
  expect(await first).toBe(2)
  expect(rest).toEqual([4, 6, 8, 10])
  expect(batches).toEqual([[1], [2, 3, 4, 5]])
})

test('a batch holds at most the given number of values, in the order they came', async () => {
  const batches: number[][] = []
  const echo = createPump<number, number>(
    async (batch) => {
      batches.push([...batch])
      return batch
    },
    { max: 3 },
  )
  await Promise.all([1, 2, 3, 4, 5, 6, 7].map(echo))
  expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]])
})

test('lanes keep that many calls in flight, each with values of its own', async () => {
  let inFlight = 0
  let most = 0
  const seen: number[] = []
  const echo = createPump<number, number>(
    async (batch) => {
      most = Math.max(most, ++inFlight)
      seen.push(...batch)
      await delay(5)
      inFlight--
      return batch
    },
    { max: 2, lanes: 2 },
  )
  const values = Array.from({ length: 11 }, (_, index) => index)
  expect(await Promise.all(values.map(echo))).toEqual(values)
  expect(most).toBe(2)
  expect(seen.sort((a, b) => a - b)).toEqual(values)
})

test('one bad value fails alone, and the pump goes on', async () => {
  let calls = 0
  const invert = createPump<number, number>(async (batch) => {
    calls++
    if (batch.includes(0)) throw new Error('no zero')
    return batch.map((value) => 1 / value)
  })
  const outcomes = await Promise.allSettled([1, 0, 2, 4].map(invert))
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message))).toEqual([
    1,
    'no zero',
    0.5,
    0.25,
  ])
  expect(calls).toBe(5)
  expect(await invert(8)).toBe(0.125)
})
