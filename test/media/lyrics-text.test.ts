import { expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { writeLrc } from '../../worker/media/lrc.ts'
import { parseLyrics } from '../../worker/media/lyrics-text.ts'

const texts = (text: string) => parseLyrics(text).lines.map((line) => line.text)

test('plain text keeps its words as written, heading and punctuation included', () => {
  expect(parseLyrics('[Chorus]\nDon’t  STOP,\n\n\tla-la… 你好\n')).toEqual({
    lines: [{ text: '[Chorus]' }, { text: 'Don’t STOP,' }, { text: 'la-la… 你好' }],
    hasTimes: false,
  })
})

test('every line break counts, invisible characters go, joiners of scripts and emoji stay', () => {
  expect(texts('\uFEFFa\r\nb\rc\u2028d\u0085e')).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(texts('he\u200bl\u00adlo\u0007\u001b wor\u202eld\u2060')).toEqual(['hello world'])
  expect(texts('می\u200cروم 👩\u200d👧 a\u00a0\u3000b')).toEqual(['می\u200cروم 👩\u200d👧 a b'])
  expect(texts('lone \ud800 half')).toEqual(['lone half'])
})

test('LRC is recognised and its times are kept', () => {
  expect(parseLyrics('[ar:Ana]\r\n[00:01.50]One <00:02.00>two\r\n[00:04.00]\r\n[00:03.00]three\u200b')).toEqual({
    lines: [
      {
        text: 'One two',
        startMs: 1_500,
        words: [
          { text: 'One', startMs: 1_500 },
          { text: 'two', startMs: 2_000 },
        ],
      },
      { text: 'three', startMs: 3_000 },
    ],
    hasTimes: true,
  })
  const lyrics = { language: 'en', lines: [{ text: 'x [00:01.00] y', startMs: 5, endMs: 9, words: [] }] }
  expect(parseLyrics(writeLrc(lyrics, { kind: 'word' })).lines[0].text).toBe('x [00:01.00] y')
})

test('one time in plain text does not make it LRC', () => {
  expect(parseLyrics('[03:10] is when it began\nsecond\nthird')).toEqual({
    lines: [{ text: '[03:10] is when it began' }, { text: 'second' }, { text: 'third' }],
    hasTimes: false,
  })
})

test.each([
  ['nothing', '', /empty/],
  ['nothing to sing', ' \n…\n--- \n', /empty/],
  ['only headers of LRC', '[00:01.00]\n[00:02.00]', /empty/],
  ['a binary file', 'PK\u0003\u0004\0\0', /NUL/],
  ['more than 1 MB', 'é'.repeat(600_000), /1000000 bytes, got 1200000/],
  ['too many lines', 'a\n'.repeat(2_001), /2000 lines, got 2001/],
  ['too many words', 'a b c d e f g h i j k\n'.repeat(1_000), /10000 words, got 11000/],
])('%s is refused, saying the limit and what came', (_, text, message) => {
  expect(() => parseLyrics(text)).toThrow(InvalidInput)
  expect(() => parseLyrics(text)).toThrow(message)
})

test('the limits themselves are allowed', () => {
  expect(parseLyrics('a b c d e\n'.repeat(2_000)).lines).toHaveLength(2_000)
})
