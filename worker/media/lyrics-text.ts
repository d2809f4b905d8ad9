import { InvalidInput } from '../errors.ts'
import { parseLrc } from './lrc.ts'
import { readHeader, readLeadingTimes } from './lrc-tags.ts'
import type { LyricsLine } from './lyrics.ts'

/** More than any song has; beyond, the text is something else (a book, a log, a binary file). */
export const LYRICS_LIMITS = { bytes: 1_000_000, lines: 2_000, words: 10_000 } as const

/**
 * Reads lyrics that somebody wrote, pasted or fetched: plain text or LRC, told apart by themselves.
 * Words stay as written; byte-order marks, characters without width (not the joiners that scripts and emoji need), text-direction
 * overrides and control characters go, white space becomes single spaces, blank lines go.
 *
 * @returns lines with text, in order; `hasTimes` when they came with time tags
 * @throws InvalidInput when there is no letter in the text, when it is binary, or beyond `LYRICS_LIMITS`
 */
export function parseLyrics(text: string): { readonly lines: LyricsLine[]; readonly hasTimes: boolean } {
  checkSize(text)
  const hasTimes = isLrc(text)
  const lines = (hasTimes ? parseLrc(text).lines : text.split(LINE_BREAK).map((line) => ({ text: line })))
    .map(cleanLine)
    .filter((line) => line.text !== '')
  checkLines(lines)
  return { lines, hasTimes }
}

/** One line without invisible characters, white space as single spaces. The same for a line that is clean already. */
export function cleanText(text: string): string {
  return text.replace(INVISIBLE, '').replace(/\s+/g, ' ').trim()
}

const LINE_BREAK = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/
// C0 and C1 controls but tab, soft hyphen, zero-width space, direction embeddings, overrides and isolates, word joiner, byte-order mark,
// lone surrogates.
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]|\p{Surrogate}/gu

function cleanLine(line: LyricsLine): LyricsLine {
  if (line.words === undefined) return { ...line, text: cleanText(line.text) }
  const words = line.words.map((word) => ({ ...word, text: cleanText(word.text) })).filter((word) => word.text !== '')
  return { ...line, text: cleanText(line.text), words }
}

/** LRC when at least half of the lines that hold anything (headers aside) begin with a time. */
function isLrc(text: string): boolean {
  let timed = 0
  let untimed = 0
  for (const line of text.replace(/^\uFEFF/, '').split(LINE_BREAK)) {
    if (line.trim() === '' || readHeader(line)) continue
    if (readLeadingTimes(line).timesMs.length > 0) timed++
    else untimed++
  }
  return timed > 0 && timed >= untimed
}

function checkSize(text: string): void {
  const sizeBytes = Buffer.byteLength(text)
  if (sizeBytes > LYRICS_LIMITS.bytes) {
    throw new InvalidInput(
      `lyrics may have ${LYRICS_LIMITS.bytes} bytes, got ${sizeBytes}: send the words of one song only`,
    )
  }
  if (text.includes('\0')) {
    throw new InvalidInput(
      'lyrics hold NUL characters: expected text in UTF-8, got a binary file or another encoding (UTF-16?)',
    )
  }
}

function checkLines(lines: readonly LyricsLine[]): void {
  if (!lines.some((line) => /[\p{L}\p{N}]/u.test(line.text))) {
    throw new InvalidInput('lyrics are empty: expected at least one line with a word')
  }
  if (lines.length > LYRICS_LIMITS.lines) {
    throw new InvalidInput(`lyrics may have ${LYRICS_LIMITS.lines} lines, got ${lines.length}`)
  }
  const words = lines.reduce((sum, line) => sum + line.text.split(' ').length, 0)
  if (words > LYRICS_LIMITS.words) throw new InvalidInput(`lyrics may have ${LYRICS_LIMITS.words} words, got ${words}`)
}
