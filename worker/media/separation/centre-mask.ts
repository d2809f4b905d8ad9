import type { FrameGrid } from './frame-grid.ts'
import { type MaskFrame, type MaskModel, voiceMask } from './mask.ts'
import { floatRows } from './sliding-rows.ts'

/**
 * Voice = what does not repeat and stands in the middle of the stereo image: repetition × centre³ × band.
 * Leaves less music than `MelodyMask` at the price of a thinner voice: for machines that listen, not for people.
 */
export class CentreMask implements MaskModel {
  readonly #band: Float32Array
  readonly #masks
  #done = 0

  constructor(grid: FrameGrid) {
    this.#band = voiceMask(grid)
    this.#masks = floatRows(grid.bins)
  }

  push({ repetition, centre }: MaskFrame): void {
    const at = this.#masks.extend()
    const masks = this.#masks.data
    const band = this.#band
    for (let k = 0; k < band.length; k++) masks[at + k] = repetition[k] * centre[k] ** 3 * band[k]
  }

  end(): void {}

  next(mask: Float32Array): boolean {
    if (this.#done === this.#masks.count) return false
    mask.set(this.#masks.row(this.#done))
    this.#masks.dropBefore(++this.#done)
    return true
  }
}
