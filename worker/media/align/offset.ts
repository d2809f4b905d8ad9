import type { LyricsLine } from '../lyrics.ts'
import { FRAME_RATE_HZ } from './mfcc.ts'
import type { LyricsWord } from './tokenize.ts'

/** Lines whose difference lies this near to the median agree with it. */
const NEAR_SECONDS = 0.5
const LEAST_AGREEING_SHARE = 0.6
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
  const median = differences[Math.floor(differences.length / 2)]
  const agreeing = differences.filter((value) => Math.abs(value - median) <= NEAR_SECONDS).length
  if (agreeing < LEAST_AGREEING_SHARE * differences.length) return null
  return Math.abs(median) < LEAST_OFFSET_SECONDS ? null : median
}
