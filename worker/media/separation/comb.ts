import type { FrameGrid } from './frame-grid.ts'

const TOP_HZ = 12_000
/** Teeth are this wide to either side: the main lobe of the window … */
const HALF_TOOTH_HZ = 27
/** … or this share of the harmonic's frequency, as a gliding voice smears its upper harmonics. */
const HALF_TOOTH_SHARE = 0.02
export const BETWEEN_TEETH = -1

/**
 * Harmonic comb: 1 on every harmonic of a fundamental, falling to 0 at the edges of its tooth, `BETWEEN_TEETH` elsewhere.
 *
 * @param fundamentalHz above 0
 */
export function writeComb(grid: FrameGrid, fundamentalHz: number, comb: Float32Array): void {
  comb.fill(BETWEEN_TEETH)
  const topHz = Math.min(TOP_HZ, grid.bins * grid.binHz)
  for (let hz = fundamentalHz; hz < topHz; hz += fundamentalHz) {
    const centre = hz / grid.binHz
    const halfWidth = Math.max(HALF_TOOTH_HZ, hz * HALF_TOOTH_SHARE) / grid.binHz
    const last = Math.min(grid.bins - 1, Math.floor(centre + halfWidth))
    for (let k = Math.max(0, Math.ceil(centre - halfWidth)); k <= last; k++) {
      const height = 1 - Math.abs(k - centre) / halfWidth
      if (height > comb[k]) comb[k] = height
    }
  }
}
