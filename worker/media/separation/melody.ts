import type { FrameGrid } from './frame-grid.ts'
import { fundamentalHz, type HarmonicTable, harmonicTable, STEPS, writeSaliences } from './salience.ts'
import { quickselect } from './select.ts'
import { floatRows, shortRows } from './sliding-rows.ts'

/** Saliences are measured against the third quartile of the loudest ones around: a voiced frame scores about 1. */
const UNVOICED_SCORE = 0.405
const COST_PER_STEP = 0.035
const LARGEST_GLIDE_STEPS = 8
const ONSET_COST = 0.5
const LEAP_COST = 1.2

const REFERENCE_SECONDS = 45
/** A path is settled once this much of what follows is known. */
const LOOKAHEAD_SECONDS = 3
const SEGMENT = 128
const UNVOICED = STEPS

/**
 * Tracks the predominant melody of a stream of frames: harmonic summation gives every fundamental a salience, Viterbi
 * search with an unvoiced state finds the path. Frames go in by `push` and come out, in order, by `next`, about
 * three quarters of a minute later.
 *
 * @see Salamon & Gómez, 2012, https://doi.org/10.1109/TASL.2012.2188515
 */
export class MelodyTracker {
  readonly #harmonics: HarmonicTable
  readonly #saliences = floatRows(STEPS)
  readonly #loudest = floatRows(1)
  readonly #origins = shortRows(STEPS + 1)
  readonly #referenceFrames: number
  readonly #lookaheadFrames: number
  #scores = new Float64Array(STEPS + 1)
  #nextScores = new Float64Array(STEPS + 1)
  #searched = 0
  #settled: number[] = []
  #done = 0
  #ended = false

  constructor(grid: FrameGrid) {
    const framesPerSecond = grid.sampleRateHz / grid.hop
    this.#harmonics = harmonicTable(grid)
    this.#referenceFrames = Math.round(REFERENCE_SECONDS * framesPerSecond)
    this.#lookaheadFrames = Math.round(LOOKAHEAD_SECONDS * framesPerSecond)
  }

  /** Takes the next frame: square roots of the magnitudes of the voice, as well as it is known so far. */
  push(rootMagnitudes: Float32Array): void {
    const at = this.#saliences.extend()
    const loudestAt = this.#loudest.extend()
    this.#loudest.data[loudestAt] = writeSaliences(this.#harmonics, rootMagnitudes, this.#saliences.data, at)
  }

  /** No more frames will come. */
  end(): void {
    this.#ended = true
  }

  /** The fundamental of the next frame in Hz, 0 where nobody sings, or `undefined` when it is not settled yet. */
  next(): number | undefined {
    while (this.#settled.length === 0 && this.#canSearch()) {
      this.#searchSegment()
      this.#settle()
    }
    const step = this.#settled.pop()
    if (step === undefined) return undefined
    this.#done++
    return step === UNVOICED ? 0 : fundamentalHz(step)
  }

  #canSearch(): boolean {
    const { count } = this.#saliences
    if (this.#ended) return this.#searched < count
    return count >= this.#searched + SEGMENT + this.#referenceFrames
  }

  #searchSegment(): void {
    const end = Math.min(this.#searched + SEGMENT, this.#saliences.count)
    const scale = 1 / this.#reference(this.#searched, end)
    for (; this.#searched < end; this.#searched++) this.#searchFrame(this.#searched, scale)
    this.#saliences.dropBefore(end)
    this.#loudest.dropBefore(end - this.#referenceFrames)
  }

  /** Third quartile of the frames' loudest saliences around a segment. */
  #reference(start: number, end: number): number {
    const from = Math.max(this.#loudest.first, start - this.#referenceFrames)
    const to = Math.min(this.#loudest.count, end + this.#referenceFrames)
    const values = this.#loudest.data.slice(this.#loudest.offset(from), this.#loudest.offset(to))
    return quickselect(values, values.length, Math.floor(values.length * 0.75)) + 1e-9
  }

  /** One step of the Viterbi search: for every state the best score that ends in it, and where that came from. */
  #searchFrame(frame: number, scale: number): void {
    const scores = this.#scores
    const next = this.#nextScores
    const originsAt = this.#origins.extend()
    const origins = this.#origins.data
    const salience = this.#saliences.data
    const salienceAt = this.#saliences.offset(frame)
    let best = 0
    for (let step = 1; step < STEPS; step++) if (scores[step] > scores[best]) best = step
    const afterLeap = scores[best] - LEAP_COST
    const afterSilence = scores[UNVOICED] - ONSET_COST
    const elsewhere = Math.max(afterLeap, afterSilence)
    const elsewhereOrigin = afterLeap > afterSilence ? best : UNVOICED
    for (let step = 0; step < STEPS; step++) {
      let score = elsewhere
      let origin = elsewhereOrigin
      const to = Math.min(STEPS - 1, step + LARGEST_GLIDE_STEPS)
      for (let from = Math.max(0, step - LARGEST_GLIDE_STEPS); from <= to; from++) {
        const glided = scores[from] - COST_PER_STEP * Math.abs(step - from)
        if (glided > score) {
          score = glided
          origin = from
        }
      }
      next[step] = score + salience[salienceAt + step] * scale
      origins[originsAt + step] = origin
    }
    const staysUnvoiced = scores[UNVOICED] >= scores[best] - ONSET_COST
    next[UNVOICED] = (staysUnvoiced ? scores[UNVOICED] : scores[best] - ONSET_COST) + UNVOICED_SCORE
    origins[originsAt + UNVOICED] = staysUnvoiced ? UNVOICED : best
    // Only differences matter: without this the sums would lose their precision over an hour.
    const drift = next[UNVOICED]
    for (let state = 0; state <= STEPS; state++) next[state] -= drift
    this.#scores = next
    this.#nextScores = scores
  }

  /** Follows the best path back and settles all of it but the last seconds (at the end: all). */
  #settle(): void {
    const settledEnd =
      this.#ended && this.#searched === this.#saliences.count ? this.#searched : this.#searched - this.#lookaheadFrames
    let state = 0
    for (let other = 1; other <= STEPS; other++) if (this.#scores[other] > this.#scores[state]) state = other
    for (let frame = this.#searched - 1; frame >= this.#done; frame--) {
      if (frame < settledEnd) this.#settled.push(state)
      state = this.#origins.data[this.#origins.offset(frame) + state]
    }
    this.#origins.dropBefore(settledEnd)
  }
}
