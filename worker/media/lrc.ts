import {
  escapeTags,
  type Fragment,
  formatTime,
  readHeader,
  readLeadingTimes,
  splitAtTags,
  unescapeTags,
} from './lrc-tags.ts'
import type { LyricsLine, TimedLine, TimedLyrics, TimedWord } from './lyrics.ts'

/** How long the last line of a file is shown when nothing in the file ends it. */
const LAST_LINE_MS = 4_000

export interface LrcMetadata {
  readonly title?: string
  readonly artist?: string
  readonly album?: string
  readonly durationMs?: number
}

export interface ParsedLrc {
  /** Header values by their LRC name in lower case: `ti`, `ar`, `al`, `by`, `length`, `la` … */
  readonly metadata: Readonly<Record<string, string>>
  /** What `[offset:]` says; positive shows lyrics sooner. The times of `lines` have it applied already. */
  readonly offsetMs: number
  /** Lines with text, in order of time. */
  readonly lines: readonly LyricsLine[]
}

interface Entry {
  readonly startMs: number
  readonly text: string
  readonly words: readonly { readonly text: string; readonly startMs: number; readonly endMs: number | null }[]
  /** From a closing word tag. */
  readonly endMs: number | null
}

/**
 * Writes LRC in the order of `lyrics.lines`.
 *
 * `line`: `[mm:ss.xx]text`, in hundredths, the form that every player reads; a blank time tag ends a line that ends before the next.
 * Lines that overlap end where the next one starts.
 * `word`: the enhanced form, in milliseconds, `[mm:ss.xxx]<mm:ss.xxx>word<mm:ss.xxx>`, with an end for each word and line. Text that
 * is not sung (punctuation between words) follows a doubled tag. `readLrc` gives back the same lyrics, without confidence and phones,
 * with white space as single spaces; where a line's words do not occur in its text, its text becomes its words.
 * Lines without text are left out.
 */
export function writeLrc(
  lyrics: TimedLyrics,
  options: { readonly kind: 'line' | 'word'; readonly metadata?: LrcMetadata },
): string {
  const lines = lyrics.lines
    .map((line) => ({ ...line, text: collapse(line.text) || wordsOf(line) }))
    .filter((line) => line.text !== '')
  const body = options.kind === 'word' ? lines.map(writeWordLine) : writePlainLines(lines)
  return `${[...writeHeaders(lyrics.language, options.metadata ?? {}), ...body].join('\n')}\n`
}

/**
 * Reads LRC: several tags on one line, `[offset:]`, word tags, unsorted lines, CRLF and a byte-order mark. Lines without a time tag
 * are no lyrics in this format and are passed over.
 */
export function parseLrc(text: string): ParsedLrc {
  const { metadata, offsetMs, entries } = readEntries(text)
  const lines = entries
    .filter((entry) => entry.text !== '')
    .map(({ text, startMs, words }) => ({
      text,
      startMs,
      ...(words.length > 0 && { words: words.map((word) => ({ text: word.text, startMs: word.startMs })) }),
    }))
  return { metadata, offsetMs, lines }
}

/**
 * Reads LRC as timed lyrics. A line without an end of its own ends where the next entry starts, the last one at `[length:]` or after
 * four seconds; a line without word tags has no words. The language is the file's `[la:]`, or `und`.
 */
export function readLrc(text: string): TimedLyrics {
  const { metadata, entries } = readEntries(text)
  const lengthMs = readLeadingTimes(`[${metadata.length ?? ''}]`).timesMs[0] ?? 0
  const lines: TimedLine[] = []
  for (const [index, entry] of entries.entries()) {
    if (entry.text === '') continue
    const endMs = entry.endMs ?? endFromNext(entries, index) ?? lastEnd(entry, lengthMs)
    lines.push({
      text: entry.text,
      startMs: entry.startMs,
      endMs,
      words: entry.words.map((word) => timed(word, endMs)),
    })
  }
  return { language: metadata.la || 'und', lines }
}

function timed(word: Entry['words'][number], lineEndMs: number): TimedWord {
  return {
    text: word.text,
    startMs: word.startMs,
    endMs: Math.max(word.startMs, word.endMs ?? lineEndMs),
    confidence: null,
  }
}

function endFromNext(entries: readonly Entry[], index: number): number | null {
  const { startMs } = entries[index]
  for (const next of entries.slice(index + 1)) if (next.startMs > startMs || next.text === '') return next.startMs
  return null
}

function lastEnd(entry: Entry, lengthMs: number): number {
  const sungMs = Math.max(entry.startMs, ...entry.words.map((word) => word.startMs))
  return lengthMs > sungMs ? lengthMs : sungMs + LAST_LINE_MS
}

function readEntries(text: string): { metadata: Record<string, string>; offsetMs: number; entries: Entry[] } {
  const metadata: Record<string, string> = {}
  const entries: Entry[] = []
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    const header = readHeader(line)
    if (header) metadata[header.name] ??= header.value
    else {
      const { timesMs, rest } = readLeadingTimes(line)
      if (timesMs.length > 0) entries.push(...readLine(timesMs, splitAtTags(rest)))
    }
  }
  const offsetMs = Math.round(Number(metadata.offset ?? 0)) || 0
  const moved = offsetMs === 0 ? entries : entries.map((entry) => shift(entry, -offsetMs))
  return { metadata, offsetMs, entries: moved.sort((a, b) => a.startMs - b.startMs) }
}

