import type { LyricsLine, TimedLine, TimedPhone, TimedWord } from '../lyrics.ts'
import { arpabetOfPhone } from './french-phones.ts'
import { FRAME_RATE_HZ } from './mfcc.ts'
import type { LyricsWord } from './tokenize.ts'
import type { BestPath } from './viterbi.ts'
import type { WordGraph } from './word-graph.ts'

/** No word is shorter. */
const LEAST_WORD_MS = 10

/** One sung word on a path. */
export interface PathWord {
  readonly startMs: number
  readonly endMs: number
  readonly phones: readonly TimedPhone[]
}

export interface PlacedWord extends PathWord {
  readonly confidence: number
}

/** Reads words and phones off a path. */
export function placeWords(graph: WordGraph, { states }: BestPath): PathWord[] {
  const clock = (frame: number) => (frame * 1000) / FRAME_RATE_HZ
  const placed: PathWord[] = []
  for (let t = 0, end = 0; t < states.length; t = end) {
    const word = graph.wordOfState[states[t]]
    end = t + 1
    if (word < 0) continue
    const phones: TimedPhone[] = []
    for (let from = t; from < states.length && graph.wordOfState[states[from]] === word; from = end) {
      const phone = graph.phoneOfState[states[from]]
      end = from + 1
      while (end < states.length && graph.phoneOfState[states[end]] === phone) end++
      phones.push({ phone: arpabetOfPhone(graph.phones[phone].phone), startMs: clock(from), endMs: clock(end) })
    }
    placed.push({ startMs: clock(t), endMs: clock(end), phones })
  }
  return placed
}

/**
 * Lines with their timed words. A word without sound stands between its neighbours; words of a line follow each other without
 * overlap, each at least 10 ms long. Lines without words (section headings) are left out.
 *
 * @param words all words of `lines`, in order
 * @param placed the words that have sounds, in order of their onsets; where two overlap, the first gives way
 */
export function timeLines(
  lines: readonly LyricsLine[],
  words: readonly LyricsWord[],
  placed: readonly PlacedWord[],
): TimedLine[] {
  const timed: TimedLine[] = []
  let next = 0
  let clock = 0
  lines.forEach((line, index) => {
    const lineWords: TimedWord[] = []
    for (const word of words) {
      if (word.line !== index) continue
      const sung = word.spoken.length > 0 ? placed[next++] : undefined
      // A line may begin before the one before it has ended (its last word can have been moved on); its words may not.
      const earliest = lineWords.at(-1)?.endMs ?? 0
      const startMs = Math.max(
        earliest,
        sung?.startMs ?? (lineWords.length > 0 ? earliest : leadStart(placed[next], clock)),
      )
      const latest = placed[next]?.startMs ?? Number.POSITIVE_INFINITY
      const endMs = Math.max(startMs + LEAST_WORD_MS, Math.min(latest, sung?.endMs ?? 0))
      const phones = sung?.phones.map((phone) => within(phone, startMs, endMs))
      lineWords.push({
        text: word.text,
        startMs,
        endMs,
        confidence: sung?.confidence ?? null,
        ...(phones && { phones }),
      })
      clock = endMs
    }
    if (lineWords.length === 0) return
    timed.push({ text: line.text, startMs: lineWords[0].startMs, endMs: lineWords.at(-1)!.endMs, words: lineWords })
  })
  return timed
}

/** A line's soundless first word stands just before the next sung one, if there is room after what came before. */
function leadStart(following: PlacedWord | undefined, clock: number): number {
  return following === undefined ? clock : Math.max(clock, following.startMs - LEAST_WORD_MS)
}

function within({ phone, startMs, endMs }: TimedPhone, from: number, to: number): TimedPhone {
  const start = Math.min(to, Math.max(from, startMs))
  return { phone, startMs: start, endMs: Math.min(to, Math.max(start, endMs)) }
}
