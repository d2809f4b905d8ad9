import { Fft } from '../fft.ts'
import { sqrtHann } from '../stft.ts'
import type { FrameGrid } from './frame-grid.ts'
import { floatRows } from './sliding-rows.ts'

const LIMIT = 16

/**
 * Short-time Fourier transform of a signal that arrives block by block, and its masked inverse, both with a square-root
 * Hann window at a quarter hop. Samples are kept (as they are, not as spectra) until their frames have been resynthesised.
 * Frame `t` begins at sample `(t − 3) · hop`, so that every sample lies under four frames and the windows sum to two.
 */
export class StftStream {
  readonly grid: FrameGrid
  readonly channels: number
  readonly #samples
  readonly #fft: Fft
  readonly #window: Float64Array
  readonly #re: Float64Array
  readonly #im: Float64Array
  /** The overlap that later frames will still add to, interleaved: `windowSamples` from the start of the next frame. */
  readonly #overlap: Float32Array
  #ended = false
  #resynthesised = 0
  #emitted = 0

  constructor(grid: FrameGrid, channels: number) {
    this.grid = grid
    this.channels = channels
    this.#samples = floatRows(channels)
    this.#fft = new Fft(grid.fftSize)
    this.#window = sqrtHann(grid.windowSamples)
    this.#re = new Float64Array(grid.fftSize)
    this.#im = new Float64Array(grid.fftSize)
    this.#overlap = new Float32Array(grid.windowSamples * channels)
  }

  /** Takes interleaved samples. Broken ones are mended: not a number is silence, and 24 dB above full scale is the limit. */
  push(block: Float32Array): void {
    const start = this.#samples.extend(block.length / this.channels)
    const data = this.#samples.data
    for (let i = 0; i < block.length; i++) data[start + i] = Math.max(-LIMIT, Math.min(LIMIT, block[i] || 0))
  }

  /** No more samples will come. */
  end(): void {
    this.#ended = true
  }

  /** Frames that can be analysed with the samples at hand. */
  get frames(): number {
    const { hop } = this.grid
    const samples = this.#samples.count
    if (!this.#ended) return Math.max(0, Math.floor(samples / hop))
    return samples === 0 ? 0 : Math.ceil(samples / hop) + 3
  }

  /**
   * Measures one frame, bins 0 … `bins − 1`.
   *
   * @param magnitudes root mean square over the channels
   * @param power of the first two channels together
   * @param cross real part of their cross-spectrum; of one channel, half its power
   */
  analyse(frame: number, magnitudes: Float32Array, power: Float32Array, cross: Float32Array): void {
    const { bins, fftSize } = this.grid
    const re = this.#re
    const im = this.#im
    for (let channel = 0; channel < this.channels; channel += 2) {
      this.#transform(frame, channel)
      for (let k = 0; k < bins; k++) {
        // The pair's two spectra share one transform: first = (Z[k] + conj Z[−k]) / 2, second = (Z[k] − conj Z[−k]) / 2i.
        const m = k === 0 ? 0 : fftSize - k
        const firstRe = (re[k] + re[m]) / 2
        const firstIm = (im[k] - im[m]) / 2
        const secondRe = (im[k] + im[m]) / 2
        const secondIm = (re[m] - re[k]) / 2
        const energy = firstRe * firstRe + firstIm * firstIm + secondRe * secondRe + secondIm * secondIm
        if (channel === 0) {
          power[k] = energy
          cross[k] = this.channels === 1 ? energy / 2 : firstRe * secondRe + firstIm * secondIm
          magnitudes[k] = energy
        } else magnitudes[k] += energy
      }
    }
    for (let k = 0; k < bins; k++) magnitudes[k] = Math.sqrt(magnitudes[k] / this.channels)
  }

  /**
   * Resynthesises the next frame under a mask (bins beyond it are silenced) and returns the samples that are complete now:
   * interleaved blocks of equal length, the mix as it came and the masked signal. May be empty.
   */
  resynthesise(mask: Float32Array): { mix: Float32Array; masked: Float32Array } {
    const { hop, windowSamples } = this.grid
    const { channels } = this
    const overlap = this.#overlap
    const frame = this.#resynthesised++
    for (let channel = 0; channel < channels; channel += 2) {
      this.#transform(frame, channel)
      this.#applyMask(mask)
      this.#fft.inverse(this.#re, this.#im)
      const paired = channel + 1 < channels
      for (let i = 0, at = channel; i < windowSamples; i++, at += channels) {
        const weight = this.#window[i] / 2
        overlap[at] += this.#re[i] * weight
        if (paired) overlap[at + 1] += this.#im[i] * weight
      }
    }
    const start = this.#emitted
    const end = Math.min((frame - 2) * hop, this.#samples.count)
    const finished = Math.max(0, end - start)
    const mixStart = this.#samples.offset(start)
    const mix = this.#samples.data.slice(mixStart, mixStart + finished * channels)
    const masked = overlap.slice(0, finished * channels)
    overlap.copyWithin(0, hop * channels)
    overlap.fill(0, (windowSamples - hop) * channels)
    this.#emitted += finished
    this.#samples.dropBefore((frame - 2) * hop)
    return { mix, masked }
  }

  #applyMask(mask: Float32Array): void {
    const { bins, fftSize } = this.grid
    const re = this.#re
    const im = this.#im
    // A real mask that is the same for k and −k treats both channels of the shared transform alike.
    re[0] *= mask[0]
    im[0] *= mask[0]
    const top = Math.min(bins, fftSize / 2 + 1)
    for (let k = 1; k < top; k++) {
      re[k] *= mask[k]
      im[k] *= mask[k]
      if (k === fftSize - k) continue
      re[fftSize - k] *= mask[k]
      im[fftSize - k] *= mask[k]
    }
    re.fill(0, top, fftSize - top + 1)
    im.fill(0, top, fftSize - top + 1)
  }

  /** Windowed transform of one frame of two neighbouring channels, as real and imaginary part. */
  #transform(frame: number, channel: number): void {
    const { hop, windowSamples, fftSize } = this.grid
    const { channels } = this
    const re = this.#re.fill(0)
    const im = this.#im.fill(0)
    const window = this.#window
    const start = (frame - 3) * hop
    const data = this.#samples.data
    const from = Math.max(0, -start)
    const to = Math.min(windowSamples, this.#samples.count - start)
    const paired = channel + 1 < channels
    for (let i = from, at = this.#samples.offset(start + from) + channel; i < to; i++, at += channels) {
      re[i] = data[at] * window[i]
      if (paired) im[i] = data[at + 1] * window[i]
    }
    if (fftSize > 1) this.#fft.forward(re, im)
  }
}
