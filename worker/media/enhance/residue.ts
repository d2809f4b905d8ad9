import { setImmediate } from 'node:timers/promises'
import { MiddleSide } from './middle-side.ts'
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
  readonly #spectrum: MiddleSide
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
    this.#spectrum = new MiddleSide(this.#size, this.#lowestBin, this.#bins)
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
      // Every frame that reads or changes these samples has done so.
      this.#apply(instrumental, frame - DELAY)
    }
  }

  #start(frame: number): number {
    return (frame - OVERLAP + 1) * this.#hop
  }

  #read(instrumental: readonly Float32Array[], vocals: readonly Float32Array[], frame: number): void {
    const row = this.#rows[frame % ROWS]
    const { power, voicePower } = row
    const spectrum = this.#spectrum
    if (spectrum.transform(vocals, this.#start(frame))) {
      spectrum.unpack((k, middleRe, middleIm, sideRe, sideIm) => {
        voicePower[0][k] = middleRe * middleRe + middleIm * middleIm
        voicePower[1][k] = sideRe * sideRe + sideIm * sideIm
      })
      row.voice = this.#voiceOf(row)
    } else row.voice = 0
    if (row.voice === 0) for (const part of voicePower) part.fill(0)
    if (spectrum.transform(instrumental, this.#start(frame))) {
      const { re, im } = row
      spectrum.unpack((k, middleRe, middleIm, sideRe, sideIm) => {
        re[0][k] = middleRe
        im[0][k] = middleIm
        re[1][k] = sideRe
        im[1][k] = sideIm
        power[0][k] = middleRe * middleRe + middleIm * middleIm
        power[1][k] = sideRe * sideRe + sideIm * sideIm
      })
    } else for (const part of [...row.re, ...row.im, ...power]) part.fill(0)
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
    const row = this.#rows[frame % ROWS]
    const spectrum = this.#spectrum
    spectrum.clear()
    let isChanged = false
    for (let part = 0; part < channels; part++) {
      const gain = this.#averageGain(frame, part)
      const re = row.re[part]
      const im = row.im[part]
      for (let k = 0; k < this.#bins; k++) {
        const loss = gain[k] - 1
        if (loss > -1e-9) continue
        isChanged = true
        spectrum.add(part, k, loss * re[k], loss * im[k])
      }
    }
    if (!isChanged) return
    const [left, right] = this.#change
    spectrum.addFrame(left, right, (frame * this.#hop) % left.length, 2 / OVERLAP)
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