/** One entry for each time of a line; word tags belong to the time they are nearest to and move with the others. */
function readLine(timesMs: readonly number[], fragments: readonly Fragment[]): Entry[] {
  const text = collapse(fragments.map((fragment) => unescapeTags(fragment.text)).join(''))
  if (fragments.length === 1) return timesMs.map((startMs) => ({ startMs, text, words: [], endMs: null }))
  const firstTagMs = fragments[1].atMs ?? 0
  const homeMs = timesMs.reduce((a, b) => (Math.abs(b - firstTagMs) < Math.abs(a - firstTagMs) ? b : a))
  const home: Entry = { startMs: homeMs, text, ...readWords(fragments, homeMs) }
  return timesMs.map((startMs) => ({ ...shift(home, startMs - homeMs), startMs }))
}

function readWords(fragments: readonly Fragment[], lineStartMs: number): Pick<Entry, 'words' | 'endMs'> {
  const words: Entry['words'][number][] = []
  for (const [index, fragment] of fragments.entries()) {
    const text = unescapeTags(collapse(fragment.text))
    const before = fragments[index - 1]
    const isUnsung = index > 1 && before.text === '' && before.atMs === fragment.atMs
    if (text === '' || isUnsung) continue
    words.push({ text, startMs: fragment.atMs ?? lineStartMs, endMs: fragments[index + 1]?.atMs ?? null })
  }
  const last = fragments[fragments.length - 1]
  return { words, endMs: last.text.trim() === '' ? last.atMs : null }
}

function shift(entry: Entry, byMs: number): Entry {
  const move = (timeMs: number) => Math.max(0, timeMs + byMs)
  const words = entry.words.map((word) => ({
    text: word.text,
    startMs: move(word.startMs),
    endMs: word.endMs === null ? null : move(word.endMs),
  }))
  return { ...entry, startMs: move(entry.startMs), words, endMs: entry.endMs === null ? null : move(entry.endMs) }
}

function writeHeaders(language: string, metadata: LrcMetadata): string[] {
  const headers = [
    ['ti', metadata.title],
    ['ar', metadata.artist],
    ['al', metadata.album],
    ['length', metadata.durationMs === undefined ? undefined : formatTime(metadata.durationMs, 2)],
    ['la', language],
    ['re', 'Refrain'],
  ]
  return headers.flatMap(([name, value]) => (value === undefined ? [] : [`[${name}:${collapse(value)}]`]))
}

function writePlainLines(lines: readonly TimedLine[]): string[] {
  return lines.flatMap((line, index) => {
    const next = lines[index + 1]
    const written = `[${formatTime(line.startMs, 2)}]${escapeTags(line.text)}`
    const hasOwnEnd = next === undefined || Math.round(line.endMs / 10) < Math.round(next.startMs / 10)
    return hasOwnEnd ? [written, `[${formatTime(line.endMs, 2)}]`] : [written]
  })
}

function writeWordLine(line: TimedLine): string {
  const tag = (timeMs: number) => `<${formatTime(timeMs, 3)}>`
  const { text, gaps } = placeWords(line)
  // `openMs` is the end of the last word, whose tag is still to be written.
  let openMs: number | null = null
  let out = `[${formatTime(line.startMs, 3)}]`
  for (const [index, word] of line.words.entries()) {
    const gap = gaps[index]
    if (gap.trim() !== '') {
      const fromMs: number = openMs ?? line.startMs
      out += `${tag(fromMs)}${tag(fromMs)}${escapeTags(gap)}`
    } else if (openMs === null || openMs === word.startMs) out += gap
    else out += `${tag(openMs)}${gap}`
    out += tag(word.startMs) + escapeTags(collapse(word.text))
    openMs = word.endMs
  }
  const rest = line.words.length === 0 ? text : gaps[line.words.length]
  if (rest.trim() !== '') {
    const fromMs = openMs ?? line.startMs
    return `${out}${tag(fromMs)}${tag(fromMs)}${escapeTags(rest)}${tag(line.endMs)}`
  }
  return openMs === null || openMs === line.endMs ? out + tag(line.endMs) : out + tag(openMs) + tag(line.endMs)
}

/** The text before, between and after a line's words: one more gap than words. */
function placeWords(line: TimedLine): { text: string; gaps: string[] } {
  const gaps: string[] = []
  let from = 0
  for (const word of line.words) {
    const wordText = collapse(word.text)
    const at = line.text.indexOf(wordText, from)
    if (at < 0) return { text: wordsOf(line), gaps: ['', ...line.words.slice(1).map(() => ' '), ''] }
    gaps.push(line.text.slice(from, at))
    from = at + wordText.length
  }
  gaps.push(line.text.slice(from))
  return { text: line.text, gaps }
}

function wordsOf(line: TimedLine): string {
  return collapse(line.words.map((word) => word.text).join(' '))
}

function collapse(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
