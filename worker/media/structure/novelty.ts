import { CHROMA, type SongFeatures, STEP_SECONDS, TIMBRE } from './features.ts'

/** How far to either side of a moment the sound is compared. */
const KERNEL_SECONDS = 9
/** Below the loud steps by this, all levels count as one. */
const LEVEL_RANGE_DB = 12
/** Features are averaged over this, about two bars. */
const SMOOTH_SECONDS = 4
/** No section is shorter, save in a sound that is itself. */
const SHORTEST_SECONDS = 6
/** A boundary's peak stands out by this; a change from one sound to an unrelated one reaches about 1. */
const PROMINENCE = 0.06

/** One row per step that weighs chords, colour and level against each other; rows lie `dimensions` apart. */
export interface Rows {
  readonly steps: number
  readonly dimensions: number
  readonly values: Float32Array
}

/** Features with each dimension at mean 0; chords, colour and level have the same say, however many numbers they take. */
export function weighFeatures(features: SongFeatures): Rows {
  const { steps } = features
  const dimensions = CHROMA + TIMBRE + 1
  const values = new Float32Array(steps * dimensions)
  const copy = (source: Float32Array, width: number, at: number, weight: number, floor: number) => {
    for (let d = 0; d < width; d++) {
      let mean = 0
      for (let t = 0; t < steps; t++) mean += source[t * width + d] / steps
      let variance = 0
      for (let t = 0; t < steps; t++) variance += (source[t * width + d] - mean) ** 2 / steps
      // Differences too small to hear are not blown up.
      const scale = weight / Math.sqrt(width) / Math.max(Math.sqrt(variance), floor)
      for (let t = 0; t < steps; t++) values[t * dimensions + at + d] = (source[t * width + d] - mean) * scale
    }
  }
  copy(features.chroma, CHROMA, 0, 1, 0.02)
  copy(features.timbre, TIMBRE, CHROMA, 1, 0.02)
  const loudDb = quantile(features.energyDb, 0.9)
  // A fade-out is one change, not the greatest of the song.
  copy(
    features.energyDb.map((db) => Math.max(db, loudDb - LEVEL_RANGE_DB)),
    1,
    CHROMA + TIMBRE,
    0.4,
    1,
  )
  return { steps, dimensions, values: smooth(values, steps, dimensions) }
}

/** Each row becomes the mean of the rows about it, so that a section's chords become one colour. */
function smooth(values: Float32Array, steps: number, dimensions: number): Float32Array {
  const reach = Math.round(SMOOTH_SECONDS / STEP_SECONDS / 2)
  const out = new Float32Array(values.length)
  for (let t = 0; t < steps; t++) {
    const from = Math.max(0, t - reach)
    const to = Math.min(steps - 1, t + reach)
    for (let d = 0; d < dimensions; d++) {
      let sum = 0
      for (let u = from; u <= to; u++) sum += values[u * dimensions + d]
      out[t * dimensions + d] = sum / (to - from + 1)
    }
  }
  return out
}

function quantile(values: Float32Array, share: number): number {
  return Float32Array.from(values).sort()[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0
}

/** Mean squared length of the rows, whose mean is 0. */
export function totalVariance({ steps, values }: Rows): number {
  let sum = 0
  for (const value of values) sum += value * value
  return Math.max(sum / Math.max(1, steps), 1e-9)
}

/**
 * How much the sound changes at the beginning of each step: a checkerboard moved along the diagonal of the self-similarity.
 * Each half is alike in itself and unlike the other where a section ends.
 *
 * @returns `steps` values of at least 0
 * @see Foote, 2000, https://doi.org/10.1109/ICME.2000.869637
 */
export function noveltyCurve(rows: Rows): Float32Array {
  const { steps, dimensions, values } = rows
  const half = Math.max(2, Math.min(Math.round(KERNEL_SECONDS / STEP_SECONDS), Math.floor(steps / 4)))
  const width = 2 * half
  // Row `t` holds the likeness of step t to steps t … t + width - 1.
  const alike = new Float32Array(steps * width)
  const variance = totalVariance(rows)
  for (let t = 0; t < steps; t++) {
    for (let lag = 0; lag < width && t + lag < steps; lag++) {
      alike[t * width + lag] = likeness(values, t * dimensions, (t + lag) * dimensions, dimensions, variance)
    }
  }
  const taper = Float64Array.from({ length: half }, (_, i) => Math.exp(-0.5 * ((i + 0.5) / (0.5 * half)) ** 2))
  const novelty = new Float32Array(steps)
  for (let t = 1; t < steps; t++) {
    let sum = 0
    let weightSum = 0
    for (let a = 0; a < half; a++) {
      for (let b = 0; b < half; b++) {
        const weight = taper[a] * taper[b]
        const before = pairOf(alike, width, t - 1 - a, t - 1 - b, steps)
        const after = pairOf(alike, width, t + a, t + b, steps)
        const across = pairOf(alike, width, t - 1 - a, t + b, steps)
        if (Number.isNaN(before + after + across)) continue
        sum += weight * (before + after - 2 * across)
        weightSum += weight
      }
    }
    if (weightSum > 0) novelty[t] = Math.max(0, sum / weightSum)
  }
  return novelty
}

/** Steps at which sections begin, in order, without 0: the peaks that stand out, no two closer than the shortest section. */
export function findBoundaries(novelty: Float32Array): number[] {
  const steps = novelty.length
  const apart = Math.round(SHORTEST_SECONDS / STEP_SECONDS)
  const peaks: number[] = []
  for (let t = apart; t <= steps - apart; t++) {
    if (novelty[t] >= novelty[t - 1] && novelty[t] > novelty[t + 1] && prominence(novelty, t) >= PROMINENCE)
      peaks.push(t)
  }
  const kept: number[] = []
  for (const peak of peaks.sort((a, b) => novelty[b] - novelty[a] || a - b)) {
    if (kept.every((other) => Math.abs(other - peak) >= apart)) kept.push(peak)
  }
  return kept.sort((a, b) => a - b)
}

/** How far one must go down from a peak, on both sides, before the curve rises above it (or ends). */
function prominence(curve: Float32Array, peak: number): number {
  const descent = (step: 1 | -1) => {
    let lowest = curve[peak]
    for (let t = peak + step; t >= 0 && t < curve.length && curve[t] <= curve[peak]; t += step)
      lowest = Math.min(lowest, curve[t])
    return curve[peak] - lowest
  }
  return Math.min(descent(-1), descent(1))
}

function pairOf(alike: Float32Array, width: number, a: number, b: number, steps: number): number {
  if (a < 0 || b < 0 || a >= steps || b >= steps) return Number.NaN
  return a <= b ? alike[a * width + b - a] : alike[b * width + a - b]
}

/** 1 for equal rows, falling to 0 with their distance; rows at the mean distance of the song have 0.6. */
function likeness(values: Float32Array, a: number, b: number, dimensions: number, variance: number): number {
  let distance = 0
  for (let d = 0; d < dimensions; d++) {
    const difference = values[a + d] - values[b + d]
    distance += difference * difference
  }
  return Math.exp(-distance / (4 * variance))
}
