import { parseLrc } from '../lrc.ts'
import { cleanText, LYRICS_LIMITS, parseLyrics } from '../lyrics-text.ts'
import { chordLine, stripInlineChords } from './chords.ts'
import { isCredit, isTitleLine, stripGlued } from './credits.ts'
import { type Heading, isSquareBracketed, readHeading } from './headings.ts'
import { readRepeat } from './repeats.ts'
import { isAllCapitals, mendEncoding, mendLine, toSentenceCase } from './typography.ts'

type Part =
  | { readonly kind: 'gap' }
  | { readonly kind: 'heading'; readonly heading: Heading }
  | { readonly kind: 'repeat'; readonly count: number }
  | { readonly kind: 'line'; readonly text: string; readonly count: number }

/**
 * The sung lines of lyrics as somebody published them: without headings, credits, chords and site footers, with repeats written out
 * and plain mistakes mended. What might be sung stays. Cleaning clean lines changes nothing.
 *
 * @param text plain text or LRC
 * @param language BCP 47
 * @throws InvalidInput when the text is empty, binary or too long for lyrics
 */
export function cleanLyrics(text: string, language: string): string[] {
  const { hasTimes } = parseLyrics(text)
  let source = hasTimes
    ? parseLrc(text)
        .lines.map((line) => line.text)
        .join('\n')
    : text
  // Taking one line away can show another for what it is (a credit that now stands last): until nothing changes.
  for (;;) {
    const lines = expand(classify(source, language))
    const cleaned = lines.join('\n')
    if (cleaned === source) return lines
    source = cleaned
  }
}

function classify(source: string, language: string): Part[] {
  const written = mendEncoding(source).split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
  const isChordSheet = written.filter((line) => chordLine(line) === 'sure').length >= 2
  const lines = written.map((line) => (isChords(line, isChordSheet) ? null : readWords(line)))
  const filled = lines.flatMap((line, index) => (line ? [index] : []))
  const isBracketStyle = lines.some((line) => line && isSquareBracketed(line) && readHeading(line, 1) !== null)
  const areCapitals = isAllCapitals(lines.join(' '))

  let rank = 0
  return lines.flatMap((line): Part[] => {
    if (line === null) return []
    if (line === '') return [{ kind: 'gap' }]
    const fromEdge = Math.min(rank, filled.length - 1 - rank)
    const isTitle = isTitleLine(line, rank) && isBracketStyle
    rank++
    if (isTitle || isCredit(line, fromEdge)) return []
    const { text, count } = readRepeat(line)
    if (text === '') return count > 1 ? [{ kind: 'repeat', count }] : []
    const heading = readHeading(text, count)
    if (heading) return readHeadingLine(heading)
    if ((isBracketStyle && isSquareBracketed(text)) || !/[\p{L}\p{N}]/u.test(text)) return []
    const mended = mendLine(areCapitals ? toSentenceCase(text, language) : text, language)
    return mended === '' ? [] : [{ kind: 'line', text: mended, count }]
  })
}

/** A line's clean words, '' for a blank line, null when nothing but chords and glued footers stood on it. */
function readWords(line: string): string | null {
  const words = cleanText(stripInlineChords(stripGlued(line.trim())))
  return words === '' && line.trim() !== '' ? null : words
}

function isChords(line: string, isChordSheet: boolean): boolean {
  const chords = chordLine(line)
  return chords === 'sure' || (chords === 'maybe' && isChordSheet)
}

/** "Chorus: Oh baby" heads a section and is its first line; "Intro: Am G" is only a heading. */
function readHeadingLine(heading: Heading): Part[] {
  const head: Part = { kind: 'heading', heading }
  if (heading.rest === '' || chordLine(heading.rest) !== 'no') return [head]
  const { text, count } = readRepeat(heading.rest)
  return text === ''
    ? [{ kind: 'heading', heading: { ...heading, count: heading.count * count } }]
    : [head, { kind: 'line', text, count }]
}

/**
 * Writes repeats out: a marked line, the block above a mark of its own, a section whose heading has a mark, and a section that is named
 * again without lines (`[Chorus]`), which is sung as before.
 */
function expand(parts: readonly Part[]): string[] {
  const out: string[] = []
  const sections = new Map<string, readonly string[]>()
  let section: { readonly heading: Heading; readonly from: number } | null = null
  let blockFrom = 0
  const append = (lines: readonly string[], times: number) => {
    for (let i = 0; i < times && out.length + lines.length <= LYRICS_LIMITS.lines; i++) out.push(...lines)
  }
  const closeSection = () => {
    if (!section) return
    const { heading, from } = section
    const body = out.slice(from)
    if (body.length === 0) append(sections.get(heading.name) ?? [], heading.count)
    else append(body, heading.count - 1)
    if (body.length > 0 && !sections.has(heading.name)) sections.set(heading.name, body)
    section = null
  }
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'line') append([part.text], part.count)
    else if (part.kind === 'heading') {
      closeSection()
      section = { heading: part.heading, from: out.length }
      blockFrom = out.length
    } else if (part.kind === 'repeat') {
      const isOwnBlock = out.length > blockFrom && parts[index - 1]?.kind === 'line'
      if (isOwnBlock) append(out.slice(blockFrom), part.count - 1)
    } else {
      // A blank line after the heading itself does not end its section; one after its lines does.
      const current: { readonly from: number } | null = section
      if (current !== null && out.length > current.from) closeSection()
      blockFrom = out.length
    }
  }
  closeSection()
  return out
}
