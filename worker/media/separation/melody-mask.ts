import { BETWEEN_TEETH, writeComb } from './comb.ts'
import type { FrameGrid } from './frame-grid.ts'
import { type MaskFrame, type MaskModel, voiceMask } from './mask.ts'
import { MelodyTracker } from './melody.ts'
import { floatRows } from './sliding-rows.ts'

/**
 * Evidence in nats, added up as log-odds. The medians of neighbouring bins err together, so repetition counts by the square
 * root of its odds.
 */
const ON_HARMONIC = 2
const BETWEEN_HARMONICS = -2
const UNVOICED = -1
/** On a harmonic repetition is never certain: held and repeated notes of the voice look like background. */
const DOUBT_ON_HARMONIC = 0.05

/** Where it is measured how much of the voice the comb explains. */
const EXPLAINED_LOWEST_HZ = 150
const EXPLAINED_HIGHEST_HZ = 3000

/**
 * Voice = what does not repeat and follows the melody, which is tracked on repetition × centre³ × magnitudes.
 * A harmonic of the melody speaks for the voice. What lies between harmonics speaks against it, the more so the better the
 * comb explains what does not repeat: with a wrong fundamental, or in a consonant, it explains little and says little.
 */
export class MelodyMask implements MaskModel {
  readonly #grid: FrameGrid
  readonly #band: Float32Array
  readonly #tracker: MelodyTracker
  readonly #repetitions
  /** Of the mix, for the bins where the comb is judged. */
  readonly #magnitudes
  readonly #firstJudged: number
  readonly #roots: Float32Array
  readonly #comb: Float32Array
  #done = 0

  constructor(grid: FrameGrid) {
    this.#grid = grid
    this.#band = voiceMask(grid)
    this.#tracker = new MelodyTracker(grid)
    this.#firstJudged = Math.min(grid.bins - 1, Math.ceil(EXPLAINED_LOWEST_HZ / grid.binHz))
    const endJudged = Math.min(grid.bins, Math.ceil(EXPLAINED_HIGHEST_HZ / grid.binHz))
    this.#repetitions = floatRows(grid.bins)
    this.#magnitudes = floatRows(Math.max(1, endJudged - this.#firstJudged))
    this.#roots = new Float32Array(grid.bins)
    this.#comb = new Float32Array(grid.bins)
  }

  push({ repetition, magnitudes, centre }: MaskFrame): void {
    const at = this.#repetitions.extend()
    this.#repetitions.data.set(repetition, at)
    const judgedAt = this.#magnitudes.extend()
    const end = this.#firstJudged + this.#magnitudes.width
    this.#magnitudes.data.set(magnitudes.subarray(this.#firstJudged, end), judgedAt)
    for (let k = 0; k < this.#roots.length; k++) {
      this.#roots[k] = Math.sqrt(repetition[k] * centre[k] ** 3 * this.#band[k] * magnitudes[k])
    }
    this.#tracker.push(this.#roots)
  }

  end(): void {
    this.#tracker.end()
  }

  next(mask: Float32Array): boolean {
    const fundamentalHz = this.#tracker.next()
    if (fundamentalHz === undefined) return false
    const repetition = this.#repetitions.row(this.#done)
    if (fundamentalHz === 0) this.#maskUnvoiced(mask, repetition)
    else this.#maskVoiced(mask, repetition, fundamentalHz)
    this.#done++
    this.#repetitions.dropBefore(this.#done)
    this.#magnitudes.dropBefore(this.#done)
    return true
  }

  #maskUnvoiced(mask: Float32Array, repetition: Float32Array): void {
    const against = Math.exp(-UNVOICED)
    for (let k = 0; k < mask.length; k++) mask[k] = share(repetition[k], against, 0) * this.#band[k]
  }

  #maskVoiced(mask: Float32Array, repetition: Float32Array, fundamentalHz: number): void {
    const comb = this.#comb
    writeComb(this.#grid, fundamentalHz, comb)
    const between = Math.exp(-BETWEEN_HARMONICS * this.#explained(repetition))
    for (let k = 0; k < mask.length; k++) {
      const voice =
        comb[k] === BETWEEN_TEETH
          ? share(repetition[k], between, 0)
          : share(repetition[k], Math.exp(-ON_HARMONIC * comb[k]), DOUBT_ON_HARMONIC)
      mask[k] = voice * this.#band[k]
    }
  }

  /** The share of what does not repeat that lies on the teeth of the comb, 0 … 1. */
  #explained(repetition: Float32Array): number {
    const magnitudes = this.#magnitudes.row(this.#done)
    let onTeeth = 0
    let all = 1e-9
    for (let i = 0; i < magnitudes.length; i++) {
      const k = this.#firstJudged + i
      const value = repetition[k] * magnitudes[i]
      all += value
      if (this.#comb[k] !== BETWEEN_TEETH) onTeeth += value
    }
    return onTeeth / all
  }
}

/** The voice's share after further evidence: `against` multiplies the odds for the music, `doubt` keeps both from 0. */
function share(repetition: number, against: number, doubt: number): number {
  const voice = Math.sqrt(repetition + doubt)
  return voice / (voice + against * Math.sqrt(1 + doubt - repetition))
}
