import type { LyricsLine } from '../lyrics.ts'
import { FRAME_RATE_HZ } from './mfcc.ts'
import type { LyricsWord } from './tokenize.ts'
import type { StateWindows } from './viterbi.ts'
import type { WordGraph } from './word-graph.ts'

/** Seconds around a line's time span in which its words may lie. */
const LINE_MARGIN_SECONDS = 0.5
/** A line's first word begins at most this long after the line's time. */
const LATEST_LINE_START_SECONDS = 0.6
/** Seconds around a word's own time in which it may begin. */
const WORD_MARGIN_SECONDS = 0.35

/** Seconds in which a word may sound, and the latest at which it may begin. */
export interface WordWindow {
  readonly startSeconds: number
  readonly endSeconds: number
  readonly latestStartSeconds: number
}

/**
 * Where each word may lie, from the times that the lyrics came with.
 *
 * @param words the words of `lines`, in order
 * @param offsetSeconds added to all given times
 * @returns null when the lyrics have no times
 */
export function windowWords(
  words: readonly LyricsWord[],
  lines: readonly LyricsLine[],
  offsetSeconds = 0,
): WordWindow[] | null {
  const lineTimes = lines.map((line) => line.startMs ?? line.words?.[0]?.startMs)
  if (lineTimes.every((time) => time === undefined)) return null
  const seconds = (ms: number) => ms / 1000 + offsetSeconds
  return words.map((word, index) => {
    const own = lineTimes[word.line]
    const before = own ?? lineTimes.slice(0, word.line).findLast((time) => time !== undefined)
    const after = lineTimes.slice(word.line + 1).find((time) => time !== undefined)
    const lineStart = before === undefined ? Number.NEGATIVE_INFINITY : seconds(before) - LINE_MARGIN_SECONDS
    const lineEnd = after === undefined ? Number.POSITIVE_INFINITY : seconds(after) + LINE_MARGIN_SECONDS
    const isFirst = words[index - 1]?.line !== word.line
    const latest = isFirst && own !== undefined ? seconds(own) + LATEST_LINE_START_SECONDS : Number.POSITIVE_INFINITY
    const nextWord = words[index + 1]?.line === word.line ? words[index + 1].startMs : undefined
    return {
      startSeconds: word.startMs === undefined ? lineStart : seconds(word.startMs) - WORD_MARGIN_SECONDS,
      endSeconds: nextWord === undefined ? lineEnd : Math.min(lineEnd, seconds(nextWord) + WORD_MARGIN_SECONDS),
      latestStartSeconds: word.startMs === undefined ? latest : seconds(word.startMs) + WORD_MARGIN_SECONDS,
    }
  })
}

/** The same windows for the states of a graph of these words; silence may be anywhere. */
export function windowStates(graph: WordGraph, windows: readonly WordWindow[]): StateWindows {
  const first = new Int32Array(graph.stateCount)
  const last = new Int32Array(graph.stateCount).fill(NEVER)
  for (let j = 0; j < graph.stateCount; j++) {
    const word = graph.wordOfState[j]
    if (word < 0) continue
    const { startSeconds, endSeconds, latestStartSeconds } = windows[word]
    first[j] = frame(startSeconds)
    last[j] = frame(graph.beginsWord[j] === 1 ? Math.min(endSeconds, latestStartSeconds) : endSeconds)
  }
  return { first, last }
}

const NEVER = 2 ** 31 - 1
const frame = (seconds: number) => Math.min(NEVER, Math.max(-1, Math.round(seconds * FRAME_RATE_HZ)))
