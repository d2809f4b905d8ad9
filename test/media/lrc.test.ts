import { expect, test } from 'vitest'
import { parseLrc, readLrc, writeLrc } from '../../worker/media/lrc.ts'
import type { TimedLine, TimedLyrics } from '../../worker/media/lyrics.ts'
import { seeded } from './random.ts'

const PIECES = [
  ...[
    'hello',
    "don't",
    '“quoted”',
    '[brackets]',
    '[12:34.56]',
    '<00:01.20>',
    '<3',
    '[\u206001:02]',
    '5:30',
    'a]b',
    '[',
    '<',
    '>',
  ],
  ...['你好', 'こんにちは', 'שלום', 'مرحبا', '👩‍👩‍👧', '🎵', 'é', '…', '—', '[ti:x]', 'ti:x', '1', '.', '[offset:9]'],
]
const GAPS = [' ', ' ', ' ', '', ' - ', ', ', ' (', ') ', ' <00:01> ', ' [', '… ']

function randomLyrics(seed: number, overlapping: boolean): TimedLyrics {
  const random = seeded(seed)
  const lines: TimedLine[] = []
  let atMs = random.int(20_000)
  for (let l = random.int(6); l >= 0; l--) {
    const startMs = atMs
    const words: TimedLine['words'] = []
    let text = random.pick(['', '', '(', '¡', '[', '- '])
    let wordMs = startMs + random.pick([0, random.int(500)])
    for (let w = random.int(7); w > 0; w--) {
      const word = random.pick(PIECES)
      const endMs = wordMs + random.pick([0, 1, random.int(900)])
      words.push({ text: word, startMs: wordMs, endMs, confidence: null })
      text += word + random.pick(GAPS)
      wordMs = random.pick([endMs, endMs + random.int(300)])
    }
    const endMs = Math.max(startMs, words.at(-1)?.endMs ?? 0) + random.pick([0, random.int(2_000)])
    if (words.length === 0) text += random.pick(PIECES)
    lines.push({ text: text.replace(/\s+/g, ' ').trim(), startMs, endMs, words })
    atMs = overlapping ? startMs + random.int(3_000) : endMs + 20 + random.int(100_000)
  }
  return { language: random.pick(['en', 'pt-BR', 'ja', 'und']), lines }
}

test('word LRC gives back the same lyrics, whatever their text', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const lyrics = randomLyrics(seed, seed % 2 === 0)
    expect(readLrc(writeLrc(lyrics, { kind: 'word' }))).toEqual(lyrics)
  }
})

test('line LRC gives back lines to the hundredth', () => {
  const hundredth = (timeMs: number) => Math.round(timeMs / 10) * 10
  for (let seed = 1; seed <= 1_000; seed++) {
    const lyrics = randomLyrics(seed, false)
    const lines = lyrics.lines.map((line) => ({
      text: line.text,
      startMs: hundredth(line.startMs),
      endMs: hundredth(line.endMs),
      words: [],
    }))
    expect(readLrc(writeLrc(lyrics, { kind: 'line' }))).toEqual({ language: lyrics.language, lines })
  }
})

const SONG: TimedLyrics = {
  language: 'en',
  lines: [
    {
      text: 'Row, row your boat!',
      startMs: 1_000,
      endMs: 3_000,
      words: [
        {
          text: 'Row',
          startMs: 1_000,
          endMs: 1_400,
          confidence: 0.9,
          phones: [{ phone: 'R', startMs: 1_000, endMs: 1_100 }],
        },
        { text: 'row', startMs: 1_500, endMs: 1_900, confidence: null },
        { text: 'your', startMs: 1_900, endMs: 2_200, confidence: null },
        { text: 'boat!', startMs: 2_200, endMs: 2_800, confidence: 0.1 },
      ],
    },
    { text: 'Gently', startMs: 3_605_004, endMs: 3_606_000, words: [] },
  ],
}

test('line LRC is what every player reads', () => {
  expect(
    writeLrc(SONG, { kind: 'line', metadata: { title: 'Row]\nBoat', artist: 'Trad.', durationMs: 185_250 } }),
  ).toBe(
    [
      '[ti:Row] Boat]',
      '[ar:Trad.]',
      '[length:03:05.25]',
      '[la:en]',
      '[re:Refrain]',
      '[00:01.00]Row, row your boat!',
      '[00:03.00]',
      '[60:05.00]Gently',
      '[60:06.00]',
      '',
    ].join('\n'),
  )
})

test('word LRC tags each word and keeps its end', () => {
  expect(writeLrc(SONG, { kind: 'word' }).split('\n')[2]).toBe(
    '[00:01.000]<00:01.000>Row<00:01.400><00:01.400>, <00:01.500>row <00:01.900>your <00:02.200>boat!<00:02.800><00:03.000>',
  )
  expect(readLrc(writeLrc(SONG, { kind: 'word', metadata: { title: 'x]y' } })).lines[0].words[3].endMs).toBe(2_800)
})

