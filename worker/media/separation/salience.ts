import type { FrameGrid } from './frame-grid.ts'

/** The range of sung fundamentals, in 60 steps per octave. */
const LOWEST_HZ = 90
const HIGHEST_HZ = 900
const STEPS_PER_OCTAVE = 60
/** Fundamentals looked at. */
export const STEPS = Math.floor(Math.log2(HIGHEST_HZ / LOWEST_HZ) * STEPS_PER_OCTAVE) + 1
const HARMONICS = 14
const HARMONICS_TOP_HZ = 6000
const HARMONIC_DECAY = 0.86
/** What lies halfway between two harmonics counts against the fundamental: it keeps sub-octaves down. */
const BETWEEN_HARMONICS = 0.6

/** @param step 0 … `STEPS` − 1 */
export function fundamentalHz(step: number): number {
  return LOWEST_HZ * 2 ** (step / STEPS_PER_OCTAVE)
}

/** For every fundamental, where its harmonics (and the points halfway before them) lie between two bins, and their weights. */
export interface HarmonicTable {
  readonly starts: Uint32Array
  readonly bins: Uint32Array
  readonly fractions: Float64Array
  readonly weights: Float64Array
}

export function harmonicTable(grid: FrameGrid): HarmonicTable {
  const bins: number[] = []
  const fractions: number[] = []
  const weights: number[] = []
  const starts = [0]
  const add = (hz: number, weight: number) => {
    const position = hz / grid.binHz
    if (Math.floor(position) + 1 >= grid.bins) return
    bins.push(Math.floor(position))
    fractions.push(position - Math.floor(position))
    weights.push(weight)
  }
  for (let step = 0; step < STEPS; step++) {
    const hz = fundamentalHz(step)
    for (let harmonic = 1; harmonic <= HARMONICS && harmonic * hz < HARMONICS_TOP_HZ; harmonic++) {
      const weight = HARMONIC_DECAY ** (harmonic - 1)
      add(harmonic * hz, weight)
      add((harmonic - 0.5) * hz, -BETWEEN_HARMONICS * weight)
    }
    starts.push(bins.length)
  }
  return {
    starts: Uint32Array.from(starts),
    bins: Uint32Array.from(bins),
    fractions: Float64Array.from(fractions),
    weights: Float64Array.from(weights),
  }
}

/**
 * Harmonic summation: writes the salience of every fundamental to `out` from `at` and returns the loudest.
 *
 * @see Hermes, 1988, https://doi.org/10.1121/1.396427
 */
export function writeSaliences(
  table: HarmonicTable,
  rootMagnitudes: Float32Array,
  out: Float32Array,
  at: number,
): number {
  const { starts, bins, fractions, weights } = table
  let loudest = 0
  for (let step = 0; step < STEPS; step++) {
    let sum = 0
    for (let i = starts[step]; i < starts[step + 1]; i++) {
      const low = rootMagnitudes[bins[i]]
      sum += weights[i] * (low + fractions[i] * (rootMagnitudes[bins[i] + 1] - low))
    }
    const salience = Math.max(0, sum)
    out[at + step] = salience
    if (salience > loudest) loudest = salience
  }
  return loudest
}
