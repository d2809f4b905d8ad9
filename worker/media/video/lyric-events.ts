import type { TimedLyrics } from '../lyrics.ts'
import {
  type AssEvent,
  type AssStyle,
  assColour,
  centiseconds,
  drawableText,
  emPxOf,
  FontWriter,
} from './ass-document.ts'
import { karaokeLine, lineRows } from './karaoke-line.ts'
import { layOutPages, type Pause } from './pages.ts'

/** Share of the width that a line may take. */
const LINE_WIDTH = 0.9
const ROW_HEIGHT_EM = 1.3
/** Lines of a page stand further apart than the rows of one line. */
const LINE_GAP_EM = 0.35
/** Share of the height that a page may take. */
const PAGE_HEIGHT = 0.82
const MOST_LINES = 3
const FADE_MS = 160
const DOTS = 3
const DOT_MS = 1_000
/** A pause this long says how many seconds are left. */
const COUNTED_PAUSE_MS = 3_000

/**
 * Everything a singer sees: lines that come up ahead of time and fill word by word, three dots that count the last three
 * seconds before a start, and the seconds left of a long instrumental.
 *
 * @param fromMs nothing is shown before (a title, for example)
 */
export function lyricEvents(lyrics: TimedLyrics, style: AssStyle, fromMs: number): AssEvent[] {
  const emPx = emPxOf(style)
  const rows = lyrics.lines.map((line) => lineRows(line, style.faces, emPx, style.width * LINE_WIDTH))
  const pitchPx = emPx * (ROW_HEIGHT_EM * Math.max(1, ...rows.map((row) => row.count)) + LINE_GAP_EM)
  const slots = Math.min(MOST_LINES, Math.max(1, Math.floor((style.height * PAGE_HEIGHT) / pitchPx)))
  const topPx = style.height * 0.53 - ((slots - 1) * pitchPx) / 2
  const yOf = (row: number) => Math.round(topPx + row * pitchPx)
  const x = Math.round(style.width / 2)
  const { placements, pauses } = layOutPages(lyrics.lines, slots, fromMs)
  const lines = lyrics.lines.map((line, index): AssEvent => {
    const { showMs, hideMs, row } = placements[index]!
    const showCs = centiseconds(showMs)
    const place = `{\\pos(${x},${yOf(row)})\\fad(${FADE_MS},${FADE_MS})}`
    return {
      style: 'Lyric',
      startCs: showCs,
      endCs: Math.max(centiseconds(hideMs), showCs),
      text: place + karaokeLine(line, showCs, style.faces, rows[index]!),
    }
  })
  const counts = pauses.flatMap((pause) => {
    const dotsY = Math.round(yOf(pause.row) - pitchPx / 2 - emPx * 0.3)
    return [...countDots(pause, x, dotsY, emPx, style), ...countSeconds(pause, style)]
  })
  return [...lines, ...counts]
}

/** One dot goes every second; the line starts when the last has gone. */
function countDots({ fromMs, startMs }: Pause, x: number, y: number, emPx: number, style: AssStyle): AssEvent[] {
  const count = Math.min(DOTS, Math.floor((startMs - fromMs) / DOT_MS))
  const size = Math.round(emPx * 0.36)
  return Array.from({ length: count }, (_, index): AssEvent => {
    const left = count - index
    return {
      style: 'Decor',
      startCs: centiseconds(startMs - left * DOT_MS),
      endCs: centiseconds(startMs - (left - 1) * DOT_MS),
      text: `{\\an7\\pos(${x - size * 3},${y - size})\\c${assColour(style.sungColour, 0)}&\\p1}${dots(left, size)}`,
    }
  })
}

/** Circles side by side as an ASS drawing: no font is needed. */
function dots(count: number, size: number): string {
  const radius = size / 2
  const handle = Math.round(radius * 0.5523)
  return Array.from({ length: count }, (_, index) => {
    const x = index * size * 2 + size
    const y = size
    const r = Math.round(radius)
    return [
      `m ${x - r} ${y}`,
      `b ${x - r} ${y - handle} ${x - handle} ${y - r} ${x} ${y - r}`,
      `b ${x + handle} ${y - r} ${x + r} ${y - handle} ${x + r} ${y}`,
      `b ${x + r} ${y + handle} ${x + handle} ${y + r} ${x} ${y + r}`,
      `b ${x - handle} ${y + r} ${x - r} ${y + handle} ${x - r} ${y}`,
    ].join(' ')
  }).join(' ')
}

function countSeconds({ fromMs, untilMs, startMs }: Pause, style: AssStyle): AssEvent[] {
  if (untilMs - fromMs < COUNTED_PAUSE_MS) return []
  const place = `{\\pos(${Math.round(style.width / 2)},${Math.round(style.height / 2)})\\c${assColour(style.unsungColour, 0)}&\\alpha&H60&}`
  const events: AssEvent[] = []
  for (let atMs = fromMs; atMs < untilMs; ) {
    const left = Math.ceil((startMs - atMs) / 1_000)
    const nextMs = Math.min(untilMs, startMs - (left - 1) * 1_000)
    const text = new FontWriter(style.faces, emPxOf(style)).write(drawableText(`♪ ${left}`, style.faces))
    events.push({ style: 'Decor', startCs: centiseconds(atMs), endCs: centiseconds(nextMs), text: place + text })
    atMs = nextMs
  }
  return events
}
