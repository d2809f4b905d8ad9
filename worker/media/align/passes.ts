import { type AcousticModel, STREAM_COUNT } from './acoustic-model.ts'
import { type Cepstra, computeFeatures } from './mfcc.ts'
import { adaptMeans } from './mllr.ts'
import { SenoneScorer } from './senones.ts'
import { type BestPath, findBestPath, type StateWindows } from './viterbi.ts'
import { learnVoiceActivity, type VoiceFeatures, voiceFeatures } from './voice-activity.ts'
import type { WordGraph } from './word-graph.ts'

/** What passes over one song share. */
export interface Sound {
  readonly frameCount: number
  /** `frames × 39`, of the enhanced vocals. */
  readonly features: Float32Array
  readonly voice: VoiceFeatures
}

/** One search over the song, and what adapting to it needs. */
export interface Pass {
  readonly path: BestPath
  readonly means: Float32Array
  /** The best log density of each frame and stream (`frames × 3`). */
  readonly best: Float32Array
  /** First frame of each word. */
  readonly onsets: Int32Array
}

export interface PassOptions {
  readonly windows?: StateWindows | undefined
  readonly pause: (fraction: number) => Promise<void> | undefined
}

/** Bias towards words by voice activity, in nats per frame, is clipped to ± this. */
const MOST_BIAS = 3

export function prepareSound(vocals: Cepstra, mix: Cepstra): Sound {
  return {
    frameCount: Math.min(vocals.frameCount, mix.frameCount),
    features: computeFeatures(vocals),
    voice: voiceFeatures(vocals, mix),
  }
}

/** Searches with the model as it is. Null when the windows allow no path. */
export function searchFirst(model: AcousticModel, sound: Sound, graph: WordGraph, options: PassOptions) {
  return search(model, sound, graph, model.means, undefined, options)
}

/**
 * Searches again with the model adapted to the song along the last path, and with voice activity learned from it.
 * Null when the windows allow no path.
 */
export async function searchAdapted(
  model: AcousticModel,
  sound: Sound,
  graph: WordGraph,
  last: Pass,
  options: PassOptions,
): Promise<Pass | null> {
  const { states } = last.path
  const senones = Int32Array.from(states, (state) => graph.senones[graph.slotOfState[state]])
  const means = adaptMeans(model, { features: sound.features, means: last.means, senones, best: last.best })
  await options.pause(0)
  const isWord = Uint8Array.from(states, (state) => (graph.wordOfState[state] >= 0 ? 1 : 0))
  const odds = learnVoiceActivity(sound.voice, isWord)
  const wordBias = odds.map((z) => Math.max(-MOST_BIAS, Math.min(MOST_BIAS, z)))
  return search(model, sound, graph, means, wordBias, options)
}

async function search(
  model: AcousticModel,
  { frameCount, features }: Sound,
  graph: WordGraph,
  means: Float32Array,
  wordBias: Float32Array | undefined,
  { windows, pause }: PassOptions,
): Promise<Pass | null> {
  const scorer = new SenoneScorer(model, means, features, graph.senones)
  const best = new Float32Array(frameCount * STREAM_COUNT)
  const emissions = {
    scores: scorer.scores,
    senoneCount: scorer.senoneCount,
    score(start: number, count: number) {
      best.set(scorer.score(start, count).subarray(0, count * STREAM_COUNT), start * STREAM_COUNT)
    },
  }
  const path = await findBestPath(graph, emissions, { frameCount, windows, wordBias, pause })
  return path && { path, means, best, onsets: findOnsets(graph, path) }
}

function findOnsets(graph: WordGraph, { states }: BestPath): Int32Array {
  const onsets = new Int32Array(graph.wordCount)
  for (let t = states.length - 1; t >= 0; t--) {
    const word = graph.wordOfState[states[t]]
    if (word >= 0) onsets[word] = t
  }
  return onsets
}
