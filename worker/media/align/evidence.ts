import type { Pronunciations } from './word-graph.ts'

/**
 * Controls for a song's words: the same sounds backwards, the words in reverse order, and every other word first. Each has as
 * many words and phones, but belongs to no song, so what the real words score above the best of them is evidence that they are
 * sung here in this order.
 */
export function controlsOf(words: readonly Pronunciations[]): Pronunciations[][] {
  const backwards = words.map((pronunciations) => pronunciations.map((phones) => phones.toReversed())).toReversed()
  const orders = [
    words.toReversed(),
    [...words.filter((_, index) => index % 2 === 0), ...words.filter((_, index) => index % 2 === 1)],
  ]
  // Of one or two words another order may be the same.
  return [backwards, ...orders.filter((order) => order.some((word, index) => word !== words[index]))]
}

export const MOST_CONTROLS = 3

/**
 * Chance scatters the evidence of a text by the root of its words: what proves nothing, in nats a word, is this at one word,
 * but no more than `MOST_EVEN`.
 */
const CHANCE_NATS = 50
const MOST_EVEN = 12
/** How sharp the step from not belonging to belonging is, in nats a word. */
const EVIDENCE_SCALE = 1.5

/**
 * How far to trust that the words belong to the song, 0…1.
 * Words of other songs scored −30…8 nats a word above their controls (8 with 23 words), the words of real songs 17…115, and those
 * of a song that the aligner could not follow at all, 3 with 88 words.
 *
 * @param evidence nats a word by which the words' best path scores above the best control's
 * @param wordCount how many words that is a mean of
 */
export function trustOf(evidence: number, wordCount: number): number {
  const even = Math.min(MOST_EVEN, CHANCE_NATS / Math.sqrt(wordCount))
  return 1 / (1 + Math.exp((even - evidence) / EVIDENCE_SCALE))
}

/**
 * Given times are believed when the words still fit the sound there: at least this share of the evidence that the words show
 * when they may lie anywhere. Times of another recording keep next to nothing.
 */
const LEAST_KEPT_EVIDENCE = 0.5

/** Whether a search inside given times (`timed` nats a word of evidence) explains the song well enough against a free one. */
export function timesFit(timed: number, free: number, wordCount: number): boolean {
  // Where even the free search finds no evidence, the given times are the better guess.
  return trustOf(free, wordCount) < 0.5 || timed >= LEAST_KEPT_EVIDENCE * free
}
