/** Samples looked at on either side of a point between samples. */
export const PEAK_REACH = 12
const OVERSAMPLING = 4
const TAPS = 2 * PEAK_REACH
const CHUNK = 4096

/** Interpolation filters for a quarter, half and three quarters of the way to the next sample. */
const PHASES: readonly Float64Array[] = Array.from({ length: OVERSAMPLING - 1 }, (_, i) =>
  interpolator((i + 1) / OVERSAMPLING),
)

/** No interpolated point exceeds the largest sample about it by more than this factor. */
const LARGEST_OVERSHOOT = Math.max(...PHASES.map((taps) => taps.reduce((sum, tap) => sum + Math.abs(tap), 0)))

/** True peak of sound with any number of channels, measured as it streams by. */
export class TruePeakMeter {
  readonly #planes: readonly Float32Array[]
  #peak = 0

  constructor(channels: number) {
    this.#planes = Array.from({ length: channels }, () => new Float32Array(TAPS + CHUNK))
  }

  /** Interleaved samples, any number of whole frames. */
  push(block: Float32Array): void {
    const channels = this.#planes.length
    const frames = block.length / channels
    for (let from = 0; from < frames; from += CHUNK) {
      const count = Math.min(CHUNK, frames - from)
      for (let channel = 0; channel < channels; channel++) this.#work(block, from * channels + channel, count, channel)
    }
  }

  /** The highest peak so far, dB above full scale; null for silence. Ends the sound. */
  finish(): number | null {
    this.push(new Float32Array(PEAK_REACH * this.#planes.length))
    return this.#peak > 0 ? 20 * Math.log10(this.#peak) : null
  }

  #work(block: Float32Array, from: number, count: number, channel: number): void {
    const plane = this.#planes[channel]
    for (let i = 0, at = from; i < count; i++, at += this.#planes.length) plane[TAPS + i] = block[at]
    const end = TAPS + count
    for (let centre = PEAK_REACH; centre < end - PEAK_REACH; centre += PEAK_REACH) {
      const until = Math.min(centre + PEAK_REACH, end - PEAK_REACH)
      if (!mayExceed(plane, centre, until, this.#peak)) continue
      for (let i = centre; i < until; i++) this.#peak = Math.max(this.#peak, peakAt(plane, i))
    }
    plane.copyWithin(0, count, end)
  }
}

/** Whether a peak at one of the samples `from` to `to`, or between them, can be above `level`: a cheap look before `peakAt`. */
export function mayExceed(samples: Float32Array, from: number, to: number, level: number): boolean {
  const threshold = level / LARGEST_OVERSHOOT
  for (let i = from - PEAK_REACH + 1; i < to + PEAK_REACH; i++) if (Math.abs(samples[i]) > threshold) return true
  return false
}

/**
 * The largest magnitude at sample `at` and at three points between it and the next, as a converter will play them.
 *
 * @param samples one channel; `at - PEAK_REACH + 1` to `at + PEAK_REACH` must lie within
 * @see ITU-R BS.1770-4, annex 2
 */
export function peakAt(samples: Float32Array, at: number): number {
  let peak = Math.abs(samples[at])
  for (let p = 0; p < PHASES.length; p++) {
    const taps = PHASES[p]
    let sum = 0
    for (let t = 0, from = at - PEAK_REACH + 1; t < TAPS; t++) sum += taps[t] * samples[from + t]
    const magnitude = Math.abs(sum)
    if (magnitude > peak) peak = magnitude
  }
  return peak
}

/** Windowed sinc (Kaiser, β = 6) that gives the value `fraction` of a sample after tap `PEAK_REACH - 1`; passes 0 Hz unchanged. */
function interpolator(fraction: number): Float64Array {
  const taps = Float64Array.from({ length: TAPS }, (_, t) => {
    const x = t - (PEAK_REACH - 1) - fraction
    const sinc = Math.sin(Math.PI * x) / (Math.PI * x)
    return sinc * bessel(6 * Math.sqrt(Math.max(0, 1 - (x / PEAK_REACH) ** 2)))
  })
  const sum = taps.reduce((a, b) => a + b, 0)
  return taps.map((tap) => tap / sum)
}

/** Modified Bessel function of the first kind, order 0 (not normalised: the interpolator is). */
function bessel(x: number): number {
  let term = 1
  let sum = 1
  for (let k = 1; k < 30; k++) {
    term *= (x / 2 / k) ** 2
    sum += term
  }
  return sum
}
