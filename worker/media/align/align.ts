import { InvalidInput, MediaFailed } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import type { LyricsLine, TimedLyrics } from '../lyrics.ts'
import { type AcousticModel, readAcousticModel } from './acoustic-model.ts'
import { agreement, chooseMedians } from './confidence.ts'
import { controlsOf, MOST_CONTROLS, timesFit, trustOf } from './evidence.ts'
import { computeCepstra, countFrames, FRAME_RATE_HZ } from './mfcc.ts'
import { chooseModel } from './model-choice.ts'
import { findOffset } from './offset.ts'
import { type Pause, paceSteps } from './pace.ts'
import { type Pass, prepareSound, type Sound, searchAdapted, searchFirst } from './passes.ts'
import { createPronouncer } from './pronounce.ts'
import { placeWords, timeLines } from './timed-words.ts'
import { type LyricsWord, tokenizeLyrics } from './tokenize.ts'
import type { StateWindows } from './viterbi.ts'
import { windowStates, windowWords } from './windows.ts'
import { buildWordGraph, leastFrames, type WordGraph } from './word-graph.ts'

export interface AlignmentInput {
  /** The voice with as little music as can be, mono, 16 kHz. */
  readonly vocals: Float32Array
  /** The whole song, as long, mono, 16 kHz. */
  readonly mix: Float32Array
  readonly lines: readonly LyricsLine[]
  /** BCP 47. */
  readonly language: string
}

export interface SongAlignment {
  readonly lyrics: TimedLyrics
  /**
   * Mean confidence of the words, 0…1. Below `LEAST_CONFIDENCE` the lyrics are probably not those of the song, or the
   * voice cannot be heard.
   */
  readonly confidence: number
  /** Whether the times that the lyrics came with were used; null when they had none. */
  readonly usedTimes: boolean | null
}

export const LEAST_CONFIDENCE = 0.3

/** Rounds of adaptation after the first search. */
const ROUNDS = 3
/** The passes that had an adapted model; an odd number. */
const ADAPTED_PASSES = Array.from({ length: ROUNDS }, (_, i) => i + 1)
/** Sound that never exceeds this is silence (−70 dB below full scale). */
const SILENCE_PEAK = 10 ** (-70 / 20)
/** In a song without evidence, rounds that overturn more than this share of the first search's onsets are not believed. */
const LEAST_STABLE_SHARE = 0.5
const STABLE_SECONDS = 0.3

/**
 * Places known words in a song: hidden Markov models of phones, one exact search over the whole song, then three rounds that
 * adapt the model to the voice and learn where there is singing at all. Each word is taken from the round with the median onset.
 *
 * @throws InvalidInput when there is nothing to sing, the sound is silent, or too short for so many words
 * @throws MediaFailed when the acoustic model cannot be read; `signal.reason` after an abort
 */
