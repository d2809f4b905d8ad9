import { setImmediate } from 'node:timers/promises'
import { Fft } from '../fft.ts'
import { sqrtHann } from '../stft.ts'
import { residueGain, smoothAcross } from './residue-gain.ts'

/** Frames overlap by three quarters. */
const OVERLAP = 4
/** Below this level (of a frame's voice band) nobody sings, and nothing is changed; this much above it counts as singing. */
const SILENT_DB = -60
const SILENT_RANGE_DB = 6
const LOWEST_HZ = 150
const HIGHEST_HZ = 10_000
/** Frames on each side that a frame's own power is averaged with, and that its gain is. */
const POWER_REACH = 1
const GAIN_REACH = 2
const DELAY = POWER_REACH + GAIN_REACH
/** Frames kept of what is under way; more than any reach needs. */
const ROWS = 8
/** Weights of the gains of a frame and its neighbours. */
const GAIN_TAPER = [1, 2, 3, 2, 1].map((weight) => weight / 9)
/** Frames between looks at the signal. */
const BREATHER = 128

type Pair = readonly [Float64Array, Float64Array]

/** One frame: what was found in the voice band, of the middle and of the side of the stereo image. */
interface Row {
  readonly re: Pair
  readonly im: Pair
  readonly power: Pair
  readonly voicePower: Pair
  readonly gain: Pair
  /** 0 where nobody sings … 1. */
  voice: number
}

/** Samples from one frame to the next; chunks that begin at multiples of it are treated alike where they overlap. */
export function residueHop(sampleRateHz: number): number {
  return frameSize(sampleRateHz) / OVERLAP
}

/** Samples at a chunk's beginning and end whose treatment lacks the sound beyond it. */
export function residueContext(sampleRateHz: number): number {
  return frameSize(sampleRateHz) + (DELAY + 1) * residueHop(sampleRateHz)
}

/**
 * Lowers what is left of the voice in an instrumental: each point in time and frequency is turned down as far as the separated voice
 * outweighs the instrumental there (`residueGain`), in the middle of the stereo image more than at its sides, smoothed so that
 * neither pumping nor single tones come of it. Where nobody sings the samples stay as they are, bit for bit.
 */
export class ResidueFilter {
  readonly #size: number
  readonly #hop: number
  readonly #lowestBin: number
  readonly #bins: number
  readonly #window: Float64Array
  readonly #fft: Fft
  readonly #re: Float64Array
  readonly #im: Float64Array
  readonly #smoothed: Float64Array
  #rows: Row[] = []
  /** What is to be added to the samples, as a ring: frames to come still read the samples as they were. */
  readonly #change: Pair