test('words that the text does not hold become the text', () => {
  const lyrics = { language: 'en', lines: [{ ...SONG.lines[0], text: 'Something else' }] }
  expect(readLrc(writeLrc(lyrics, { kind: 'word' })).lines[0].text).toBe('Row row your boat!')
})

test('no lyrics at all make headers only, and nothing reads as nothing', () => {
  expect(readLrc(writeLrc({ language: 'de', lines: [] }, { kind: 'word' }))).toEqual({ language: 'de', lines: [] })
  expect(parseLrc('')).toEqual({ metadata: {}, offsetMs: 0, lines: [] })
})

const starts = (text: string) => parseLrc(text).lines.map((line) => [line.startMs, line.text])

test.each([
  [
    'several times on one line',
    '[00:10.00][01:10.00] Chorus line\n[00:20.00]Verse',
    [
      [10_000, 'Chorus line'],
      [20_000, 'Verse'],
      [70_000, 'Chorus line'],
    ],
  ],
  [
    'lines in any order',
    '[00:20.00]b\n[00:10.00]a',
    [
      [10_000, 'a'],
      [20_000, 'b'],
    ],
  ],
  [
    'an offset, which shows lines sooner',
    '[offset:+500]\n[00:10.00]a\n[00:00.10]z',
    [
      [0, 'z'],
      [9_500, 'a'],
    ],
  ],
  ['a negative offset', '[offset:-250]\n[00:10.00]a', [[10_250, 'a']]],
  [
    'byte-order mark and CRLF',
    '\uFEFF[ti:T]\r\n[00:01.00]a\r\n\r\n[00:02.00]b\r\n',
    [
      [1_000, 'a'],
      [2_000, 'b'],
    ],
  ],
  [
    'no decimals, one, three and six',
    '[00:01]a\n[00:02.5]b\n[00:03.125]c\n[00:04.123456]d',
    [
      [1_000, 'a'],
      [2_500, 'b'],
      [3_125, 'c'],
      [4_123, 'd'],
    ],
  ],
  ['a colon before the hundredths', '[00:12:34]a', [[12_340, 'a']]],
  [
    'hours',
    '[1:02:03]a\n[01:02:03.50]b\n[90:00.00]c',
    [
      [3_723_000, 'a'],
      [3_723_500, 'b'],
      [5_400_000, 'c'],
    ],
  ],
  ['no garbage', 'www.example.org\n[00:75.00]x\n[Chorus]\n[xx:yy]q\n]][[\n[00:01.00]a', [[1_000, 'a']]],
  ['no blank lines', '[00:01.00]a\n[00:02.00]\n[00:03.00] \n', [[1_000, 'a']]],
  ['headings as text', '[00:01.00][Chorus] la', [[1_000, '[Chorus] la']]],
])('LRC with %s', (_, text, expected) => {
  expect(starts(text)).toEqual(expected)
})

test('headers are read, and only known ones', () => {
  expect(parseLrc('[ti: Sea ]\n[AR:Ana]\n[re:x]\n[mood:blue]\n[offset:abc]').metadata).toEqual({
    ti: 'Sea',
    ar: 'Ana',
    re: 'x',
    offset: 'abc',
  })
})

test('word tags of other writers are read: first word untagged, spaces around tags, square inline tags, moved repeats', () => {
  expect(parseLrc('[00:12.00]Hello <00:12.50>big <00:13.00> world').lines[0]).toEqual({
    text: 'Hello big world',
    startMs: 12_000,
    words: [
      { text: 'Hello', startMs: 12_000 },
      { text: 'big', startMs: 12_500 },
      { text: 'world', startMs: 13_000 },
    ],
  })
  const [first, again] = readLrc('[00:10.00][01:00.00]<00:10.10>La [00:10.50]la<00:11.00>').lines
  expect(first).toMatchObject({
    startMs: 10_000,
    endMs: 11_000,
    words: [
      { startMs: 10_100, endMs: 10_500 },
      { startMs: 10_500, endMs: 11_000 },
    ],
  })
  expect(again).toMatchObject({ startMs: 60_000, endMs: 61_000, words: [{ startMs: 60_100 }, { startMs: 60_500 }] })
})

test('a line ends at the next entry, the last at the length or after four seconds', () => {
  const ends = (text: string) => readLrc(text).lines.map((line) => line.endMs)
  expect(ends('[00:01.00]a\n[00:02.00]b\n[00:03.00]\n[00:09.00]c')).toEqual([2_000, 3_000, 13_000])
  expect(ends('[length:00:20.00]\n[00:01.00]a')).toEqual([20_000])
  expect(ends('[00:01.00]a\n[00:01.00]b\n[00:05.00]')).toEqual([5_000, 5_000])
})

test('random bytes never throw', () => {
  const random = seeded(7)
  for (let i = 0; i < 500; i++) {
    let text = ''
    for (let c = 0; c < 60; c++) text += random.pick([...'[]<>:.0123456789 \nab\r\uFEFF'])
    for (const line of readLrc(text).lines) expect(line.endMs).toBeGreaterThanOrEqual(line.startMs)
  }
})
