import { InvalidInput } from '../errors.ts'
import { Fft, isPowerOfTwo } from './fft.ts'

/** Complex bins of a mono signal: `frames × bins` row-major, frame `t` is centred on sample `t · hop`. */
export interface Spectrogram {
  readonly size: number
  readonly hop: number
  readonly frames: number
  /** `size / 2 + 1`; bin `k` lies at `k · sampleRateHz / size`. */
  readonly bins: number
  readonly re: Float32Array
  readonly im: Float32Array
}

/** Periodic Hann window: overlapped at `size / 2`, `size / 4`, … it sums to a constant. */
export function hann(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size))
}

/** Square root of the periodic Hann window: used before the transform and after it, the two multiply to a Hann. */
export function sqrtHann(size: number): Float64Array {
  return hann(size).map(Math.sqrt)
}

/** Frames that `stft` makes of `samples` samples: one per `hop`, at least one, the last centred within a hop of the end. */
export function frameCount(samples: number, hop: number): number {
  return Math.ceil(samples / hop) + 1
}

/**
 * Short-time Fourier transform with a periodic Hann window, centred, with silence beyond both ends.
 *
 * @param samples mono, any length, nominally in [-1, 1]
 * @param size samples per frame, a power of two of at least 2
 * @param hop samples between frames, 1 … `size`
 * @throws InvalidInput when `size` or `hop` is out of range
 * @see Allen & Rabiner, 1977, https://doi.org/10.1109/PROC.1977.10770
 */
export function stft(samples: Float32Array, size: number, hop: number, window = hann(size)): Spectrogram {
  checkSizes(size, hop)
  const frames = frameCount(samples.length, hop)
  const bins = size / 2 + 1
  const re = new Float32Array(frames * bins)
  const im = new Float32Array(frames * bins)
  eachFrame(samples, size, hop, window, (frame, frameRe, frameIm) => {
    re.set(frameRe, frame * bins)
    im.set(frameIm, frame * bins)
  })
  return { size, hop, frames, bins, re, im }
}

/**
 * Magnitudes of the short-time Fourier transform without keeping the complex bins; arguments as for `stft`.
 *
 * @returns `frames × (size / 2 + 1)` magnitudes, row-major; a full-scale sine reaches about `size / 4` with the Hann window
 */
export function magnitudes(samples: Float32Array, size: number, hop: number, window = hann(size)): Float32Array {
  checkSizes(size, hop)
  const bins = size / 2 + 1
  const out = new Float32Array(frameCount(samples.length, hop) * bins)
  eachFrame(samples, size, hop, window, (frame, re, im) => {
    const row = frame * bins
    for (let k = 0; k < bins; k++) out[row + k] = Math.sqrt(re[k] * re[k] + im[k] * im[k])
  })
  return out
}

/**
 * Calls `use` with the `size / 2 + 1` complex bins of each frame in turn; the arrays are reused for the next frame.
 * For features that need no spectrogram kept. Arguments as for `stft`.
 */
export function eachFrame(
  samples: Float32Array,
  size: number,
  hop: number,
  window: Float64Array,
  use: (frame: number, re: Float64Array, im: Float64Array) => void,
): void {
  checkSizes(size, hop)
  const bins = size / 2 + 1
  const frames = frameCount(samples.length, hop)
  const fft = new Fft(size)
  const re = new Float64Array(size)
  const im = new Float64Array(size)
  const first = { re: new Float64Array(bins), im: new Float64Array(bins) }
  const second = { re: new Float64Array(bins), im: new Float64Array(bins) }
  // Two real frames share one complex transform: one as the real part, the next as the imaginary part.
  for (let frame = 0; frame < frames; frame += 2) {
    cut(samples, frame * hop - size / 2, window, re)
    cut(samples, (frame + 1) * hop - size / 2, window, im)
    fft.forward(re, im)
    for (let k = 0; k < bins; k++) {
      const m = k === 0 ? 0 : size - k
      first.re[k] = (re[k] + re[m]) / 2
      first.im[k] = (im[k] - im[m]) / 2
      second.re[k] = (im[k] + im[m]) / 2
      second.im[k] = (re[m] - re[k]) / 2
    }
    use(frame, first.re, first.im)
    if (frame + 1 < frames) use(frame + 1, second.re, second.im)
  }
}

/**
 * Samples of a spectrogram made by `stft` with the same window, changed or not: weighted overlap-add, so that
 * an unchanged spectrogram gives its samples back for every window and hop that leave no sample uncovered.
 *
 * @param length samples to return
 */
export function istft(spectrogram: Spectrogram, length: number, window = hann(spectrogram.size)): Float32Array {
  const { size, hop, frames, bins } = spectrogram
  const fft = new Fft(size)
  const re = new Float64Array(size)
  const im = new Float64Array(size)
  const out = new Float64Array(length)
  const weight = new Float64Array(length)
  for (let frame = 0; frame < frames; frame++) {
    const row = frame * bins
    for (let k = 0; k < bins; k++) {
      const edge = k === 0 || k === size / 2
      re[k] = spectrogram.re[row + k]
      im[k] = edge ? 0 : spectrogram.im[row + k]
      if (edge) continue
      re[size - k] = re[k]
      im[size - k] = -im[k]
    }
    fft.inverse(re, im)
    const start = frame * hop - size / 2
    for (let i = Math.max(0, -start); i < size && start + i < length; i++) {
      out[start + i] += re[i] * window[i]
      weight[start + i] += window[i] * window[i]
    }
  }
  return Float32Array.from(out, (value, i) => (weight[i] > 1e-9 ? value / weight[i] : 0))
}

function cut(samples: Float32Array, start: number, window: Float64Array, out: Float64Array): void {
  for (let i = 0; i < window.length; i++) {
    const position = start + i
    out[i] = position >= 0 && position < samples.length ? samples[position] * window[i] : 0
  }
}

function checkSizes(size: number, hop: number): void {
  if (!isPowerOfTwo(size) || size < 2) throw new InvalidInput(`expected an STFT size of a power of two, got ${size}`)
  if (!Number.isInteger(hop) || hop < 1 || hop > size) {
    throw new InvalidInput(`expected an STFT hop of 1 to ${size} samples, got ${hop}`)
  }
}