  constructor(sampleRateHz: number) {
    this.#size = frameSize(sampleRateHz)
    this.#hop = residueHop(sampleRateHz)
    this.#lowestBin = Math.max(1, Math.floor((LOWEST_HZ * this.#size) / sampleRateHz))
    const highestBin = Math.min(this.#size / 2 - 1, Math.ceil((HIGHEST_HZ * this.#size) / sampleRateHz))
    this.#bins = highestBin - this.#lowestBin + 1
    this.#window = sqrtHann(this.#size)
    this.#fft = new Fft(this.#size)
    this.#re = new Float64Array(this.#size)
    this.#im = new Float64Array(this.#size)
    this.#smoothed = new Float64Array(this.#bins)
    this.#change = pair(2 * ROWS * this.#hop)
  }

  /**
   * @param instrumental one or two channels of samples; changed in place
   * @param vocals the same channels of the separated voice, of the same length
   */
  async run(
    instrumental: readonly Float32Array[],
    vocals: readonly Float32Array[],
    signal: AbortSignal,
  ): Promise<void> {
    const length = instrumental[0].length
    const frames = Math.ceil(length / this.#hop) + OVERLAP - 1
    const channels = instrumental.length
    this.#rows = Array.from({ length: ROWS }, () => makeRow(this.#bins))
    for (const ring of this.#change) ring.fill(0)
    for (let frame = 0; frame < frames + DELAY; frame++) {
      if (frame % BREATHER === 0) {
        await setImmediate()
        signal.throwIfAborted()
      }
      this.#read(instrumental, vocals, frame)
      if (frame >= POWER_REACH) this.#decide(frame - POWER_REACH, channels)
      if (frame < DELAY) continue
      this.#takeOff(frame - DELAY, channels)
      // No later frame changes these samples; that none reads them any more is seen to by the ring's delay.
      this.#apply(instrumental, frame - DELAY)
    }
  }

  #start(frame: number): number {
    return (frame - OVERLAP + 1) * this.#hop
  }

  #read(instrumental: readonly Float32Array[], vocals: readonly Float32Array[], frame: number): void {
    const row = this.#rows[frame % ROWS]
    const { power, voicePower } = row
    if (this.#transform(vocals, frame)) {
      this.#unpack((k, middleRe, middleIm, sideRe, sideIm) => {
        voicePower[0][k] = middleRe * middleRe + middleIm * middleIm
        voicePower[1][k] = sideRe * sideRe + sideIm * sideIm
      })
      row.voice = this.#voiceOf(row)
    } else row.voice = 0
    if (row.voice === 0) for (const part of voicePower) part.fill(0)
    if (this.#transform(instrumental, frame)) {
      const { re, im } = row
      this.#unpack((k, middleRe, middleIm, sideRe, sideIm) => {
        re[0][k] = middleRe
        im[0][k] = middleIm
        re[1][k] = sideRe
        im[1][k] = sideIm
        power[0][k] = middleRe * middleRe + middleIm * middleIm
        power[1][k] = sideRe * sideRe + sideIm * sideIm
      })
    } else for (const part of [...row.re, ...row.im, ...power]) part.fill(0)
  }

  /** Spectrum of middle (as real part) and side (as imaginary part) of a frame; false, and nothing done, where it is silent. */
  #transform(source: readonly Float32Array[], frame: number): boolean {
    const re = this.#re
    const im = this.#im
    const window = this.#window
    const left = source[0]
    const right = source[source.length - 1]
    const start = this.#start(frame)
    const from = Math.max(0, -start)
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

  /** The two real signals' bins of a spectrum that holds one as real and one as imaginary part. */
  #unpack(use: (k: number, middleRe: number, middleIm: number, sideRe: number, sideIm: number) => void): void {
    const re = this.#re
    const im = this.#im
    for (let k = 0, up = this.#lowestBin, down = this.#size - up; k < this.#bins; k++, up++, down--) {
      use(k, (re[up] + re[down]) / 2, (im[up] - im[down]) / 2, (im[up] + im[down]) / 2, (re[down] - re[up]) / 2)
    }
  }

  #voiceOf(row: Row): number {
    let power = 0
    for (const part of row.voicePower) for (let k = 0; k < part.length; k++) power += part[k]
    // Parseval: both halves of the spectrum, a window of mean square one half.
    const levelDb = 10 * Math.log10((4 * power) / (this.#size * this.#size) + 1e-20)
    return Math.min(1, Math.max(0, (levelDb - SILENT_DB) / SILENT_RANGE_DB))
  }

  #decide(frame: number, channels: number): void {
    const own = this.#rows[frame % ROWS]
    const before = this.#rows[(frame + ROWS - 1) % ROWS]
    const after = this.#rows[(frame + 1) % ROWS]
    for (let part = 0; part < channels; part++) {
      residueGain([before, own, after], part, own.gain[part])
      smoothAcross(own.gain[part], this.#lowestBin, this.#smoothed)
    }
  }

  /** Adds to the ring what a frame loses. */
  #takeOff(frame: number, channels: number): void {
    const re = this.#re
    const im = this.#im
    re.fill(0)
    im.fill(0)
    const row = this.#rows[frame % ROWS]
    let isChanged = false
    for (let part = 0; part < channels; part++) {
      const gain = this.#averageGain(frame, part)
      for (let k = 0, up = this.#lowestBin, down = this.#size - up; k < this.#bins; k++, up++, down--) {
        const loss = gain[k] - 1
        if (loss > -1e-9) continue
        isChanged = true
        const lostRe = loss * row.re[part][k]
        const lostIm = loss * row.im[part][k]
        // The middle goes back into the real part, the side into the imaginary one.
        re[up] += part === 0 ? lostRe : -lostIm
        im[up] += part === 0 ? lostIm : lostRe
        re[down] += part === 0 ? lostRe : lostIm
        im[down] += part === 0 ? -lostIm : lostRe
      }
    }
    if (!isChanged) return
    this.#fft.inverse(re, im)
    const [left, right] = this.#change
    const ring = left.length
    const offset = (frame * this.#hop) % ring
    const scale = 2 / OVERLAP
    for (let i = 0; i < this.#size; i++) {
      const at = (offset + i) % ring
      const weight = this.#window[i] * scale
      left[at] += (re[i] + im[i]) * weight
      right[at] += (re[i] - im[i]) * weight
    }
  }

  #averageGain(frame: number, part: number): Float64Array {
    const smoothed = this.#smoothed.fill(0)
    for (let reach = -GAIN_REACH; reach <= GAIN_REACH; reach++) {
      const gain = this.#rows[(frame + reach + ROWS) % ROWS].gain[part]
      const weight = GAIN_TAPER[reach + GAIN_REACH]
      for (let k = 0; k < smoothed.length; k++) smoothed[k] += weight * gain[k]
    }
    return smoothed
  }

  /** Changes the samples that have had the last frame of all that touch them, `frame`; frames to come start behind them. */
  #apply(instrumental: readonly Float32Array[], frame: number): void {
    const start = this.#start(frame)
    const ring = this.#change[0].length
    for (const [channel, samples] of instrumental.entries()) {
      const change = this.#change[channel]
      for (let i = 0, at = (frame * this.#hop) % ring; i < this.#hop; i++, at++) {
        const sample = start + i
        if (change[at] !== 0 && sample >= 0 && sample < samples.length) samples[sample] += change[at]
      }
    }
    for (const change of this.#change)
      change.fill(0, (frame * this.#hop) % ring, ((frame * this.#hop) % ring) + this.#hop)
  }
}

/** About 93 ms at any rate: long enough to part the voice's harmonics. */
function frameSize(sampleRateHz: number): number {
  return 2 ** Math.round(Math.log2(0.093 * sampleRateHz))
}

function pair(length: number): Pair {
  return [new Float64Array(length), new Float64Array(length)]
}

function makeRow(bins: number): Row {
  const gain = pair(bins)
  for (const part of gain) part.fill(1)
  return { re: pair(bins), im: pair(bins), power: pair(bins), voicePower: pair(bins), gain, voice: 0 }
}
