import type { TimedLine } from './lyrics.ts'

export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** Time after a line in which no line is sung. */
export interface Pause extends Span {
  readonly lineIndex: number
  /** Clearly longer than the song's usual pause between lines. */
  readonly isParagraph: boolean
  /** After it comes the end of the song. */
  readonly isLast: boolean
}

/** A pause of this length ends a paragraph in any song. */
const LONG_PAUSE_MS = 2_500
/** The least that can end one in a song of quick lines. */
const SHORT_PAUSE_MS = 1_000

/**
 * When somebody sings: the words of all lines (a line without words as a whole) in order, overlapping ones joined.
 * Words beyond the song's end are cut off there.
 */
export function sungSpans(lines: readonly TimedLine[], songMs: number): Span[] {
  const spans = lines
    .flatMap<Span>((line) => (line.words.length > 0 ? line.words : [line]))
    .filter((span) => span.endMs > span.startMs && span.startMs < songMs)
    .sort((a, b) => a.startMs - b.startMs)
  const joined: { startMs: number; endMs: number }[] = []
  for (const { startMs, endMs } of spans) {
    const last = joined[joined.length - 1]
    if (last && startMs < last.endMs) last.endMs = Math.min(songMs, Math.max(last.endMs, endMs))
    else joined.push({ startMs, endMs: Math.min(songMs, endMs) })
  }
  return joined
}

/** The pauses after lines, in order; none after a line that another one overlaps. `lineIndex` counts the lines as given. */
export function findPauses(lines: readonly TimedLine[], songMs: number): Pause[] {
  const spans = lines.map((line, lineIndex) => ({ ...lineSpan(line), lineIndex })).sort((a, b) => a.startMs - b.startMs)
  const pauses: Omit<Pause, 'isParagraph'>[] = []
  let sungUntilMs = 0
  for (const [index, span] of spans.entries()) {
    if (span.startMs >= songMs) break
    sungUntilMs = Math.max(sungUntilMs, span.endMs)
    const next = spans[index + 1]
    const isLast = next === undefined || next.startMs >= songMs
    const endMs = isLast ? songMs : next.startMs
    if (endMs >= sungUntilMs)
      pauses.push({ lineIndex: span.lineIndex, startMs: Math.min(sungUntilMs, songMs), endMs, isLast })
  }
  const lengths = pauses.filter((pause) => !pause.isLast).map((pause) => pause.endMs - pause.startMs)
  const medianMs = lengths.sort((a, b) => a - b)[lengths.length >> 1] ?? 0
  const paragraphMs = Math.max(SHORT_PAUSE_MS, Math.min(LONG_PAUSE_MS, 2.5 * medianMs))
  return pauses.map((pause) => ({ ...pause, isParagraph: pause.isLast || pause.endMs - pause.startMs >= paragraphMs }))
}

/** Indices of the lines that end a run of lines sung more than once, word for word: the chorus as the lyrics show it. */
export function chorusLines(lines: readonly TimedLine[]): ReadonlySet<number> {
  const texts = lines.map((line) => line.text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ''))
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  const isRepeated = texts.map((text) => text !== '' && (counts.get(text) ?? 0) > 1)
  const ends = new Set<number>()
  for (let i = 1; i < texts.length; i++) if (isRepeated[i] && isRepeated[i - 1] && !isRepeated[i + 1]) ends.add(i)
  return ends
}

function lineSpan(line: TimedLine): Span {
  if (line.words.length === 0) return { startMs: line.startMs, endMs: line.endMs }
  return {
    startMs: Math.min(...line.words.map((word) => word.startMs)),
    endMs: Math.max(...line.words.map((word) => word.endMs)),
  }
}
