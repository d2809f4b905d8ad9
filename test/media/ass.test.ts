import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { type AssStyle, readAss, writeAss } from '../../worker/media/ass.ts'
import { prepareFonts } from '../../worker/media/fonts.ts'
import type { TimedLine, TimedLyrics } from '../../worker/media/lyrics.ts'
import { layOutPages } from '../../worker/media/video/pages.ts'
import { fitRows } from '../../worker/media/video/rows.ts'
import { seeded } from './random.ts'

let folder: string
let style: AssStyle

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-ass-'))
  const { faces } = await prepareFonts(folder)
  style = { width: 1280, height: 720, faces, sungColour: '#ffd21f', unsungColour: '#ffffff', outlineColour: '#000000' }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A line whose words share its time equally. */
function line(text: string, startMs: number, endMs: number): TimedLine {
  const texts = text.match(/[^\s,]+/g) ?? []
  const share = (endMs - startMs) / Math.max(1, texts.length)
  const words = texts.map((word, index) => ({
    text: word,
    startMs: Math.round(startMs + index * share),
    endMs: Math.round(startMs + (index + 1) * share),
    confidence: null,
  }))
  return { text, startMs, endMs, words }
}

const english = (...lines: TimedLine[]): TimedLyrics => ({ language: 'en', lines })

/** The lyrics as the format can hold them: times to 10 ms, no confidences, no phones. */
function asWritten({ language, lines }: TimedLyrics): TimedLyrics {
  const round = (ms: number) => Math.round(ms / 10) * 10
  return {
    language,
    lines: lines.map(({ text, startMs, endMs, words }) => ({
      text,
      startMs: round(startMs),
      endMs: round(endMs),
      words: words.map((word) => ({
        text: word.text,
        startMs: round(word.startMs),
        endMs: round(word.endMs),
        confidence: null,
      })),
    })),
  }
}

interface Event {
  readonly style: string
  readonly startMs: number
  readonly endMs: number
  readonly y: number
  readonly text: string
}

function events(ass: string): Event[] {
  const toMs = (time: string) => time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1_000
  return Array.from(ass.matchAll(/^Dialogue: 0,([\d:.]+),([\d:.]+),(\w+),,0,0,0,,(.*)$/gm), (match) => ({
    style: match[3]!,
    startMs: Math.round(toMs(match[1]!)),
    endMs: Math.round(toMs(match[2]!)),
    y: Number(/\\pos\(-?\d+,(-?\d+)\)/.exec(match[4]!)?.[1]),
    text: match[4]!,
  }))
}

const lyricEvents = (lyrics: TimedLyrics) => events(writeAss(lyrics, style)).filter((event) => event.style === 'Lyric')

const ALPHABET = [
  ...'aB  {}\\nN,\'()%=-"é♪你好مرשलिð',
  '\n',
  '\u00a0',
  '\u200d',
  '\u0301',
  '😀',
  '👩‍🚀',
  '\\N',
  '{\\k5}',
]

function randomLyrics(seed: number): TimedLyrics {
  const { int, pick } = seeded(seed)
  const text = (length: number) => Array.from({ length }, () => pick(ALPHABET)).join('')
  let atMs = 0
  const lines = Array.from({ length: int(9) }, (): TimedLine => {
    const startMs = (atMs += int(4_000))
    const endMs = startMs + int(6_000)
    const words = Array.from({ length: int(6) }, () => {
      const from = startMs + int(endMs - startMs + 1)
      return { text: text(1 + int(5)), startMs: from, endMs: from + int(endMs - from + 1), confidence: 0.5 }
    })
    if (int(2) > 0) words.sort((a, b) => a.startMs - b.startMs)
    const written = words.map((word) => word.text).join(pick([' ', '', ' - ', '…']))
    return { text: int(4) > 0 ? written : text(int(20)), startMs, endMs, words }
  })
  return { language: pick(['en', 'pt-BR', 'ar']), lines }
}

