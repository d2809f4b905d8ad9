import { splitByFont, widthEm } from '../fonts.ts'
import {
  type AssEvent,
  type AssStyle,
  assColour,
  centiseconds,
  drawableText,
  emPxOf,
  FontWriter,
} from './ass-document.ts'
import { fitRows, type Rows } from './rows.ts'

export interface SongNames {
  readonly title: string
  readonly artist: string
}

interface CardText {
  readonly text: string
  /** Size, in ems of a lyric line. */
  readonly scale: number
  readonly colour: string
}

interface Span {
  readonly startMs: number
  readonly endMs: number
}

const THANKS = 'Thank you for singing!'
const INSTRUMENTAL = '♪ Instrumental ♪'
const FADE_MS = 400
const CARD_WIDTH = 0.86
const ROW_HEIGHT_EM = 1.35
const BETWEEN_TEXTS_EM = 0.5

/** Title over artist, in the middle of the screen. */
export function titleEvents({ title, artist }: SongNames, style: AssStyle, span: Span): AssEvent[] {
  return cardEvents(
    [
      { text: title, scale: 1.5, colour: style.sungColour },
      { text: artist, scale: 0.9, colour: style.unsungColour },
    ],
    style,
    span,
  )
}

/** Thanks, and the song once more. */
export function endEvents({ title, artist }: SongNames, style: AssStyle, span: Span): AssEvent[] {
  return cardEvents(
    [
      { text: THANKS, scale: 1.4, colour: style.sungColour },
      {
        text: [title, artist].filter((text) => text.trim() !== '').join(' · '),
        scale: 0.7,
        colour: style.unsungColour,
      },
    ],
    style,
    span,
  )
}

/** What stands on the screen while a song without lyrics plays. */
export function instrumentalEvents({ title, artist }: SongNames, style: AssStyle, span: Span): AssEvent[] {
  return cardEvents(
    [
      { text: title, scale: 1.1, colour: style.unsungColour },
      { text: artist, scale: 0.7, colour: style.unsungColour },
      { text: INSTRUMENTAL, scale: 0.8, colour: style.sungColour },
    ],
    style,
    span,
  )
}

function cardEvents(texts: readonly CardText[], style: AssStyle, { startMs, endMs }: Span): AssEvent[] {
  const blocks = texts
    .map(({ text, scale, colour }) => ({
      colour,
      ...fitText(drawableText(text, style.faces).trim(), style, emPxOf(style) * scale),
    }))
    .filter(({ words }) => words.length > 0)
  const fadeMs = Math.round(Math.min(FADE_MS, (endMs - startMs) / 4))
  const gap = emPxOf(style) * BETWEEN_TEXTS_EM
  const heights = blocks.map(({ rows }) => rows.count * rows.emPx * ROW_HEIGHT_EM)
  let top = (style.height - heights.reduce((sum, height) => sum + height, gap * (blocks.length - 1))) / 2
  return blocks.map(({ words, rows, colour }, index): AssEvent => {
    const y = Math.round(top + heights[index]! / 2)
    top += heights[index]! + gap
    const writer = new FontWriter(style.faces, rows.emPx)
    const lines = words.map((word, at) => writer.write(word) + (rows.breaksAfter.includes(at) ? '\\N' : '')).join('')
    const place = `{\\pos(${Math.round(style.width / 2)},${y})\\fad(${fadeMs},${fadeMs})\\c${assColour(colour, 0)}&}`
    return { style: 'Decor', startCs: centiseconds(startMs), endCs: centiseconds(endMs), text: place + lines }
  })
}

function fitText(text: string, { faces, width }: AssStyle, emPx: number): { words: string[]; rows: Rows } {
  const hasSpaces = text.includes(' ')
  const words = text === '' ? [] : hasSpaces ? text.split(/(?<= )(?=[^ ])/) : Array.from(text)
  const pieces = words.map((word) => ({
    widthEm: splitByFont(word, faces).reduce((sum, run) => sum + widthEm(run), 0),
    canBreakAfter: hasSpaces || /\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana}/u.test(word),
  }))
  return { words, rows: fitRows(pieces, emPx, width * CARD_WIDTH) }
}
