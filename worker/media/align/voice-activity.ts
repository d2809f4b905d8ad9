import { STREAM_DIMENSION as C } from './acoustic-model.ts'
import type { Cepstra } from './mfcc.ts'

/** Normalised features of voice activity: `frames × width`. */
export interface VoiceFeatures {
  readonly frameCount: number
  readonly width: number
  readonly values: Float32Array
}

/** Shortest run outside words that teaches what a pause sounds like; shorter ones may be breaths or misplaced ends. */
const LEAST_PAUSE_FRAMES = 60
/** With fewer frames of either class nothing is learned. */
const LEAST_CLASS_FRAMES = 200
/** Frames are divided into folds by alternating blocks, so that no frame is judged by what it taught. */
const FOLD_COUNT = 4
const FOLD_FRAMES = 1000
const WEIGHT_DECAY = 0.003
const ITERATIONS = 60
const STEP = 2
const MOMENTUM = 0.8
/** Every second frame is enough to learn from: neighbours are nearly alike. */
const TRAINING_STRIDE = 2
const SMOOTHING_FRAMES = 5

/**
 * Features that tell singing from its absence: smoothed energies of the enhanced vocals and of the mix, their ratio, the
 * cepstra of both, and how fast the vocals' cepstra change; each with zero mean and unit variance over the song.
 */
export function voiceFeatures(vocals: Cepstra, mix: Cepstra): VoiceFeatures {
  const frameCount = Math.min(vocals.frameCount, mix.frameCount)
  const column = (values: Float32Array, i: number) =>
    Float32Array.from({ length: frameCount }, (_, t) => values[t * C + i])
  const vocalEnergy = smooth(vocals.logEnergy.subarray(0, frameCount), 8)
  const mixEnergy = smooth(mix.logEnergy.subarray(0, frameCount), 8)
  const ratio = vocalEnergy.map((value, t) => value - mixEnergy[t])
  const columns = [vocalEnergy, mixEnergy, ratio, smooth(vocalEnergy, 40), smooth(ratio, 40)]
  for (let i = 1; i < C; i++) {
    const vocal = column(vocals.cepstra, i)
    columns.push(
      smooth(vocal, 8),
      smooth(
        column(mix.cepstra, i).map((value, t) => value - vocal[t]),
        8,
      ),
    )
    if (i < 5)
      columns.push(
        smooth(
          vocal.map((value, t) => (t < 3 ? 0 : Math.abs(value - vocal[t - 3]))),
          12,
        ),
      )
  }
  const values = new Float32Array(frameCount * columns.length)
  columns.forEach((from, k) => {
    standardise(from, values, k, columns.length)
  })
  return { frameCount, width: columns.length, values }
}

/**
 * Learns from a path where the song has words, and judges every frame by what the others taught: logistic regression,
 * classes balanced, cross-fitted over alternating blocks of ten seconds.
 *
 * @param isWord 1 where the path is in a word, per frame
 * @returns log odds of singing per frame; all zero when the path has too few words or too few pauses
 */
export function learnVoiceActivity(features: VoiceFeatures, isWord: Uint8Array): Float32Array {
  const { frameCount } = features
  const labels = labelFrames(isWord, frameCount)
  const odds = new Float32Array(frameCount)
  let [pauses, words] = [0, 0]
  for (const label of labels) {
    if (label === 0) pauses++
    else if (label === 1) words++
  }
  if (pauses < LEAST_CLASS_FRAMES || words < LEAST_CLASS_FRAMES) return odds
  for (let fold = 0; fold < FOLD_COUNT; fold++) {
    const weights = trainFold(features, labels, fold)
    for (let t = 0; t < frameCount; t++) if (foldOf(t) === fold) odds[t] = judge(features, weights, t)
  }
  return smooth(odds, SMOOTHING_FRAMES)
}

const foldOf = (t: number) => Math.floor(t / FOLD_FRAMES) % FOLD_COUNT

/** 1 in words, 0 in long pauses, −1 where it is not known. */
function labelFrames(isWord: Uint8Array, frameCount: number): Int8Array {
  const labels = new Int8Array(frameCount).fill(-1)
  for (let t = 0, end = 0; t < frameCount; t = end) {
    end = t
    while (end < frameCount && isWord[end] === isWord[t]) end++
    if (isWord[t] === 1 || end - t >= LEAST_PAUSE_FRAMES) labels.fill(isWord[t], t, end)
  }
  return labels
}

/** Weights per feature, the offset last. */
function trainFold({ values, width, frameCount }: VoiceFeatures, labels: Int8Array, fold: number): Float64Array {
  const frames: number[] = []
  let words = 0
  for (let t = 0; t < frameCount; t += TRAINING_STRIDE) {
    if (labels[t] < 0 || foldOf(t) === fold) continue
    frames.push(t)
    words += labels[t]
  }
  const perWord = 0.5 / Math.max(1, words)
  const perPause = 0.5 / Math.max(1, frames.length - words)
  const weights = new Float64Array(width + 1)
  const gradient = new Float64Array(width + 1)
  const velocity = new Float64Array(width + 1)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    gradient.fill(0)
    for (const t of frames) {
      const row = t * width
      let z = weights[width]
      for (let k = 0; k < width; k++) z += weights[k] * values[row + k]
      const residual = (labels[t] - 1 / (1 + Math.exp(-z))) * (labels[t] === 1 ? perWord : perPause)
      for (let k = 0; k < width; k++) gradient[k] += residual * values[row + k]
      gradient[width] += residual
    }
    for (let k = 0; k <= width; k++) {
      velocity[k] = MOMENTUM * velocity[k] + STEP * (1 - MOMENTUM) * (gradient[k] - WEIGHT_DECAY * weights[k])
      weights[k] += velocity[k]
    }
  }
  return weights
}

function judge({ values, width }: VoiceFeatures, weights: Float64Array, t: number): number {
  let z = weights[width]
  for (let k = 0; k < width; k++) z += weights[k] * values[t * width + k]
  return z
}

function standardise(from: Float32Array, to: Float32Array, k: number, width: number): void {
  const n = Math.max(1, from.length)
  let mean = 0
  for (const value of from) mean += value / n
  let variance = 0
  for (const value of from) variance += (value - mean) ** 2 / n
  const deviation = Math.sqrt(variance) + 1e-6
  for (let t = 0; t < from.length; t++) to[t * width + k] = (from[t] - mean) / deviation
}

/** Moving average over ±`reach` values, shorter at the ends. */
function smooth(values: Float32Array, reach: number): Float32Array {
  const n = values.length
  const out = new Float32Array(n)
  let [sum, count] = [0, 0]
  for (let i = -reach; i < n; i++) {
    if (i + reach < n) {
      sum += values[i + reach]
      count++
    }
    if (i - reach - 1 >= 0) {
      sum -= values[i - reach - 1]
      count--
    }
    if (i >= 0) out[i] = sum / count
  }
  return out
}
