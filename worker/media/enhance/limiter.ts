import { mayExceed, PEAK_REACH, peakAt } from './true-peak.ts'

const LOOK_AHEAD_SECONDS = 0.005
const RELEASE_SECONDS = 0.12
/** A gain this near to 1 is 1 (0.001 dB). */
const RELEASED = 1e-4
/** Room for what the gain's own movement adds between samples. */
const MARGIN_DB = 0.1
/** Frames taken in at a time. */
const CHUNK = 4096

/**
 * Look-ahead true-peak limiter: peaks are measured between samples too, the gain is down before a peak arrives, comes back slowly, and
 * is the same for all channels. Sound below the ceiling passes bit for bit.
 *
 * The output is the input's length: `process` gives back less than it takes at first, `flush` gives the rest.
 */
export class Limiter {
  readonly #channels: number
  readonly #ceiling: number
  readonly #release: number
  readonly #lookAhead: number
  /** Frames by which the output lags. */
  readonly #latency: number
  /** Frames kept of what was worked on before, in front of the present ones in each plane. */
  readonly #history: number
  readonly #planes: readonly Float32Array[]
  /** Frames that came in, and that went out; the difference is at most `#latency`. */
  #taken = 0
  #given = 0
  readonly #minimum: SlidingMinimum
  readonly #smoothers: readonly [MovingMean, MovingMean]
  #held = 1

  constructor(options: { readonly sampleRateHz: number; readonly channels: number; readonly ceilingDb: number }) {
    const { sampleRateHz, channels, ceilingDb } = options
    this.#channels = channels
    this.#ceiling = 10 ** ((ceilingDb - MARGIN_DB) / 20)
    this.#release = 1 - Math.exp(-1 / (RELEASE_SECONDS * sampleRateHz))
    // Two means of half the length each see no further than the minimum holds.
    const half = Math.max(2, Math.round((LOOK_AHEAD_SECONDS * sampleRateHz) / 2))
    this.#lookAhead = 2 * half
    this.#latency = this.#lookAhead + PEAK_REACH
    this.#history = this.#latency + 2 * PEAK_REACH
    this.#planes = Array.from({ length: channels }, () => new Float32Array(this.#history + CHUNK))
    this.#minimum = new SlidingMinimum(this.#lookAhead + 1)
    this.#smoothers = [new MovingMean(half), new MovingMean(half)]
  }

  /** Interleaved in, interleaved out; the result is the caller's. */
  process(block: Float32Array): Float32Array {
    const frames = block.length / this.#channels
    const ready = Math.max(0, this.#taken + frames - this.#latency) - this.#given
    const out = new Float32Array(ready * this.#channels)
    let written = 0
    for (let from = 0; from < frames; from += CHUNK) {
      written += this.#work(block, from, Math.min(CHUNK, frames - from), out, written)
    }
    return out
  }

  flush(): Float32Array {
    return this.process(new Float32Array(this.#latency * this.#channels))
  }

  /** Takes `count` frames of `block` from `from` and writes what is ready behind `written` samples of `out`. */
  #work(block: Float32Array, from: number, count: number, out: Float32Array, written: number): number {
    const channels = this.#channels
    const history = this.#history
    const planes = this.#planes
    for (let channel = 0; channel < channels; channel++) {
      const plane = planes[channel]
      for (let i = 0, at = from * channels + channel; i < count; i++, at += channels) plane[history + i] = block[at]
    }
    const end = history + count
    // Centres before this are known to be far below the ceiling, or not; one look decides for a few of them.
    let decidedUntil = 0
    let isLoud = false
    let at = written
    for (let i = 0; i < count; i++) {
      // The newest frame whose neighbours on both sides are known.
      const centre = history + i - PEAK_REACH
      if (centre >= decidedUntil) {
        decidedUntil = Math.min(end, centre + 2 * PEAK_REACH) - PEAK_REACH
        isLoud = planes.some((plane) => mayExceed(plane, centre, decidedUntil, this.#ceiling))
      }
      let peak = 0
      if (isLoud)
        for (let channel = 0; channel < channels; channel++) peak = Math.max(peak, peakAt(planes[channel], centre))
      const gain = this.#nextGain(peak > this.#ceiling ? this.#ceiling / peak : 1)
      const source = history + i - this.#latency
      this.#taken++
      if (this.#taken <= this.#latency) continue
      for (let channel = 0; channel < channels; channel++) out[at++] = planes[channel][source] * gain
      this.#given++
    }
    for (const plane of planes) plane.copyWithin(0, count, end)
    return at - written
  }

  #nextGain(wanted: number): number {
    const lowest = this.#minimum.push(wanted)
    const risen = this.#held + (1 - this.#held) * this.#release
    this.#held = Math.min(lowest, risen > 1 - RELEASED ? 1 : risen)
    return this.#smoothers[1].push(this.#smoothers[0].push(this.#held))
  }
}

/** The least of the last `length` values, each found in constant time (a queue of values that still matter, growing). */
class SlidingMinimum {
  readonly #length: number
  readonly #values: Float64Array
  readonly #ages: Float64Array
  #head = 0
  #size = 0
  #now = 0

  constructor(length: number) {
    this.#length = length
    this.#values = new Float64Array(length + 1)
    this.#ages = new Float64Array(length + 1)
  }

  push(value: number): number {
    const capacity = this.#values.length
    if (this.#size > 0 && this.#ages[this.#head] <= this.#now - this.#length) {
      this.#head = (this.#head + 1) % capacity
      this.#size--
    }
    while (this.#size > 0 && this.#values[(this.#head + this.#size - 1) % capacity] >= value) this.#size--
    const tail = (this.#head + this.#size) % capacity
    this.#values[tail] = value
    this.#ages[tail] = this.#now++
    this.#size++
    return this.#values[this.#head]
  }
}

/** The mean of the last `length` values, which begin as 1. */
class MovingMean {
  readonly #values: Float64Array
  #at = 0
  #sum: number
  #belowOne = 0

  constructor(length: number) {
    this.#values = new Float64Array(length).fill(1)
    this.#sum = length
  }

  push(value: number): number {
    const values = this.#values
    const oldest = values[this.#at]
    values[this.#at] = value
    if (++this.#at === values.length) this.#at = 0
    this.#belowOne += (value < 1 ? 1 : 0) - (oldest < 1 ? 1 : 0)
    // Rounding errors of the running sum end with the limiting.
    this.#sum = this.#belowOne === 0 ? values.length : this.#sum + value - oldest
    return this.#sum / values.length
  }
}
