import { Fft } from '../fft.ts'
import { type FrontEnd, STREAM_COUNT, STREAM_DIMENSION } from './acoustic-model.ts'

export const FRAME_RATE_HZ = 100
export const SAMPLE_RATE_HZ = 16_000
/** Values of one frame's feature vector: cepstra, deltas, second deltas. */
export const FEATURE_DIMENSION = STREAM_COUNT * STREAM_DIMENSION

const HOP = SAMPLE_RATE_HZ / FRAME_RATE_HZ
const WINDOW = 410
const FFT_SIZE = 512
const PRE_EMPHASIS = 0.97
/** The models were trained on 16-bit samples. */
const FULL_SCALE = 32_768

export interface Cepstra {
  readonly frameCount: number
  /** `frames × 13`, not normalised. */
  readonly cepstra: Float32Array
  /** Natural log of the summed filter energies, per frame. */
  readonly logEnergy: Float32Array
}

/** Frames that `sampleCount` samples at 16 kHz make: one per 10 ms, each 25.6 ms long. */
export function countFrames(sampleCount: number): number {
  return Math.max(0, Math.floor((sampleCount - WINDOW) / HOP) + 1)
}

/**
 * Mel-frequency cepstral coefficients in the layout of the Sphinx front end: pre-emphasis 0.97, Hamming window of 410
 * samples, unit-area triangular filters, orthonormal DCT-II, sinusoidal lifter, no noise removal.
 *
 * @param samples mono, 16 kHz, nominally in [-1, 1]; samples that are not finite count as zero
 * @see Davis & Mermelstein, 1980, https://doi.org/10.1109/TASSP.1980.1163420
 */
export function computeCepstra(samples: Float32Array, frontEnd: FrontEnd): Cepstra {
  const { filterCount } = frontEnd
  const frameCount = countFrames(samples.length)
  const filters = melFilters(frontEnd)
  const transform = liftedDct(frontEnd)
  const window = Float64Array.from(
    { length: WINDOW },
    (_, i) => 0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (WINDOW - 1)),
  )
  const fft = new Fft(FFT_SIZE)
  const re = new Float64Array(FFT_SIZE)
  const im = new Float64Array(FFT_SIZE)
  const power = new Float64Array(FFT_SIZE / 2 + 1)
  const logs = new Float64Array(filterCount)
  const cepstra = new Float32Array(frameCount * STREAM_DIMENSION)
  const logEnergy = new Float32Array(frameCount)
  for (let t = 0; t < frameCount; t++) {
    const first = t * HOP
    let before = first > 0 ? finite(samples[first - 1]) : 0
    for (let i = 0; i < WINDOW; i++) {
      const now = finite(samples[first + i])
      re[i] = (now - PRE_EMPHASIS * before) * FULL_SCALE * window[i]
      before = now
    }
    re.fill(0, WINDOW)
    im.fill(0)
    fft.forward(re, im)
    for (let k = 0; k < power.length; k++) power[k] = re[k] * re[k] + im[k] * im[k]
    let energy = 0
    for (let j = 0; j < filterCount; j++) {
      const { start, weights } = filters[j]
      let sum = 0
      for (let k = 0; k < weights.length; k++) sum += weights[k] * power[start + k]
      energy += sum
      logs[j] = Math.log(sum + 1e-4)
    }
    logEnergy[t] = Math.log(energy + 1)
    for (let i = 0; i < STREAM_DIMENSION; i++) {
      let sum = 0
      for (let j = 0; j < filterCount; j++) sum += transform[i * filterCount + j] * logs[j]
      cepstra[t * STREAM_DIMENSION + i] = sum
    }
  }
  return { frameCount, cepstra, logEnergy }
}

/**
 * Feature vectors: cepstra with the song's mean removed, deltas over ±2 frames, second deltas over ±3.
 *
 * @returns `frames × 39`: 13 cepstra, 13 deltas, 13 second deltas
 */
export function computeFeatures({ cepstra, frameCount }: Cepstra): Float32Array {
  const C = STREAM_DIMENSION
  const mean = new Float64Array(C)
  for (let i = 0; i < cepstra.length; i++) mean[i % C] += cepstra[i] / frameCount
  const features = new Float32Array(frameCount * FEATURE_DIMENSION)
  const clamp = (t: number) => Math.min(Math.max(t, 0), frameCount - 1) * C
  for (let t = 0; t < frameCount; t++) {
    const row = t * FEATURE_DIMENSION
    for (let i = 0; i < C; i++) {
      const at = (u: number) => cepstra[clamp(u) + i]
      features[row + i] = cepstra[t * C + i] - mean[i]
      features[row + C + i] = at(t + 2) - at(t - 2)
      features[row + 2 * C + i] = at(t + 3) - at(t - 1) - at(t + 1) + at(t - 3)
    }
  }
  return features
}

const finite = (sample: number) => (Number.isFinite(sample) ? sample : 0)

interface Filter {
  readonly start: number
  readonly weights: Float64Array
}

/** Triangles of unit area, evenly spaced in mel, their corners rounded to bins of the FFT. */
function melFilters({ lowerHz, upperHz, filterCount }: FrontEnd): Filter[] {
  const mel = (hz: number) => 2595 * Math.log10(1 + hz / 700)
  const hertz = (m: number) => 700 * (10 ** (m / 2595) - 1)
  const binHz = SAMPLE_RATE_HZ / FFT_SIZE
  const step = (mel(upperHz) - mel(lowerHz)) / (filterCount + 1)
  const corner = (j: number) => Math.round(hertz(mel(lowerHz) + j * step) / binHz)
  return Array.from({ length: filterCount }, (_, j) => {
    const [left, centre, right] = [corner(j), corner(j + 1), corner(j + 2)]
    const height = 2 / ((right - left) * binHz)
    const weights = Float64Array.from({ length: Math.max(0, right - left - 1) }, (_, i) => {
      const k = left + 1 + i
      return height * Math.min((k - left) / (centre - left), (right - k) / (right - centre))
    })
    return { start: left + 1, weights }
  })
}

function liftedDct({ filterCount, lifter }: FrontEnd): Float64Array {
  return Float64Array.from({ length: STREAM_DIMENSION * filterCount }, (_, index) => {
    const i = Math.floor(index / filterCount)
    const j = index % filterCount
    const scale = Math.sqrt((i === 0 ? 1 : 2) / filterCount)
    const lift = lifter > 0 ? 1 + (lifter / 2) * Math.sin((i * Math.PI) / lifter) : 1
    return scale * lift * Math.cos((Math.PI * i * (j + 0.5)) / filterCount)
  })
}