export async function alignLyrics(
  { vocals, mix, lines, language }: AlignmentInput,
  options: { onProgress: OnProgress; signal: AbortSignal },
): Promise<SongAlignment> {
  const words = tokenizeLyrics(lines, language)
  const sung = words.filter((word) => word.spoken.length > 0)
  const { folder, language: modelLanguage } = chooseModel(language)
  const model = await readAcousticModel(folder)
  const pronouncer = await createPronouncer(
    folder,
    modelLanguage,
    language,
    new Set(sung.flatMap((word) => word.spoken)),
  )
  const pronunciations = sung.map((word) => pronouncer.pronounce(word.spoken))
  const graph = buildWordGraph(model, pronunciations)
  checkSound(mix, graph)
  const step = paceSteps(ROUNDS + MOST_CONTROLS + 2.2, options)
  await step(0.2, 'listening')(0)
  const sound = prepareSound(computeCepstra(vocals, model.frontEnd), computeCepstra(mix, model.frontEnd))

  let controlScore = -Infinity
  for (const control of controlsOf(pronunciations)) {
    // In the shortest of songs a control may not fit where the words just do.
    const pass = await searchFirst(model, sound, buildWordGraph(model, control), { pause: step(1, 'comparing') })
    if (pass) controlScore = Math.max(controlScore, pass.path.score)
  }
  const evidenceOf = ({ path }: Pass) => (controlScore === -Infinity ? 0 : (path.score - controlScore) / sung.length)
  const start = await searchStart({ model, sound, graph, sung, lines, evidenceOf, step })

  const passes = [start.pass]
  for (let round = 1; round <= ROUNDS; round++) {
    const pause = step(1, `adapting to the voice, round ${round}`)
    const last = passes[passes.length - 1]
    passes.push(found(await searchAdapted(model, sound, graph, last, { windows: start.windows, pause })))
  }
  options.signal.throwIfAborted()

  const trust = trustOf(start.evidence, sung.length)
  const onsets = passes.map((pass) => pass.onsets)
  // In a lost song adaptation learns from mistakes: what it overturns there is not believed.
  const isAdapted = trust >= 0.5 || isStable(passes)
  const chosen = chooseMedians(onsets, isAdapted ? ADAPTED_PASSES : [0])
  const confidence = agreement(onsets, chosen).map((value) => value * trust)
  const placements = passes.map(({ path }) => placeWords(graph, path))
  const placed = Array.from(chosen, (pass, word) => ({ ...placements[pass][word], confidence: confidence[word] }))
  options.onProgress(1)
  return {
    lyrics: { language, lines: timeLines(lines, words, placed) },
    confidence: confidence.reduce((sum, value) => sum + value, 0) / confidence.length,
    usedTimes: start.usedTimes,
  }
}

interface Start {
  readonly pass: Pass
  readonly windows: StateWindows | undefined
  readonly evidence: number
  readonly usedTimes: boolean | null
}

/** The first search: inside the given times if the words fit there, or there when all are moved alike, else anywhere. */
async function searchStart(song: {
  model: AcousticModel
  sound: Sound
  graph: WordGraph
  sung: readonly LyricsWord[]
  lines: readonly LyricsLine[]
  evidenceOf: (pass: Pass) => number
  step: (weight: number, message: string) => Pause
}): Promise<Start> {
  const { model, sound, graph, sung, lines, evidenceOf, step } = song
  const pause = step(1, 'placing the words')
  const free = found(await searchFirst(model, sound, graph, { pause }))
  const evidence = evidenceOf(free)
  const offsets = [0, findOffset(sung, lines, free.onsets)]
  const pauseTimed = step(1, 'placing the words within the given times')
  for (const offset of offsets) {
    const windows = offset === null ? null : windowWords(sung, lines, offset)
    if (windows === null) continue
    const states = windowStates(graph, windows)
    const pass = await searchFirst(model, sound, graph, { windows: states, pause: pauseTimed })
    if (pass && timesFit(evidenceOf(pass), evidence, sung.length))
      return { pass, windows: states, evidence, usedTimes: true }
  }
  return { pass: free, windows: undefined, evidence, usedTimes: windowWords(sung, lines) === null ? null : false }
}

function checkSound(mix: Float32Array, graph: WordGraph): void {
  const least = leastFrames(graph) / FRAME_RATE_HZ
  const length = countFrames(mix.length) / FRAME_RATE_HZ
  if (length < least) {
    throw new InvalidInput(
      `expected at least ${least.toFixed(1)} s of sound for ${graph.wordCount} words, got ${length.toFixed(1)} s: ` +
        'are these the lyrics of this song?',
    )
  }
  if (!mix.some((sample) => Math.abs(sample) > SILENCE_PEAK)) {
    throw new InvalidInput('expected a song, got silence: choose another file')
  }
}

/** Whether most words stayed where the first search put them. */
function isStable(passes: readonly Pass[]): boolean {
  const first = passes[0].onsets
  const last = passes[passes.length - 1].onsets
  const stable = first.filter((onset, word) => Math.abs(onset - last[word]) <= STABLE_SECONDS * FRAME_RATE_HZ).length
  return stable >= LEAST_STABLE_SHARE * first.length
}

function found(pass: Pass | null): Pass {
  if (pass === null) throw new MediaFailed('the words could not be placed in the song: no path fits')
  return pass
}
