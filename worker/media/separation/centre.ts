import type { FrameGrid } from './frame-grid.ts'
import { byteRows, floatRows } from './sliding-rows.ts'

/**
 * How alike the first two channels are in every bin: 2 Re⟨L R*⟩ / ⟨|L|² + |R|²⟩, averaged over a frame and its two
 * neighbours, negative values as 0. A voice in the middle of the stereo image gives 1.
 * Kept in 256 steps, as the whole context is held.
 *
 * @see Avendano, 2003, https://doi.org/10.1109/ASPAA.2003.1285818
 */
export class CentreRows {
  readonly #bins: number
  readonly #powers
  readonly #crosses
  readonly #centres

  constructor(grid: FrameGrid) {
    this.#bins = grid.bins
    this.#powers = floatRows(grid.bins)
    this.#crosses = floatRows(grid.bins)
    this.#centres = byteRows(grid.bins)
  }

  /** Takes the next frame. */
  push(power: Float32Array, cross: Float32Array): void {
    const powerAt = this.#powers.extend()
    this.#powers.data.set(power, powerAt)
    const crossAt = this.#crosses.extend()
    this.#crosses.data.set(cross, crossAt)
    if (this.#powers.count > 1) this.#average()
  }

  /** No more frames will come. */
  end(): void {
    if (this.#centres.count < this.#powers.count) this.#average()
  }

  /** Writes a frame, 0 … 1 per bin, and forgets those before it. It is known once the next frame has been pushed. */
  read(frame: number, centre: Float32Array): void {
    const at = this.#centres.offset(frame)
    const { data } = this.#centres
    for (let k = 0; k < this.#bins; k++) centre[k] = data[at + k] / 255
    this.#centres.dropBefore(frame)
  }

  #average(): void {
    const frame = this.#centres.count
    const at = this.#centres.extend()
    const out = this.#centres.data
    const last = this.#powers.count - 1
    const powers = this.#powers.data
    const crosses = this.#crosses.data
    const middle = this.#powers.offset(frame)
    const before = this.#powers.offset(Math.max(0, frame - 1))
    const after = this.#powers.offset(Math.min(last, frame + 1))
    const hasBefore = frame > 0 ? 1 : 0
    const hasAfter = frame < last ? 1 : 0
    for (let k = 0; k < this.#bins; k++) {
      const power = powers[middle + k] + hasBefore * powers[before + k] + hasAfter * powers[after + k]
      const cross = crosses[middle + k] + hasBefore * crosses[before + k] + hasAfter * crosses[after + k]
      out[at + k] = cross > 0 ? Math.round((510 * cross) / (power + 1e-12)) : 0
    }
    this.#powers.dropBefore(frame)
    this.#crosses.dropBefore(frame)
  }
}
