import { type AcousticModel, STREAM_COUNT, WEIGHT_STEP } from './acoustic-model.ts'
import { GaussianScorer, SCORE_FLOOR, TOP_COUNT } from './gaussians.ts'

/** Frames scored at a time: the parameters of one codebook stay in the processor's first cache meanwhile. */
export const BLOCK_FRAMES = 64

/**
 * Log likelihoods of the senones that a word graph uses, block by block.
 * A senone's score is the product over the streams of its mixture of the codebook's best four Gaussians, each relative
 * to the best Gaussian of any used codebook and floored.
 */
export class SenoneScorer {
  /** `[frame of the block × senones + slot]`, natural logarithms. */
  readonly scores: Float32Array
  readonly senoneCount: number
  private readonly features: Float32Array
  private readonly gaussians: GaussianScorer
  /** First slot of each used codebook, and the end. */
  private readonly slotStart: Int32Array
  /** `[(stream × densities + density) × senones + slot]`: linear weights. */
  private readonly weights: Float32Array
  private readonly products: Float64Array
  private readonly densityCount: number

  /**
   * @param features `frames × 39`
   * @param means Gaussian means, adapted or the model's own
   * @param senones in order of their codebook (as `WordGraph.senones`)
   */
  constructor(model: AcousticModel, means: Float32Array, features: Float32Array, senones: Int32Array) {
    const codebooks: number[] = []
    const slotStart: number[] = []
    senones.forEach((senone, slot) => {
      const codebook = model.codebookOfSenone[senone]
      if (codebook === codebooks.at(-1)) return
      codebooks.push(codebook)
      slotStart.push(slot)
    })
    this.features = features
    this.senoneCount = senones.length
    this.densityCount = model.densityCount
    this.slotStart = Int32Array.from([...slotStart, senones.length])
    this.gaussians = new GaussianScorer(model, means, codebooks, BLOCK_FRAMES)
    this.weights = new Float32Array(STREAM_COUNT * model.densityCount * senones.length)
    for (let row = 0; row < STREAM_COUNT * model.densityCount; row++) {
      for (let slot = 0; slot < senones.length; slot++) {
        const byte = model.mixtureWeights[row * model.senoneCount + senones[slot]]
        this.weights[row * senones.length + slot] = Math.exp(-WEIGHT_STEP * byte)
      }
    }
    this.products = new Float64Array(senones.length)
    this.scores = new Float32Array(BLOCK_FRAMES * senones.length)
  }

  /** Scores up to `BLOCK_FRAMES` frames from `start` into `scores`; returns the Gaussians' best per frame and stream. */
  score(start: number, count: number): Float32Array {
    const { gaussians, slotStart, weights, products, scores, senoneCount, densityCount } = this
    gaussians.score(this.features, start, count)
    const codebookCount = gaussians.codebooks.length
    for (let t = 0; t < count; t++) {
      products.fill(1)
      for (let c = 0; c < codebookCount; c++) {
        const slots = slotStart[c]
        const end = slotStart[c + 1]
        for (let s = 0; s < STREAM_COUNT; s++) {
          const r = ((t * codebookCount + c) * STREAM_COUNT + s) * TOP_COUNT
          const best = gaussians.best[t * STREAM_COUNT + s]
          const p0 = likelihood(gaussians.scores[r] - best)
          const p1 = likelihood(gaussians.scores[r + 1] - best)
          const p2 = likelihood(gaussians.scores[r + 2] - best)
          const p3 = likelihood(gaussians.scores[r + 3] - best)
          const w0 = (s * densityCount + gaussians.densities[r]) * senoneCount
          const w1 = (s * densityCount + gaussians.densities[r + 1]) * senoneCount
          const w2 = (s * densityCount + gaussians.densities[r + 2]) * senoneCount
          const w3 = (s * densityCount + gaussians.densities[r + 3]) * senoneCount
          for (let slot = slots; slot < end; slot++) {
            products[slot] *=
              p0 * weights[w0 + slot] + p1 * weights[w1 + slot] + p2 * weights[w2 + slot] + p3 * weights[w3 + slot]
          }
        }
      }
      const row = t * senoneCount
      for (let slot = 0; slot < senoneCount; slot++) scores[row + slot] = Math.log(products[slot])
    }
    return gaussians.best
  }
}

const FLOOR_LIKELIHOOD = Math.exp(-SCORE_FLOOR)

function likelihood(score: number): number {
  return score < -SCORE_FLOOR ? FLOOR_LIKELIHOOD : Math.exp(score)
}
