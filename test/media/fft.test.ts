import { expect, test } from 'vitest'
import { Fft } from '../../worker/media/fft.ts'

function noise(length: number, seed: number): Float64Array {
  let state = seed
  return Float64Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 1073741824 - 1
  })
}

function slowTransform(re: Float64Array, im: Float64Array): { re: Float64Array; im: Float64Array } {
  const size = re.length
  const out = { re: new Float64Array(size), im: new Float64Array(size) }
  for (let k = 0; k < size; k++) {
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * ((k * n) % size)) / size
      out.re[k] += re[n] * Math.cos(angle) - im[n] * Math.sin(angle)
      out.im[k] += re[n] * Math.sin(angle) + im[n] * Math.cos(angle)
    }
  }
  return out
}

test.each([1, 2, 4, 8, 16, 64, 512])('the transform of %i numbers equals the definition, and inverts', (size) => {
  const re = noise(size, 1)
  const im = noise(size, 2)
  const expected = slowTransform(re, im)
  const actual = { re: re.slice(), im: im.slice() }
  const fft = new Fft(size)
  fft.forward(actual.re, actual.im)
  for (let k = 0; k < size; k++) {
    expect(actual.re[k]).toBeCloseTo(expected.re[k], 9)
    expect(actual.im[k]).toBeCloseTo(expected.im[k], 9)
  }
  fft.inverse(actual.re, actual.im)
  for (let n = 0; n < size; n++) {
    expect(actual.re[n]).toBeCloseTo(re[n], 12)
    expect(actual.im[n]).toBeCloseTo(im[n], 12)
  }
})

test('a large transform keeps the energy and comes back', () => {
  const size = 2 ** 16
  const re = noise(size, 3)
  const original = re.slice()
  const im = new Float64Array(size)
  const fft = new Fft(size)
  fft.forward(re, im)
  const energy = original.reduce((sum, x) => sum + x * x, 0)
  const spectral = re.reduce((sum, x, k) => sum + x * x + im[k] * im[k], 0) / size
  expect(spectral / energy).toBeCloseTo(1, 10)
  fft.inverse(re, im)
  expect(Math.max(...re.slice(0, 1000).map((x, n) => Math.abs(x - original[n])))).toBeLessThan(1e-12)
})

test('a sine stands in its own bin and the mirrored one only', () => {
  const size = 256
  const re = Float64Array.from({ length: size }, (_, n) => Math.cos((2 * Math.PI * 9 * n) / size))
  const im = new Float64Array(size)
  new Fft(size).forward(re, im)
  const loud = Array.from(re.keys()).filter((k) => Math.hypot(re[k], im[k]) > 1e-9)
  expect(loud).toEqual([9, 247])
})

test.each([0, 3, 1000, -4, 2.5, Number.NaN])('a size of %d is refused with a reason', (size) => {
  expect(() => new Fft(size)).toThrow(/power of two/)
})
