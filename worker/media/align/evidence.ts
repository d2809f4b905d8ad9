import type { Pronunciations } from './word-graph.ts'

/**
 * A control for a song's words: the same sounds backwards. It has as many words and phones, as long, and as many pauses, but
 * belongs to no song, so what the real words score above it is evidence that they are sung here in this order.
 */
export function reverseSounds(words: readonly Pronunciations[]): Pronunciations[] {
  return words.map((pronunciations) => pronunciations.map((phones) => phones.toReversed())).toReversed()
}

/** Nats a word at which belonging and not belonging are equally likely, and how sharp the step is. */
const EVEN_EVIDENCE = 6
const EVIDENCE_SCALE = 1.5

/**
 * How far to trust that the words belong to the song, 0…1.
 * Words of another song scored −14…3 nats a word above the control, the words of nine songs 13…115, and those of a tenth, which the
 * aligner could not follow at all, 3.
 *
 * @param evidence nats a word by which the words' best path scores above the control's
 */
export function trustOf(evidence: number): number {
  return 1 / (1 + Math.exp((EVEN_EVIDENCE - evidence) / EVIDENCE_SCALE))
}

/**
 * Given times are believed when the words still fit the sound there: at least this share of the evidence that the words show
 * when they may lie anywhere. Times of another recording keep next to nothing.
 */
const LEAST_KEPT_EVIDENCE = 0.5

/** Whether a search inside given times (`timed` nats a word of evidence) explains the song well enough against a free one. */
export function timesFit(timed: number, free: number): boolean {
  // Where even the free search finds no evidence, the given times are the better guess.
  return trustOf(free) < 0.5 || timed >= LEAST_KEPT_EVIDENCE * free
}
