import { type FontFile, splitByFont, widthEm } from '../fonts.ts'
import type { TimedLine } from '../lyrics.ts'
import { centiseconds, drawableText, FontWriter } from './ass-document.ts'
import { fitRows, type Piece, type Rows } from './rows.ts'

/** A word, or what stands between words. */
interface Chunk {
  readonly text: string
  readonly word: { readonly startCs: number; readonly endCs: number } | null
}

/**
 * The text of one line's event. The fill is spelled `{\kf<cs>}word`, everything that is not sung `{\k<cs>}text`; the first
 * `\k` lasts from the event's start to the line's. What the tags cannot say stands in comments, which renderers skip:
 * `{start=-3 end=12}` for words that overlap (relative to the fill), `{text=…}` and `{line=…}` (percent-encoded) for text that
 * is drawn differently than it is written, `{word}` for a word that is filled at once.
 */
export function karaokeLine(line: TimedLine, showCs: number, faces: readonly FontFile[], rows: Rows): string {
  const { chunks, isWritten } = chunksOf(line)
  const writer = new FontWriter(faces, rows.emPx)
  const startCs = centiseconds(line.startMs)
  const endCs = Math.max(startCs, centiseconds(line.endMs))
  const starts = chunks.map((chunk) => chunk.word?.startCs)
  let out = `{\\k${startCs - showCs}}${isWritten ? '' : `{line=${encode(line.text)}}`}`
  let cursorCs = startCs
  chunks.forEach((chunk, index) => {
    const nextCs = Math.max(
      cursorCs,
      Math.min(starts.slice(index + 1).find((start) => start !== undefined) ?? endCs, endCs),
    )
    const toCs = chunk.word ? Math.min(nextCs, Math.max(cursorCs, chunk.word.endCs)) : nextCs
    const drawn = drawableText(chunk.text, faces)
    const comments = chunk.word ? wordComments(chunk.word, cursorCs, toCs) : []
    const isStep = chunk.word !== null && isRightToLeft(chunk.text)
    if (isStep) comments.unshift('word')
    if (drawn !== chunk.text) comments.push(`text=${encode(chunk.text)}`)
    if (chunk.word || chunk.text !== '' || toCs > cursorCs) {
      out += `{\\${chunk.word && !isStep ? 'kf' : 'k'}${toCs - cursorCs}}`
      if (comments.length > 0) out += `{${comments.join(' ')}}`
      out += writer.write(drawn)
    }
    cursorCs = toCs
    if (rows.breaksAfter.includes(index)) out += '\\N'
  })
  return out
}

/** How a line fits into a width. The pieces are the very chunks that `karaokeLine` writes. */
export function lineRows(line: TimedLine, faces: readonly FontFile[], emPx: number, widthPx: number): Rows {
  const { chunks } = chunksOf(line)
  const pieces = chunks.map((chunk, index): Piece => {
    const runs = splitByFont(drawableText(chunk.text, faces), faces)
    const joint = chunk.text.slice(-1) + (chunks[index + 1]?.text.slice(0, 1) ?? '')
    return {
      widthEm: runs.reduce((total, run) => total + widthEm(run), 0),
      // Scripts without spaces may break between any two words, others only after a space.
      canBreakAfter: /\s$/u.test(chunk.text) || /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/u.test(joint),
    }
  })
  return fitRows(pieces, emPx, widthPx)
}

/** Cuts a line at its words. When they are not all found in the line as it is written, the words themselves are shown. */
function chunksOf(line: TimedLine): { chunks: Chunk[]; isWritten: boolean } {
  if (line.words.length === 0) {
    return { chunks: line.text.split(/(?<=\s)(?=\S)/u).map((text) => ({ text, word: null })), isWritten: true }
  }
  const chunks: Chunk[] = []
  let position = 0
  for (const word of line.words) {
    const at = line.text.indexOf(word.text, position)
    if (at < 0) return { chunks: wordsAlone(line), isWritten: false }
    chunks.push({ text: line.text.slice(position, at), word: null }, wordChunk(word))
    position = at + word.text.length
  }
  chunks.push({ text: line.text.slice(position), word: null })
  return { chunks, isWritten: true }
}

function wordsAlone(line: TimedLine): Chunk[] {
  const words = line.words.flatMap((word, index) => [{ text: index > 0 ? ' ' : '', word: null }, wordChunk(word)])
  return [...words, { text: '', word: null }]
}

function wordChunk({ text, startMs, endMs }: TimedLine['words'][number]): Chunk {
  return { text, word: { startCs: centiseconds(startMs), endCs: centiseconds(endMs) } }
}

function wordComments(word: { startCs: number; endCs: number }, fromCs: number, toCs: number): string[] {
  return [
    ...(word.startCs === fromCs ? [] : [`start=${word.startCs - fromCs}`]),
    ...(word.endCs === toCs ? [] : [`end=${word.endCs - toCs}`]),
  ]
}

/** libass fills every word from left to right, which is backwards for these: they are filled at once. */
function isRightToLeft(text: string): boolean {
  return /[\p{sc=Arabic}\p{sc=Hebrew}]/u.test(text)
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
