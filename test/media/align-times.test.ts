import { expect, test } from 'vitest'
import { agreement, chooseMedians } from '../../worker/media/align/confidence.ts'
import { timesFit } from '../../worker/media/align/evidence.ts'
import { findOffset } from '../../worker/media/align/offset.ts'
import { paceSteps } from '../../worker/media/align/pace.ts'
import { type PlacedWord, timeLines } from '../../worker/media/align/timed-words.ts'
import { tokenizeLyrics } from '../../worker/media/align/tokenize.ts'
import { windowWords } from '../../worker/media/align/windows.ts'
import { seeded } from './random.ts'

const quiet = { onProgress: () => {}, signal: new AbortController().signal }

const LINES = [
  { text: 'one two', startMs: 10_000 },
  { text: 'three four' },
  { text: 'five', startMs: 20_000, words: [{ text: 'five', startMs: 20_100 }] },
]

test('line and word times become windows', () => {
  const words = tokenizeLyrics(LINES, 'en')
  expect(windowWords(words, LINES)).toEqual([
    { startSeconds: 9.5, endSeconds: 20.5, latestStartSeconds: 10.6 },
    { startSeconds: 9.5, endSeconds: 20.5, latestStartSeconds: Number.POSITIVE_INFINITY },
    { startSeconds: 9.5, endSeconds: 20.5, latestStartSeconds: Number.POSITIVE_INFINITY },
    { startSeconds: 9.5, endSeconds: 20.5, latestStartSeconds: Number.POSITIVE_INFINITY },
    { startSeconds: 19.75, endSeconds: Number.POSITIVE_INFINITY, latestStartSeconds: 20.450000000000003 },
  ])
  expect(windowWords(words, LINES, 2)?.[0].startSeconds).toBe(11.5)
  expect(windowWords(words, [{ text: 'one two' }, { text: 'three four' }, { text: 'five' }])).toBeNull()
})

test('times of another edit of the song are recognised by their constant offset', () => {
  const lines = Array.from({ length: 6 }, (_, i) => ({ text: 'la la', startMs: 4000 * i }))
  const words = tokenizeLyrics(lines, 'en')
  const onsets = (seconds: (line: number) => number) =>
    Int32Array.from(words, (word, i) => 100 * seconds(word.line) + (i % 2) * 50)
  expect(
    findOffset(
      words,
      lines,
      onsets((line) => 4 * line + 7.5),
    ),
  ).toBeCloseTo(7.5)
  expect(
    findOffset(
      words,
      lines,
      onsets((line) => 4 * line + (line === 3 ? 99 : -1)),
    ),
  ).toBeCloseTo(-1)
  expect(
    findOffset(
      words,
      lines,
      onsets((line) => 4 * line + 0.1),
    ),
  ).toBeNull()
  expect(
    findOffset(
      words,
      lines,
      onsets((line) => 4.9 * line),
    ),
  ).toBeNull()
  expect(
    findOffset(
      words.slice(0, 4),
      lines.slice(0, 2),
      onsets((line) => 4 * line + 7),
    ),
  ).toBeNull()
})

test('given times are believed while the words keep fitting, or when nothing fits anyway', () => {
  expect(timesFit(20, 25, 100)).toBe(true)
  expect(timesFit(2, 25, 100)).toBe(false)
  expect(timesFit(-3, 1, 100)).toBe(true)
})

test('confidence is the agreement of the passes with the chosen one', () => {
  const passes = [Int32Array.of(100, 200, 300), Int32Array.of(100, 220, 900), Int32Array.of(100, 210, 500)]
  const [same, near, far] = agreement(passes, Uint8Array.of(0, 2, 2))
  expect(same).toBe(1)
  expect(near).toBeCloseTo(0.5)
  expect(far).toBeCloseTo(0.05, 2)
  expect(Array.from(agreement([Int32Array.of(5)], Uint8Array.of(0)))).toEqual([1])
})

test('each word is taken from the pass with the median onset, and words keep their order', () => {
  const passes = [Int32Array.of(0, 50), Int32Array.of(10, 40), Int32Array.of(20, 90), Int32Array.of(30, 33)]
  expect(Array.from(chooseMedians(passes, [1, 2, 3]))).toEqual([2, 1])
  expect(Array.from(chooseMedians(passes, [0]))).toEqual([0, 0])
  const random = seeded(8)
  for (let trial = 0; trial < 100; trial++) {
    const rising = Array.from({ length: 3 }, () => {
      let frame = 0
      return Int32Array.from({ length: 20 }, () => (frame += 3 + random.int(40)))
    })
    const chosen = chooseMedians(rising, [0, 1, 2])
    for (let word = 1; word < 20; word++) {
      expect(rising[chosen[word]][word] - rising[chosen[word - 1]][word - 1]).toBeGreaterThanOrEqual(3)
    }
  }
})

test('a word gives way to the next where two passes overlap', () => {
  const lines = [{ text: 'hey ho' }]
  const placed = [
    { startMs: 0, endMs: 900, confidence: 1, phones: [{ phone: 'EY', startMs: 0, endMs: 900 }] },
    { startMs: 300, endMs: 400, confidence: 1, phones: [] },
  ]
  const [{ words }] = timeLines(lines, tokenizeLyrics(lines, 'en'), placed)
  expect(words.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
    [0, 300],
    [300, 400],
  ])
  expect(words[0].phones).toEqual([{ phone: 'EY', startMs: 0, endMs: 300 }])
})

test('words without sound stand between their neighbours and nothing overlaps', () => {
  const lines = [{ text: '🎉 hey 😀 ho' }, { text: '[Chorus]' }, { text: '🎵' }, { text: 'ha' }]
  const words = tokenizeLyrics(lines, 'en')
  const word = (startMs: number, endMs: number): PlacedWord => ({
    startMs,
    endMs,
    confidence: 0.8,
    phones: [{ phone: 'HH', startMs, endMs }],
  })
  const timed = timeLines(lines, words, [word(1000, 1200), word(1200, 1230), word(5000, 5030)])
  expect(timed.map(({ text, words }) => [text, ...words.map(({ startMs, endMs }) => [startMs, endMs])])).toEqual([
    ['🎉 hey 😀 ho', [990, 1000], [1000, 1200], [1200, 1210], [1210, 1230]],
    ['🎵', [4990, 5000]],
    ['ha', [5000, 5030]],
  ])
  expect(timed[0].words.map(({ confidence }) => confidence)).toEqual([null, 0.8, null, 0.8])
  expect(timed[0].words[3].phones).toEqual([{ phone: 'HH', startMs: 1210, endMs: 1230 }])
})

test('steps share one progress that never falls', async () => {
  const seen: number[] = []
  const step = paceSteps(4, { ...quiet, onProgress: (fraction) => seen.push(fraction) })
  const [first, second] = [step(1, 'a'), step(3, 'b')]
  for (const [pauseStep, fraction] of [
    [first, 0],
    [first, 0.5],
    [first, 1],
    [first, 0.2],
    [second, 0],
    [second, 1],
  ] as const) {
    await new Promise((resolve) => setTimeout(resolve, 110))
    await pauseStep(fraction)
  }
  expect(seen).toEqual([0, 0.125, 0.25, 0.25, 0.25, 1])
})
