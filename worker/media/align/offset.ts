import type { LyricsLine } from '../lyrics.ts'
import { FRAME_RATE_HZ } from './mfcc.ts'
import type { LyricsWord } from './tokenize.ts'

/** Differences within this span of each other agree. */
const AGREEING_SPAN_SECONDS = 1
/** A search that lost its way in parts still finds many lines; whether the words fit once moved is tested afterwards. */
const LEAST_AGREEING_SHARE = 0.4
const LEAST_LINES = 4
/** Smaller differences are within the windows anyway. */
const LEAST_OFFSET_SECONDS = 0.2

/**
 * The constant by which a free search differs from given line times: lyrics timed to another edit of the song, with a longer
 * intro say, are right once moved.
 *
 * @param onsets frames, one per word
 * @returns seconds to add to the given times; null when lines do not agree on one or it is nearly zero
 */
export function findOffset(
  words: readonly LyricsWord[],
  lines: readonly LyricsLine[],
  onsets: Int32Array,
): number | null {
  const differences = words
    .flatMap((word, index) => {
      const time = words[index - 1]?.line === word.line ? undefined : lines[word.line].startMs
      return time === undefined ? [] : [onsets[index] / FRAME_RATE_HZ - time / 1000]
    })
    .sort((a, b) => a - b)
  if (differences.length < LEAST_LINES) return null
  let from = 0
  let count = 0
  for (let i = 0, end = 0; i < differences.length; i++) {
    while (end < differences.length && differences[end] - differences[i] <= AGREEING_SPAN_SECONDS) end++
    if (end - i > count) [from, count] = [i, end - i]
  }
  if (count < LEAST_AGREEING_SHARE * differences.length) return null
  const offset = differences[from + Math.floor(count / 2)]
  return Math.abs(offset) < LEAST_OFFSET_SECONDS ? null : offset
}
