import type { FrameGrid } from './frame-grid.ts'
import type { Band } from './mask.ts'
import { quickselect } from './select.ts'
import { SimilarFrames } from './similar-frames.ts'
import { floatRows } from './sliding-rows.ts'

/** The background of a frame is the median over itself and its repetitions: at most this many frames. */
const FRAMES_COMPARED = 25
/** With fewer frames a median says nothing: voice and background count as equally likely. */
const FEWEST_FRAMES = 3
const CONTEXT_SECONDS = 150

/**
 * REPET-SIM over a sliding context: what repeats is background. The bin-wise median over the most similar frames of the
 * surrounding music estimates the background, and what stands above it is the voice. Frames go in by `push` and come out,
 * in order, by `next` once the music after them is known; time and memory per second do not grow with the length,
 * and there are no seams.
 *
 * @see Rafii & Pardo, 2012, "Music/voice separation using the similarity matrix", ISMIR
 */
export class RepetSim {
  readonly #firstBin: number
  readonly #endBin: number
  readonly #similar: SimilarFrames
  readonly #magnitudes
  readonly #chosen = new Int32Array(FRAMES_COMPARED)
  readonly #tile: Float32Array
  readonly #below = new Float32Array(FRAMES_COMPARED)
  #done = 0

  /**
   * @param band frames are compared over all bins of the grid, but voice is looked for between these frequencies only
   * @param contextSeconds the music that a frame is compared with, half of it before and half after
   */
  constructor(grid: FrameGrid, band: Band, contextSeconds = CONTEXT_SECONDS) {
    this.#firstBin = Math.min(grid.bins - 1, Math.floor(band.lowestHz / grid.binHz))
    this.#endBin = Math.min(grid.bins, Math.ceil(band.highestHz / grid.binHz) + 1)
    const width = this.#endBin - this.#firstBin
    this.#similar = new SimilarFrames(grid, contextSeconds)
    this.#magnitudes = floatRows(width)
    this.#tile = new Float32Array(FRAMES_COMPARED * width)
  }

  /** Takes the magnitudes of the next frame (copied). */
  push(magnitudes: Float32Array): void {
    this.#similar.push(magnitudes)
    const at = this.#magnitudes.extend()
    this.#magnitudes.data.set(magnitudes.subarray(this.#firstBin, this.#endBin), at)
  }

  /** No more frames will come. */
  end(): void {
    this.#similar.end()
  }

  /**
   * Writes the voice's share (0 … 1) of every bin of the next frame into `share` and its magnitudes into `magnitudes`;
   * outside the band both are 0.
   *
   * @returns false when the frames pushed so far do not suffice
   */
  next(share: Float32Array, magnitudes: Float32Array): boolean {
    const frame = this.#done
    if (!this.#similar.isReady(frame)) return false
    const count = this.#similar.find(frame, this.#chosen)
    this.#magnitudes.dropBefore(Math.min(frame, this.#similar.first))
    const { width } = this.#magnitudes
    for (let i = 0; i < count; i++) this.#tile.set(this.#magnitudes.row(this.#chosen[i]), i * width)
    magnitudes.fill(0)
    magnitudes.set(this.#tile.subarray(0, width), this.#firstBin)
    share.fill(0)
    if (count < FEWEST_FRAMES) share.fill(0.5, this.#firstBin, this.#endBin)
    else this.#shareAboveMedian(share.subarray(this.#firstBin, this.#endBin), count)
    this.#done++
    return true
  }

  #shareAboveMedian(share: Float32Array, count: number): void {
    const { width } = this.#magnitudes
    const tile = this.#tile
    const below = this.#below
    const rank = count >> 1
    for (let k = 0; k < width; k++) {
      const value = tile[k]
      let smaller = 0
      for (let i = 1, at = width + k; i < count; i++, at += width) {
        below[smaller] = tile[at]
        if (tile[at] < value) smaller++
      }
      // The median is below the value only when more than `rank` numbers are; else nothing stands above the background.
      if (smaller <= rank) continue
      const background = quickselect(below, smaller, rank)
      const voice = value - background
      share[k] = (voice * voice) / (voice * voice + background * background + 1e-12)
    }
  }
}
