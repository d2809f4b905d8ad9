import { z } from 'zod'

/** A spoken sound, in ARPAbet without stress (`AH`, `TH`), as the aligner placed it. Times in ms from the start of the song. */
export const TimedPhone = z.object({
  phone: z.string(),
  startMs: z.number().int().min(0),
  endMs: z.number().int().min(0),
})

/** One sung word. `startMs ≤ endMs`; `confidence` is 0…1, or null where the source gives none. */
export const TimedWord = z.object({
  text: z.string().min(1),
  startMs: z.number().int().min(0),
  endMs: z.number().int().min(0),
  confidence: z.number().min(0).max(1).nullable(),
  phones: z.array(TimedPhone).optional(),
})

/** One line as the lyrics have it. `text` is the line as written; `words` are its sung words in order. */
export const TimedLine = z.object({
  text: z.string(),
  startMs: z.number().int().min(0),
  endMs: z.number().int().min(0),
  words: z.array(TimedWord),
})

/**
 * The one timing model that every format is written from and read into.
 * Lines are in order of `startMs`; a line's span covers its words; `language` is BCP 47 (`en`, `pt-BR`).
 */
export const TimedLyrics = z.object({
  language: z.string(),
  lines: z.array(TimedLine),
})

export type TimedPhone = z.output<typeof TimedPhone>
export type TimedWord = z.output<typeof TimedWord>
export type TimedLine = z.output<typeof TimedLine>
export type TimedLyrics = z.output<typeof TimedLyrics>

/** A line of lyrics before alignment; times are present where the source (LRC) gave them. */
export interface LyricsLine {
  readonly text: string
  readonly startMs?: number
  readonly words?: readonly { readonly text: string; readonly startMs: number }[]
}

/** The part of the lyrics that is sung between two instants, counted from the first. A word that only begins or ends inside is cut to fit. */
export function cutLyrics(lyrics: TimedLyrics, startMs: number, endMs: number): TimedLyrics {
  const move = <Span extends { startMs: number; endMs: number }>(span: Span): Span => ({
    ...span,
    startMs: Math.max(span.startMs, startMs) - startMs,
    endMs: Math.min(span.endMs, endMs) - startMs,
  })
  const isInside = (span: { startMs: number; endMs: number }) => span.endMs > startMs && span.startMs < endMs
  const lines = lyrics.lines.filter(isInside).map((line) => {
    const words = line.words.filter(isInside).map((word) => ({
      ...move(word),
      ...(word.phones ? { phones: word.phones.filter(isInside).map(move) } : {}),
    }))
    const isWhole = words.length === line.words.length
    return { ...move(line), text: isWhole ? line.text : words.map((word) => word.text).join(' '), words }
  })
  return { language: lyrics.language, lines: lines.filter((line) => line.words.length > 0) }
}
