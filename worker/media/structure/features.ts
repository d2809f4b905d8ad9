import { Fft } from '../fft.ts'
import { hann } from '../stft.ts'

/** The rate that features are read at: chords, timbre and drums are all there, and it is a quarter of the work. */
export const STRUCTURE_SAMPLE_RATE_HZ = 11_025
/** Seconds that one row of features stands for. */
export const STEP_SECONDS = 0.5
/** Seconds from one frame, and one value of `onsets`, to the next. */
export const FRAME_SECONDS = 1024 / STRUCTURE_SAMPLE_RATE_HZ

export const CHROMA = 12
export const TIMBRE = 12

/** What a song sounds like, step by step. */
export interface SongFeatures {
  /** Rows of features; row `i` covers `i · STEP_SECONDS` to `(i + 1) · STEP_SECONDS`. */
  readonly steps: number
  /** `steps × 12`, energy of each pitch class from C, each row of length 1 (0 for silence). */
  readonly chroma: Float32Array
  /** `steps × 12`, cepstrum of the logarithmic band energies without its mean: the colour of the sound, not its level. */
  readonly timbre: Float32Array
  /** Root mean square of each step, dB below full scale; -120 for silence. */
  readonly energyDb: Float32Array
  /** Onset strength (rise of the logarithmic spectrum) of each frame. */
  readonly onsets: Float32Array
  readonly durationSeconds: number
}

const SIZE = 2048
const HOP = 1024
const BINS = SIZE / 2 + 1
const BANDS = 24
const SILENCE_DB = -120
const FLOOR = 1e-6

/** Collects features from mono samples at `STRUCTURE_SAMPLE_RATE_HZ`, given in blocks of any length. Keeps nothing of the sound. */
export class FeatureStream {
  readonly #fft = new Fft(SIZE)
  readonly #window = hann(SIZE)
  readonly #re = new Float64Array(SIZE)
  readonly #im = new Float64Array(SIZE)
  readonly #power = new Float64Array(BINS)
  readonly #previousLog = new Float64Array(BANDS)
  readonly #pitchClasses = pitchClasses()
  readonly #bandEdges = bandEdges()
  readonly #bands = new Float64Array(BANDS)
  /** The last `SIZE` samples; frames are cut from it every `HOP`. */
  readonly #tail = new Float32Array(SIZE)
  #untilFrame = HOP
  #samples = 0
  #frames = 0
  #framesInStep = 0
  readonly #stepChroma = new Float64Array(CHROMA)
  readonly #stepBands = new Float64Array(BANDS)
  #stepEnergy = 0
  #samplesInStep = 0
  readonly #chroma: number[] = []
  readonly #timbre: number[] = []
  readonly #energyDb: number[] = []
  readonly #onsets: number[] = []

