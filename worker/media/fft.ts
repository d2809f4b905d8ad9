import { InvalidInput } from '../errors.ts'

/**
 * Fast Fourier transform of one fixed size: complex, in place, radix 2 with the first two stages merged.
 * The tables are made once; keep the object and use it for every frame.
 *
 * ```ts
 * const fft = new Fft(1024)
 * fft.forward(re, im) // X[k] = Σ x[n] · e^(−2πi·kn/1024)
 * fft.inverse(re, im) // gives the samples back
 * ```
 *
 * @see Cooley & Tukey, 1965, https://doi.org/10.1090/S0025-5718-1965-0178586-1
 */
export class Fft {
  readonly size: number
  /** Indices to exchange for the bit-reversed order, as pairs. */
  readonly #swaps: Uint32Array
  /** Twiddle factors of the stages of half length 4, 8, 16 … one after another: stage `half` begins at `half − 4`. */
  readonly #cos: Float64Array
  readonly #sin: Float64Array

  /** @throws InvalidInput when `size` is not a power of two from 1 to 2^24 */
  constructor(size: number) {
    if (!isPowerOfTwo(size)) throw new InvalidInput(`expected an FFT size that is a power of two, got ${size}`)
    this.size = size
    this.#swaps = bitReversal(size)
    const length = Math.max(0, size - 4)
    this.#cos = new Float64Array(length)
    this.#sin = new Float64Array(length)
    for (let half = 4; half < size; half *= 2) {
      for (let k = 0; k < half; k++) {
        this.#cos[half - 4 + k] = Math.cos((Math.PI * k) / half)
        this.#sin[half - 4 + k] = Math.sin((Math.PI * k) / half)
      }
    }
  }

  /** Replaces `size` samples by their spectrum (no scaling). Both arrays hold at least `size` numbers. */
  forward(re: Float64Array, im: Float64Array): void {
    const size = this.size
    if (size === 1) return
    this.#reorder(re, im)
    if (size === 2) butterfly(re, im)
    else firstTwoStages(re, im, size)
    const cos = this.#cos
    const sin = this.#sin
    for (let half = 4; half < size; half *= 2) {
      const table = half - 4
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const a = start + k
          const b = a + half
          const c = cos[table + k]
          const s = sin[table + k]
          const xr = re[b] * c + im[b] * s
          const xi = im[b] * c - re[b] * s
          const ar = re[a]
          const ai = im[a]
          re[b] = ar - xr
          im[b] = ai - xi
          re[a] = ar + xr
          im[a] = ai + xi
        }
      }
    }
  }

  /** Replaces a spectrum by its samples; scales by 1 / `size`, so that it undoes `forward`. */
  inverse(re: Float64Array, im: Float64Array): void {
    // With real and imaginary part exchanged the forward transform runs backwards.
    this.forward(im, re)
    const scale = 1 / this.size
    for (let i = 0; i < this.size; i++) {
      re[i] *= scale
      im[i] *= scale
    }
  }

  #reorder(re: Float64Array, im: Float64Array): void {
    const swaps = this.#swaps
    for (let i = 0; i < swaps.length; i += 2) {
      const a = swaps[i]
      const b = swaps[i + 1]
      const r = re[a]
      re[a] = re[b]
      re[b] = r
      const m = im[a]
      im[a] = im[b]
      im[b] = m
    }
  }
}

/** Whether `size` is 1, 2, 4, … 2^24. */
export function isPowerOfTwo(size: number): boolean {
  return Number.isInteger(size) && size >= 1 && size <= 2 ** 24 && (size & (size - 1)) === 0
}

function bitReversal(size: number): Uint32Array {
  const swaps: number[] = []
  for (let i = 0, reversed = 0; i < size; i++) {
    if (reversed > i) swaps.push(i, reversed)
    // Counts upward from the top bit.
    let bit = size >> 1
    for (; bit > 0 && reversed & bit; bit >>= 1) reversed ^= bit
    reversed |= bit
  }
  return Uint32Array.from(swaps)
}

function butterfly(re: Float64Array, im: Float64Array): void {
  const r = re[1]
  const m = im[1]
  re[1] = re[0] - r
  im[1] = im[0] - m
  re[0] += r
  im[0] += m
}

/** Half lengths 1 and 2 have the twiddles 1 and −i only: no multiplication. */
function firstTwoStages(re: Float64Array, im: Float64Array, size: number): void {
  for (let i = 0; i < size; i += 4) {
    const r0 = re[i] + re[i + 1]
    const m0 = im[i] + im[i + 1]
    const r1 = re[i] - re[i + 1]
    const m1 = im[i] - im[i + 1]
    const r2 = re[i + 2] + re[i + 3]
    const m2 = im[i + 2] + im[i + 3]
    const r3 = re[i + 2] - re[i + 3]
    const m3 = im[i + 2] - im[i + 3]
    re[i] = r0 + r2
    im[i] = m0 + m2
    re[i + 1] = r1 + m3
    im[i + 1] = m1 - r3
    re[i + 2] = r0 - r2
    im[i + 2] = m0 - m2
    re[i + 3] = r1 - m3
    im[i + 3] = m1 + r3
  }
}
