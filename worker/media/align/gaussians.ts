import { type AcousticModel, STREAM_DIMENSION as D, STREAM_COUNT } from './acoustic-model.ts'
import { GaussianKernel } from './gaussian-kernel.ts'
import { FEATURE_DIMENSION } from './mfcc.ts'

/** Gaussians kept per codebook and stream. */
export const TOP_COUNT = 4
/** Nats below the frame's best Gaussian of a stream at which scores are floored: keeps one bad sound from ruling a path. */
export const SCORE_FLOOR = 9.83

/** Scores frames against the Gaussians of some codebooks and keeps the best four of each codebook and stream. */
export class GaussianScorer {
  readonly codebooks: readonly number[]
  /** `[((frame × codebooks) + codebook) × 3 + stream) × 4 + rank]`: density, and log density, best first. */
  readonly densities: Uint8Array
  readonly scores: Float32Array
  /** `[frame × 3 + stream]`: the best log density over the codebooks. */
  readonly best: Float32Array
  private readonly densityCount: number
  private readonly kernel: GaussianKernel

  /**
   * @param means as in `AcousticModel.means`, possibly adapted
   * @param codebooks the codebooks to score
   * @param blockFrames most frames of one call
   */
  constructor(model: AcousticModel, means: Float32Array, codebooks: readonly number[], blockFrames: number) {
    const rows = blockFrames * codebooks.length * STREAM_COUNT
    this.codebooks = codebooks
    this.densityCount = model.densityCount
    this.densities = new Uint8Array(rows * TOP_COUNT)
    this.scores = new Float32Array(rows * TOP_COUNT)
    this.best = new Float32Array(blockFrames * STREAM_COUNT)
    this.kernel = new GaussianKernel(
      codebooks.length * STREAM_COUNT,
      model.densityCount,
      blockFrames,
      FEATURE_DIMENSION,
    )
    this.loadParameters(model, means)
  }

  /** Scores `count` frames of `features` (`frames × 39`) from frame `start`. */
  score(features: Float32Array, start: number, count: number): void {
    this.kernel.features.set(features.subarray(start * FEATURE_DIMENSION, (start + count) * FEATURE_DIMENSION))
    this.best.fill(Number.NEGATIVE_INFINITY)
    for (let c = 0; c < this.codebooks.length; c++) {
      for (let stream = 0; stream < STREAM_COUNT; stream++) {
        const set = c * STREAM_COUNT + stream
        this.kernel.score(set, stream * D, count)
        this.rank(set, stream, count)
      }
    }
  }

  /** Keeps the best four of the kernel's last call. */
  private rank(set: number, stream: number, count: number): void {
    const { densities, scores, best, densityCount } = this
    const { logDensities } = this.kernel
    const stride = this.codebooks.length * STREAM_COUNT * TOP_COUNT
    let d0 = 0
    let d1 = 1
    let d2 = 2
    let d3 = 3
    for (let t = 0; t < count; t++) {
      const row = t * densityCount
      // The last frame's best are nearly always good here too: what is below the least of them cannot be among the best.
      const bound = Math.min(
        logDensities[row + d0],
        logDensities[row + d1],
        logDensities[row + d2],
        logDensities[row + d3],
      )
      let s0 = bound - 1e-3
      let s1 = s0
      let s2 = s0
      let s3 = s0
      for (let q = 0; q < densityCount; q++) {
        const score = logDensities[row + q]
        if (score <= s3) continue
        if (score <= s2) {
          s3 = score
          d3 = q
          continue
        }
        s3 = s2
        d3 = d2
        if (score <= s1) {
          s2 = score
          d2 = q
          continue
        }
        s2 = s1
        d2 = d1
        if (score <= s0) {
          s1 = score
          d1 = q
          continue
        }
        s1 = s0
        d1 = d0
        s0 = score
        d0 = q
      }
      const r = t * stride + set * TOP_COUNT
      scores[r] = s0
      scores[r + 1] = s1
      scores[r + 2] = s2
      scores[r + 3] = s3
      densities[r] = d0
      densities[r + 1] = d1
      densities[r + 2] = d2
      densities[r + 3] = d3
      if (s0 > best[t * STREAM_COUNT + stream]) best[t * STREAM_COUNT + stream] = s0
    }
  }

  private loadParameters(model: AcousticModel, means: Float32Array): void {
    const scales = new Float64Array(D)
    const offsets = new Float64Array(D)
    this.codebooks.forEach((codebook, c) => {
      for (let stream = 0; stream < STREAM_COUNT; stream++) {
        for (let density = 0; density < this.densityCount; density++) {
          const first = ((codebook * STREAM_COUNT + stream) * this.densityCount + density) * D
          let logs = 0
          for (let d = 0; d < D; d++) {
            const variance = model.variances[first + d]
            logs += Math.log(2 * Math.PI * variance)
            scales[d] = Math.sqrt(0.5 / variance)
            offsets[d] = means[first + d] * scales[d]
          }
          this.kernel.setGaussian(c * STREAM_COUNT + stream, density, -0.5 * logs, scales, offsets)
        }
      }
    })
  }
}
