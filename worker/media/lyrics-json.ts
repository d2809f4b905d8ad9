import { z } from 'zod'
import { InvalidInput } from '../errors.ts'
import { TimedLyrics } from './lyrics.ts'

const Metadata = z.object({
  title: z.string().optional(),
  artist: z.string().optional(),
  album: z.string().optional(),
  durationMs: z.number().int().min(0).optional(),
})

/**
 * Lyrics with times as JSON. Times are whole milliseconds from the start of the song; `confidence` is 0…1 or null; `phones` (ARPAbet)
 * are there where the aligner placed them.
 *
 * ```json
 * { "format": "refrain-lyrics", "version": 1, "language": "en", "metadata": { "title": "Sea" },
 *   "lines": [{ "text": "Row, row", "startMs": 900, "endMs": 2000, "words": [
 *     { "text": "Row,", "startMs": 900, "endMs": 1400, "confidence": 0.93 },
 *     { "text": "row", "startMs": 1500, "endMs": 2000, "confidence": null }] }] }
 * ```
 */
export const LyricsJson = TimedLyrics.extend({
  format: z.literal('refrain-lyrics'),
  version: z.literal(1),
  metadata: Metadata,
})

export type LyricsMetadata = z.output<typeof Metadata>

/** The JSON text of timed lyrics, one line of lyrics a line of text. */
export function writeLyricsJson(lyrics: TimedLyrics, metadata: LyricsMetadata = {}): string {
  const head = { format: 'refrain-lyrics', version: 1, language: lyrics.language, metadata }
  const lines = lyrics.lines.map((line) => `    ${JSON.stringify(line)}`)
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "lines": [\n${lines.join(',\n')}\n  ]\n}\n`
}

/** @throws InvalidInput when the text is no JSON, of another shape, or its times contradict each other; the message names the place */
export function readLyricsJson(text: string): { readonly lyrics: TimedLyrics; readonly metadata: LyricsMetadata } {
  const parsed = LyricsJson.safeParse(parseJson(text))
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]
    throw new InvalidInput(`expected lyrics JSON, version 1: at ${path.join('.') || 'the top'}: ${message}`)
  }
  const { language, lines, metadata } = parsed.data
  checkTimes(lines)
  return { lyrics: { language, lines }, metadata }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new InvalidInput(`expected lyrics JSON, got text that is no JSON: ${String(cause)}`, { cause })
  }
}

function checkTimes(lines: TimedLyrics['lines']): void {
  let previousMs = 0
  for (const [index, line] of lines.entries()) {
    if (line.startMs < previousMs) {
      throw new InvalidInput(
        `expected lines in order of time: line ${index + 1} starts at ${line.startMs} ms, the one before at ${previousMs} ms`,
      )
    }
    previousMs = line.startMs
    if (line.endMs < line.startMs) {
      throw new InvalidInput(`line ${index + 1} ends at ${line.endMs} ms, before its start at ${line.startMs} ms`)
    }
    for (const word of line.words) {
      if (word.endMs < word.startMs || word.startMs < line.startMs || word.endMs > line.endMs) {
        throw new InvalidInput(
          `line ${index + 1}: word “${word.text}” (${word.startMs}–${word.endMs} ms) lies outside its line (${line.startMs}–${line.endMs} ms)`,
        )
      }
    }
  }
}
