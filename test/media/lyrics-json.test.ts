import { expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import type { TimedLyrics } from '../../worker/media/lyrics.ts'
import { readLyricsJson, writeLyricsJson } from '../../worker/media/lyrics-json.ts'

const LYRICS: TimedLyrics = {
  language: 'pt-BR',
  lines: [
    {
      text: '"Olá", 你好 👋 \u2028',
      startMs: 10,
      endMs: 900,
      words: [
        { text: 'Olá', startMs: 10, endMs: 400, confidence: 0.5, phones: [{ phone: 'OW', startMs: 10, endMs: 90 }] },
        { text: '你好', startMs: 400, endMs: 900, confidence: null },
      ],
    },
    { text: '', startMs: 900, endMs: 900, words: [] },
  ],
}

test('what is written is read again, phones and confidence too', () => {
  const metadata = { title: 'Olá', artist: 'A "B"', durationMs: 1_000 }
  expect(readLyricsJson(writeLyricsJson(LYRICS, metadata))).toEqual({ lyrics: LYRICS, metadata })
  const empty = { language: 'en', lines: [] }
  expect(readLyricsJson(`\uFEFF${writeLyricsJson(empty)}`)).toEqual({ lyrics: empty, metadata: {} })
})

test('the text is JSON of the documented shape, one line of lyrics a line', () => {
  const text = writeLyricsJson(LYRICS)
  expect(JSON.parse(text)).toEqual({ format: 'refrain-lyrics', version: 1, metadata: {}, ...LYRICS })
  expect(text.split('\n').filter((line) => line.includes('startMs'))).toHaveLength(2)
})

const line = { text: 'a', startMs: 10, endMs: 20, words: [] }
const document = (lines: unknown) =>
  JSON.stringify({ format: 'refrain-lyrics', version: 1, language: 'en', metadata: {}, lines })

test.each([
  ['no JSON', '[00:01.00]a', /no JSON/],
  ['another version', document([]).replace('1', '2'), /version/],
  ['a time that is no whole number', document([{ ...line, startMs: 1.5 }]), /lines\.0\.startMs/],
  ['lines out of order', document([line, { ...line, startMs: 5 }]), /line 2 starts at 5 ms/],
  ['an end before the start', document([{ ...line, endMs: 9 }]), /line 1 ends at 9 ms/],
  [
    'a word outside its line',
    document([{ ...line, words: [{ text: 'b', startMs: 10, endMs: 21, confidence: 1 }] }]),
    /“b”/,
  ],
])('%s is refused with its place', (_, text, message) => {
  expect(() => readLyricsJson(text)).toThrow(InvalidInput)
  expect(() => readLyricsJson(text)).toThrow(message)
})