test('any lyrics come back as they were written, to 10 ms', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const lyrics = randomLyrics(seed)
    expect(readAss(writeAss(lyrics, style)), `seed ${seed}`).toEqual(asWritten(lyrics))
  }
})

test('no two lines are ever on the same place at the same time, however they overlap', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const shown = lyricEvents(randomLyrics(seed)).filter((event) => event.endMs > event.startMs)
    for (const [index, a] of shown.entries()) {
      for (const b of shown.slice(index + 1)) {
        const isTogether = a.startMs < b.endMs && b.startMs < a.endMs
        expect(isTogether && a.y === b.y, `seed ${seed}`).toBe(false)
      }
    }
  }
})

test('every line stands on the screen from before its start to its end', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const lyrics = asWritten(randomLyrics(seed))
    lyricEvents(lyrics).forEach((event, index) => {
      expect(event.startMs).toBeLessThanOrEqual(lyrics.lines[index]!.startMs)
      expect(event.endMs).toBeGreaterThanOrEqual(lyrics.lines[index]!.endMs)
    })
  }
})

test('while one line is sung, the next is already there to read', () => {
  const lines = Array.from({ length: 12 }, (_, index) =>
    line('some words to sing', 6_000 + index * 2_000, 8_000 + index * 2_000),
  )
  const shown = lyricEvents(english(...lines))
  for (const [index, next] of lines.slice(1).entries()) {
    expect(next.startMs - shown[index + 1]!.startMs).toBeGreaterThanOrEqual(2_000)
  }
  expect(lines[0]!.startMs - shown[0]!.startMs).toBe(4_000)
  // Three lines to a page, top to bottom.
  expect(shown.slice(0, 3).map((event) => event.y)).toEqual([...shown.slice(3, 6).map((event) => event.y)])
  expect(shown[0]!.y).toBeLessThan(shown[1]!.y)
})

test('three dots count down to a start, and a long pause says how long it is', () => {
  const ass = events(writeAss(english(line('one', 8_000, 10_000), line('two', 40_000, 42_000)), style))
  const dots = ass.filter((event) => event.text.includes('\\p1'))
  expect(dots.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
    [5_000, 6_000],
    [6_000, 7_000],
    [7_000, 8_000],
    [37_000, 38_000],
    [38_000, 39_000],
    [39_000, 40_000],
  ])
  expect(dots.map((event) => event.text.split('m ').length - 1)).toEqual([3, 2, 1, 3, 2, 1])
  const counted = ass.filter((event) => event.style === 'Decor' && !event.text.includes('\\p1'))
  expect(counted.find((event) => event.startMs <= 20_000 && event.endMs > 20_000)?.text).toMatch(/20$/)
  const sung = ass.filter((event) => event.style === 'Lyric')
  for (const event of counted) {
    for (const lyric of sung) expect(event.startMs < lyric.endMs && lyric.startMs < event.endMs).toBe(false)
  }
})

test('words are filled in their time, and the gaps between them are not', () => {
  const words = [
    { text: 'Hey', startMs: 1_000, endMs: 1_400, confidence: null },
    { text: 'you', startMs: 1_700, endMs: 2_000, confidence: null },
  ]
  const [event] = lyricEvents(english({ text: '(Hey, you)', startMs: 900, endMs: 2_500, words }))
  const plain = event!.text.replace(/\{[^}]*(\\fn|\\pos)[^}]*\}/g, '')
  expect(plain).toBe('{\\k90}{\\k10}({\\kf40}Hey{\\k30}, {\\kf30}you{\\k50})')
})

test('words written from right to left are filled at once, others from their start', () => {
  const [arabic, latin] = lyricEvents(english(line('مرحبا بالعالم', 0, 1_000), line('hello world', 1_000, 2_000)))
  expect(arabic!.text).not.toContain('\\kf')
  expect(arabic!.text.match(/\{word\}/g)).toHaveLength(2)
  expect(latin!.text.match(/\\kf50/g)).toHaveLength(2)
})

