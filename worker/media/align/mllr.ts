import { type AcousticModel, STREAM_DIMENSION as D, STREAM_COUNT, WEIGHT_STEP } from './acoustic-model.ts'
import { GaussianScorer, SCORE_FLOOR, TOP_COUNT } from './gaussians.ts'

/** Rows of the regression: an offset and the mean's own values. */
const R = D + 1
/** Pull towards leaving the means as they are, in frames. */
const RIDGE_FRAMES = 50
/** A class with fewer frames keeps its means. */
const LEAST_FRAMES = 300
/** Gaussians that explain less of a frame than this are left out. */
const LEAST_POSTERIOR = 0.05

export interface Adaptation {
  readonly features: Float32Array
  /** Means that the path was found with. */
  readonly means: Float32Array
  /** The senone of each frame on the path. */
  readonly senones: Int32Array
  /** The best log density of each frame and stream over all codebooks (`frames × 3`). */
  readonly best: Float32Array
}

/**
 * Maximum likelihood linear regression: moves the model's means towards one song, by one affine transform of the means
 * per stream for speech and one for silence and noise, estimated on a given path.
 * Always from the model's own means, so that rounds do not drift.
 *
 * @returns new means, in the model's layout
 * @see Leggetter & Woodland, 1995, https://doi.org/10.1006/csla.1995.0010
 */
export function adaptMeans(model: AcousticModel, adaptation: Adaptation): Float32Array {
  const isSilence = model.phones.map((phone) => phone === 'SIL' || phone.startsWith('+'))
  const classOf = (codebook: number) => (isSilence[codebook] ? 0 : 1)
  const statistics = Array.from({ length: 2 * STREAM_COUNT }, () => new Statistics())
  accumulate(model, adaptation, classOf, statistics)

  const adapted = model.means.slice()
  for (let stream = 0; stream < STREAM_COUNT; stream++) {
    for (const cluster of [0, 1]) {
      const rows = statistics[cluster * STREAM_COUNT + stream].solve()
      if (rows === null) continue
      for (let codebook = 0; codebook < model.codebookCount; codebook++) {
        if (classOf(codebook) !== cluster) continue
        const first = (codebook * STREAM_COUNT + stream) * model.densityCount
        for (let g = first; g < first + model.densityCount; g++) transform(rows, model.means, adapted, g * D)
      }
    }
  }
  return adapted
}

function transform(rows: readonly Float64Array[], from: Float32Array, to: Float32Array, j: number): void {
  for (let d = 0; d < D; d++) {
    const row = rows[d]
    let sum = row[0]
    for (let b = 0; b < D; b++) sum += row[b + 1] * from[j + b]
    to[j + d] = sum
  }
}

function accumulate(
  model: AcousticModel,
  { features, means, senones, best }: Adaptation,
  classOf: (codebook: number) => number,
  statistics: readonly Statistics[],
): void {
  const scorers = new Map<number, GaussianScorer>()
  const posteriors = new Float64Array(TOP_COUNT)
  for (let t = 0; t < senones.length; t++) {
    const codebook = model.codebookOfSenone[senones[t]]
    let scorer = scorers.get(codebook)
    if (!scorer) {
      scorer = new GaussianScorer(model, means, [codebook], 1)
      scorers.set(codebook, scorer)
    }
    scorer.score(features, t, 1)
    for (let stream = 0; stream < STREAM_COUNT; stream++) {
      const row = stream * TOP_COUNT
      let highest = Number.NEGATIVE_INFINITY
      for (let n = 0; n < TOP_COUNT; n++) {
        const weight = (stream * model.densityCount + scorer.densities[row + n]) * model.senoneCount + senones[t]
        const score = Math.max(scorer.scores[row + n] - best[t * STREAM_COUNT + stream], -SCORE_FLOOR)
        posteriors[n] = score - WEIGHT_STEP * model.mixtureWeights[weight]
        highest = Math.max(highest, posteriors[n])
      }
      let total = 0
      for (let n = 0; n < TOP_COUNT; n++) total += posteriors[n] = Math.exp(posteriors[n] - highest)
      const target = statistics[classOf(codebook) * STREAM_COUNT + stream]
      for (let n = 0; n < TOP_COUNT; n++) {
        const posterior = posteriors[n] / total
        if (posterior < LEAST_POSTERIOR) continue
        const gaussian = (codebook * STREAM_COUNT + stream) * model.densityCount + scorer.densities[row + n]
        target.add(model, gaussian * D, features, (t * STREAM_COUNT + stream) * D, posterior)
      }
    }
  }
}

/** Weighted normal equations of one class and stream: for each dimension a symmetric 14 × 14 matrix and a right side. */
class Statistics {
  private frames = 0
  private readonly matrices = Array.from({ length: D }, () => new Float64Array(R * R))
  private readonly sides = Array.from({ length: D }, () => new Float64Array(R))
  private readonly extended = new Float64Array(R).fill(1)

  add(model: AcousticModel, mean: number, features: Float32Array, feature: number, posterior: number): void {
    const { extended } = this
    this.frames += posterior
    for (let d = 0; d < D; d++) extended[d + 1] = model.means[mean + d]
    for (let d = 0; d < D; d++) {
      const weight = posterior / model.variances[mean + d]
      const x = features[feature + d]
      const matrix = this.matrices[d]
      const side = this.sides[d]
      for (let a = 0; a < R; a++) {
        const weighted = weight * extended[a]
        side[a] += weighted * x
        for (let b = a; b < R; b++) matrix[a * R + b] += weighted * extended[b]
      }
    }
  }

  /** One row of offset and factors per dimension; null with too little to learn from. */
  solve(): Float64Array[] | null {
    if (this.frames < LEAST_FRAMES) return null
    return this.matrices.map((upper, d) => {
      const matrix = Float64Array.from(upper, (_, i) => {
        const [a, b] = [Math.floor(i / R), i % R]
        return upper[a <= b ? a * R + b : b * R + a]
      })
      const side = this.sides[d].slice()
      for (let a = 0; a < R; a++) {
        const ridge = (RIDGE_FRAMES * matrix[a * R + a]) / this.frames
        matrix[a * R + a] += ridge
        if (a === d + 1) side[a] += ridge
      }
      return solveLinear(matrix, side)
    })
  }
}

/** Gaussian elimination with partial pivoting; overwrites its arguments. A vanishing pivot counts as 1e-9. */
function solveLinear(matrix: Float64Array, side: Float64Array): Float64Array {
  const n = side.length
  for (let i = 0; i < n; i++) {
    let pivot = i
    for (let r = i + 1; r < n; r++) if (Math.abs(matrix[r * n + i]) > Math.abs(matrix[pivot * n + i])) pivot = r
    if (pivot !== i) {
      for (let c = 0; c < n; c++) {
        const value = matrix[i * n + c]
        matrix[i * n + c] = matrix[pivot * n + c]
        matrix[pivot * n + c] = value
      }
      const value = side[i]
      side[i] = side[pivot]
      side[pivot] = value
    }
    const diagonal = (matrix[i * n + i] ||= 1e-9)
    for (let r = i + 1; r < n; r++) {
      const factor = matrix[r * n + i] / diagonal
      if (factor === 0) continue
      for (let c = i; c < n; c++) matrix[r * n + c] -= factor * matrix[i * n + c]
      side[r] -= factor * side[i]
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = side[i]
    for (let c = i + 1; c < n; c++) sum -= matrix[i * n + c] * side[c]
    side[i] = sum / matrix[i * n + i]
  }
  return side
}
