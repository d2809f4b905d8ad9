import { Fft } from '../fft.ts'
import { sqrtHann } from '../stft.ts'

/**
 * One frame of stereo sound as the spectra of its middle `(L + R) / 2` and side `(L - R) / 2`, and back, in one transform each way:
 * the middle is the real part of the signal, the side the imaginary part. Mono has a silent side.
 */
export class MiddleSide {
  readonly #size: number
  readonly #lowestBin: number
  readonly #bins: number
  readonly #window: Float64Array
  readonly #fft: Fft
  readonly #re: Float64Array
  readonly #im: Float64Array

  /** Bins `lowestBin` to `lowestBin + bins - 1` are of interest; they exclude 0 and the highest. */
  constructor(size: number, lowestBin: number, bins: number) {
    this.#size = size
    this.#lowestBin = lowestBin
    this.#bins = bins
    this.#window = sqrtHann(size)
    this.#fft = new Fft(size)
    this.#re = new Float64Array(size)
    this.#im = new Float64Array(size)
  }

  /**
   * Takes in the frame that begins at sample `start` (silence beyond both ends); false, and nothing done, where it is silent.
   *
   * @param source one or two channels of the same length
   */
  transform(source: readonly Float32Array[], start: number): boolean {
    const re = this.#re
    const im = this.#im
    const window = this.#window
    const left = source[0]
    const right = source[source.length - 1]
    const from = Math.max(0, Math.min(this.#size, -start))
    const to = Math.max(from, Math.min(this.#size, left.length - start))
    re.fill(0, 0, from)
    im.fill(0, 0, from)
    re.fill(0, to)
    im.fill(0, to)
    let energy = 0
    for (let i = from; i < to; i++) {
      const a = left[start + i]
      const b = right[start + i]
      const weight = window[i] / 2
      re[i] = (a + b) * weight
      im[i] = (a - b) * weight
      energy += re[i] * re[i] + im[i] * im[i]
    }
    if (energy < 1e-12 * this.#size) return false
    this.#fft.forward(re, im)
    return true
  }

  /** Tells the bins of both spectra, counted from 0 at the lowest. */
  unpack(use: (k: number, middleRe: number, middleIm: number, sideRe: number, sideIm: number) => void): void {
    const re = this.#re
    const im = this.#im
    for (let k = 0, up = this.#lowestBin, down = this.#size - up; k < this.#bins; k++, up++, down--) {
      use(k, (re[up] + re[down]) / 2, (im[up] - im[down]) / 2, (im[up] + im[down]) / 2, (re[down] - re[up]) / 2)
    }
  }

  /** Begins an empty spectrum. */
  clear(): void {
    this.#re.fill(0)
    this.#im.fill(0)
  }

  /** Adds a bin to the middle (`part` 0) or the side (1). */
  add(part: number, k: number, re: number, im: number): void {
    const up = this.#lowestBin + k
    const down = this.#size - up
    this.#re[up] += part === 0 ? re : -im
    this.#im[up] += part === 0 ? im : re
    this.#re[down] += part === 0 ? re : im
    this.#im[down] += part === 0 ? -im : re
  }

  /** Turns the spectrum into samples and adds them, windowed and scaled, to two rings of one length from index `at` on. */
  addFrame(left: Float64Array, right: Float64Array, at: number, scale: number): void {
    this.#fft.inverse(this.#re, this.#im)
    for (let i = 0; i < this.#size; i++, at++) {
      if (at === left.length) at = 0
      const weight = this.#window[i] * scale
      left[at] += (this.#re[i] + this.#im[i]) * weight
      right[at] += (this.#re[i] - this.#im[i]) * weight
    }
  }
}
