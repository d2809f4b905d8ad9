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
