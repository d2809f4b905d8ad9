import { expect, test } from 'vitest'
import { exactStems } from '../../worker/media/separation/exact-stems.ts'

const STEPS = 2 ** 23

test('the stems add up to the mix bit by bit, below full scale', () => {
  const mix = Float32Array.from({ length: 20_000 }, (_, i) =>
    Math.fround(Math.round(Math.sin(i) * STEPS * 0.5) / STEPS),
  )
  const vocals = mix.map((value, i) => value * 0.7 * Math.sin(i * 0.37) + 1e-5)
  const stems = exactStems(mix, vocals)
  for (let i = 0; i < mix.length; i++) {
    expect(stems.vocals[i] + stems.instrumental[i]).toBe(mix[i])
    expect(Number.isInteger(stems.vocals[i] * STEPS)).toBe(true)
    expect(Math.abs(stems.vocals[i] - vocals[i])).toBeLessThanOrEqual(0.51 / STEPS)
  }
})

test.each([
  [0.9, -0.9],
  [-0.9, 0.9],
  [1, -1],
  [-1, 1],
  [1.7, -3],
  [-2, 0.4],
  [0.999_999_9, 2],
])('a mix of %d with vocals of %d stays within full scale and adds up', (mix, vocals) => {
  const stems = exactStems(Float32Array.of(mix), Float32Array.of(vocals))
  const limited = Math.max(-1, Math.min(1 - 1 / STEPS, Math.round(Math.fround(mix) * STEPS) / STEPS))
  expect(stems.vocals[0] + stems.instrumental[0]).toBe(limited)
  for (const stem of [stems.vocals[0], stems.instrumental[0]]) {
    expect(stem).toBeGreaterThanOrEqual(-1)
    expect(stem).toBeLessThan(1)
  }
})

test('silence and nothing are themselves', () => {
  expect(exactStems(new Float32Array(3), new Float32Array(3)).instrumental).toEqual(new Float32Array(3))
  expect(exactStems(new Float32Array(0), new Float32Array(0)).vocals.length).toBe(0)
})