  push(block: Float32Array): void {
    const stepSamples = STEP_SECONDS * STRUCTURE_SAMPLE_RATE_HZ
    let offset = 0
    while (offset < block.length) {
      const untilStep = Math.ceil((this.#energyDb.length + 1) * stepSamples) - this.#samples
      const count = Math.min(block.length - offset, this.#untilFrame, untilStep)
      this.#take(block, offset, count)
      offset += count
      if (this.#untilFrame === 0) this.#readFrame()
      if (count === untilStep) this.#closeStep()
    }
  }

  /** Ends the sound; a last step of less than half the length is left out, unless it is the only one. */
  finish(): SongFeatures {
    const isWorthAStep = this.#samplesInStep > (STEP_SECONDS * STRUCTURE_SAMPLE_RATE_HZ) / 2
    if (isWorthAStep || (this.#energyDb.length === 0 && this.#samplesInStep > 0)) this.#closeStep()
    return {
      steps: this.#energyDb.length,
      chroma: Float32Array.from(this.#chroma),
      timbre: Float32Array.from(this.#timbre),
      energyDb: Float32Array.from(this.#energyDb),
      onsets: Float32Array.from(this.#onsets),
      durationSeconds: this.#samples / STRUCTURE_SAMPLE_RATE_HZ,
    }
  }

  #take(block: Float32Array, offset: number, count: number): void {
    const tail = this.#tail
    tail.copyWithin(0, count)
    for (let i = 0, to = SIZE - count; i < count; i++, to++) {
      // A file of floating-point samples may hold anything.
      const sample = Number.isFinite(block[offset + i]) ? block[offset + i] : 0
      tail[to] = sample
      this.#stepEnergy += sample * sample
    }
    this.#samples += count
    this.#samplesInStep += count
    this.#untilFrame -= count
  }

  #readFrame(): void {
    this.#untilFrame = HOP
    const re = this.#re
    const im = this.#im
    for (let i = 0; i < SIZE; i++) {
      re[i] = this.#tail[i] * this.#window[i]
      im[i] = 0
    }
    this.#fft.forward(re, im)
    const power = this.#power
    for (let k = 0; k < BINS; k++) power[k] = (re[k] * re[k] + im[k] * im[k]) / SIZE
    for (let k = 0; k < BINS; k++) {
      const pitchClass = this.#pitchClasses[k]
      if (pitchClass >= 0) this.#stepChroma[pitchClass] += Math.sqrt(power[k])
    }
    let rise = 0
    for (let b = 0; b < BANDS; b++) {
      let sum = 0
      for (let k = this.#bandEdges[b]; k < this.#bandEdges[b + 1]; k++) sum += power[k]
      const log = Math.log(sum + FLOOR)
      if (this.#frames > 0) rise += Math.max(0, log - this.#previousLog[b])
      this.#previousLog[b] = log
      this.#stepBands[b] += log
    }
    this.#onsets.push(rise)
    this.#frames++
    this.#framesInStep++
  }

  #closeStep(): void {
    // The only step of a sound shorter than a frame.
    if (this.#framesInStep === 0) this.#readFrame()
    let norm = 0
    for (const value of this.#stepChroma) norm += value * value
    norm = Math.sqrt(norm)
    for (const value of this.#stepChroma) this.#chroma.push(norm > FLOOR ? value / norm : 0)
    for (let b = 0; b < BANDS; b++) this.#bands[b] = this.#stepBands[b] / this.#framesInStep
    for (let c = 1; c <= TIMBRE; c++) this.#timbre.push(cosine(this.#bands, c))
    const meanSquare = this.#stepEnergy / this.#samplesInStep
    this.#energyDb.push(meanSquare > 1e-12 ? 10 * Math.log10(meanSquare) : SILENCE_DB)
    this.#stepChroma.fill(0)
    this.#stepBands.fill(0)
    this.#stepEnergy = 0
    this.#samplesInStep = 0
    this.#framesInStep = 0
  }
}

/** Coefficient `c` of the type-II cosine transform. */
function cosine(values: Float64Array, c: number): number {
  let sum = 0
  for (let b = 0; b < values.length; b++) sum += values[b] * Math.cos((Math.PI * c * (b + 0.5)) / values.length)
  return sum / values.length
}

/** The pitch class of each bin from 65 Hz (C2) to 2,100 Hz (C7), -1 outside. */
function pitchClasses(): Int8Array {
  return Int8Array.from({ length: BINS }, (_, k) => {
    const hz = (k * STRUCTURE_SAMPLE_RATE_HZ) / SIZE
    if (hz < 65 || hz > 2_100) return -1
    const midi = Math.round(69 + 12 * Math.log2(hz / 440))
    return midi % 12
  })
}

/** Bands from 40 Hz to 5 kHz, equally wide by ear (mel). */
function bandEdges(): Int32Array {
  const mel = (hz: number) => 1127 * Math.log(1 + hz / 700)
  const hzOf = (value: number) => 700 * (Math.exp(value / 1127) - 1)
  const edges = Int32Array.from({ length: BANDS + 1 }, (_, b) => {
    const hz = hzOf(mel(40) + ((mel(5_000) - mel(40)) * b) / BANDS)
    return Math.round((hz * SIZE) / STRUCTURE_SAMPLE_RATE_HZ)
  })
  for (let b = 1; b <= BANDS; b++) edges[b] = Math.max(edges[b], edges[b - 1] + 1)
  return edges
}