test('text cannot smuggle in markup', () => {
  const lyrics = english(line('{\\fs200}big \\N{\\p1}m0', 0, 1_000))
  const [event] = lyricEvents(lyrics)
  const drawn = event!.text.replace(/\{[^}]*\}/g, '')
  expect(drawn).not.toMatch(/[{}\\]/)
  expect(event!.text).not.toMatch(/\\fs200|\\p1/)
  expect(readAss(writeAss(lyrics, style)).lines[0]!.text).toBe('{\\fs200}big \\N{\\p1}m0')
})

test('a song without lines is still a valid file', () => {
  expect(readAss(writeAss({ language: 'de', lines: [] }, style))).toEqual({ language: 'de', lines: [] })
})

test('what is no ASS file, or has no karaoke in its lines, is refused', () => {
  expect(() => readAss('[00:01.00] lrc')).toThrow(InvalidInput)
  const plain = writeAss(english(line('a', 0, 500)), style).replace(/\\k\w*\d+/g, '')
  expect(() => readAss(plain)).toThrow(/karaoke tags/)
})

test('a file edited on Windows, with other places, reads the same', () => {
  const lyrics = english(line('hello there', 5_000, 7_000))
  const edited = `\ufeff${writeAss(lyrics, style)
    .replace(/\\pos\([^)]*\)/g, '\\an2')
    .replaceAll('\n', '\r\n')}`
  expect(readAss(edited)).toEqual(lyrics)
})

test('a line that is too long is drawn a little smaller first, then broken into even rows', () => {
  const words = (count: number) => Array.from({ length: count }, () => ({ widthEm: 2, canBreakAfter: true }))
  expect(fitRows(words(5), 50, 1_000)).toEqual({ breaksAfter: [], emPx: 50, count: 1 })
  expect(fitRows(words(11), 50, 1_000)).toMatchObject({ breaksAfter: [], count: 1 })
  expect(fitRows(words(16), 50, 1_000)).toEqual({ breaksAfter: [7], emPx: 50, count: 2 })
  const unbreakable = fitRows([{ widthEm: 40, canBreakAfter: false }], 50, 1_000)
  expect(unbreakable).toEqual({ breaksAfter: [], emPx: 25, count: 1 })
  expect(fitRows([], 50, 1_000)).toEqual({ breaksAfter: [], emPx: 50, count: 1 })
})

test('lines of every length stay within the screen', () => {
  const { int, pick } = seeded(7)
  for (let round = 0; round < 100; round++) {
    const pieces = Array.from({ length: 1 + int(40) }, () => ({
      widthEm: 0.3 + int(60) / 10,
      canBreakAfter: pick([true, false]),
    }))
    const { breaksAfter, emPx, count } = fitRows(pieces, 54, 1_152)
    const ends = [...breaksAfter, pieces.length - 1]
    const widths = ends.map((end, row) =>
      pieces.slice(row === 0 ? 0 : ends[row - 1]! + 1, end + 1).reduce((sum, piece) => sum + piece.widthEm, 0),
    )
    expect(Math.max(...widths) * emPx).toBeLessThanOrEqual(1_152.001)
    expect(count).toBe(ends.length)
    for (const end of breaksAfter) expect(pieces[end]!.canBreakAfter).toBe(true)
  }
})

test('pages are filled evenly, and nothing is shown before it may be', () => {
  const lines = Array.from({ length: 4 }, (_, index) => ({
    startMs: 1_000 + index * 1_000,
    endMs: 2_000 + index * 1_000,
  }))
  const { placements, pauses } = layOutPages(lines, 3, 500)
  expect(placements.map(({ row }) => row)).toEqual([0.5, 1.5, 0.5, 1.5])
  expect(placements[0]!.showMs).toBe(500)
  expect(placements[2]!.showMs).toBe(lines[1]!.startMs)
  expect(pauses).toEqual([{ fromMs: 500, untilMs: 500, startMs: 1_000, row: 0.5 }])
  expect(layOutPages([], 3, 0)).toEqual({ placements: [], pauses: [] })
})
