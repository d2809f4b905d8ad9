import { mkdtemp, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TimedLyrics } from '../../worker/media/lyrics.ts'
import type { Alignment } from '../../worker/providers/alignment/contract.ts'
import { alignment } from '../../worker/providers/alignment/index.ts'
import { matchWords } from '../../worker/providers/alignment/token-match.ts'
import { chosen, testDeps } from '../support/provider.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'

const KEY = 'sk_0123456789'

/** Gives every white-space token half a second, with white-space tokens between, as the service does. */
async function startElevenLabs(): Promise<Vendor> {
  return startVendor({
    'POST /v1/forced-alignment': async (request) => {
      if (request.headers['xi-api-key'] !== KEY) {
        return {
          status: 401,
          json: { detail: { status: 'invalid_api_key', message: `Invalid key ${request.headers['xi-api-key']}` } },
        }
      }
      const form = await request.form()
      const file = form.get('file')
      if (!(file instanceof File) || file.size === 0)
        return { status: 422, json: { detail: [{ loc: ['file'], msg: 'missing', type: 'm' }] } }
      const words = String(form.get('text'))
        .split(/(\s+)/)
        .map((text, i) => ({ text, start: i / 2, end: i / 2 + 0.4, loss: 0.1 }))
      return { json: { characters: [], words, loss: 0.1 } }
    },
  })
}

function provider(vendor: Vendor, more: Record<string, string> = {}): Alignment {
  const environment = { ELEVENLABS_API_KEY: KEY, ELEVENLABS_URL: vendor.url, ELEVENLABS_INTERVAL_MS: '0', ...more }
  return chosen(alignment, { ALIGNMENT_PROVIDER: 'elevenlabs', ...environment }, testDeps({ timeoutMs: 500 }))
}

async function request(lines: readonly string[], language = 'en', signal = new AbortController().signal) {
  const workspacePath = await mkdtemp(join(tmpdir(), 'refrain-elevenlabs-'))
  const audioPath = join(workspacePath, 'mix.mp3')
  await writeFile(audioPath, 'not read by the far side here')
  return { audioPath, lines: lines.map((text) => ({ text })), language, workspacePath, onProgress: () => {}, signal }
}

test('lines come back as they went, each with its sung words and their times', async () => {
  await using vendor = await startElevenLabs()
  const { lyrics, method, confidence } = await provider(vendor).align(
    await request(['Hello, my — friend!', '…', 'Don’t go']),
  )
  expect(TimedLyrics.parse(lyrics)).toEqual(lyrics)
  const word = (text: string, startMs: number) => ({ text, startMs, endMs: startMs + 400, confidence: Math.exp(-0.1) })
  expect(lyrics).toEqual({
    language: 'en',
    lines: [
      {
        text: 'Hello, my — friend!',
        startMs: 0,
        endMs: 3_400,
        words: [word('Hello,', 0), word('my', 1_000), word('friend!', 3_000)],
      },
      { text: '…', startMs: 3_400, endMs: 3_400, words: [] },
      { text: 'Don’t go', startMs: 5_000, endMs: 6_400, words: [word('Don’t', 5_000), word('go', 6_000)] },
    ],
  })
  expect(method).toContain('elevenlabs')
  expect(confidence).toBeCloseTo(Math.exp(-0.1), 9)
})

test('words that the service splits, joins or spells otherwise are found by their letters', () => {
  const token = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs, confidence: 1 })
  const matched = matchWords(
    ['Café', 'don’t', 'you', 'know', '50'],
    [
      token('cafe\u0301', 0, 100),
      token('don', 100, 200),
      token("'t", 200, 300),
      token('youknow', 300, 1_000),
      token('fifty', 1_000, 2_000),
    ],
  )
  expect(matched).toEqual([
    { startMs: 0, endMs: 100, confidence: 1 },
    { startMs: 100, endMs: 300, confidence: 1 },
    { startMs: 300, endMs: 600, confidence: 1 },
    { startMs: 600, endMs: 1_000, confidence: 1 },
    null,
  ])
  const unsung = matchWords(['la', '—', 'la'], [token('la', 0, 1), token('-', 1, 2), token('la', 2, 3)])
  expect(unsung.map((match) => match?.startMs)).toEqual([0, unsung[1]?.startMs, 2])
  expect(matchWords([], [])).toEqual([])
  expect(matchWords(['a'], [])).toEqual([null])
})

test('thousands of words with lost and added ones are matched in a moment', () => {
  const words = Array.from({ length: 3_000 }, (_, i) => `word${i}`)
  const tokens = words.flatMap((text, i) =>
    i % 10 === 0 ? [] : [{ text, startMs: i, endMs: i + 1, confidence: null }],
  )
  const startedMs = performance.now()
  const matched = matchWords(words, tokens)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  expect(matched[2_999]).toMatchObject({ startMs: 2_999 })
  expect(matched.map((match) => match?.startMs ?? null)).toEqual(words.map((_, i) => (i % 10 === 0 ? null : i)))
})

test('a lost word is put beside its neighbours with no confidence, and times never run backwards', async () => {
  await using vendor = await startElevenLabs()
  const words = [
    { text: 'two', start: 10, end: 10.5 },
    { text: 'three', start: 10.2, end: 10.1 },
    { text: 'five', start: 30, end: 31 },
    { text: 'six', start: 29, end: 29.5 },
  ]
  vendor.inject('POST /v1/forced-alignment', { json: { words } })
  const { lyrics, confidence } = await provider(vendor).align(
    await request(['eins two three', 'vour five six', 'ssss']),
  )
  expect(
    lyrics.lines.flatMap((line) => line.words).map(({ startMs, endMs, confidence }) => [startMs, endMs, confidence]),
  ).toEqual([
    [9_600, 10_000, 0],
    [10_000, 10_500, null],
    [10_200, 10_200, null],
    [10_200, 10_600, 0],
    [30_000, 31_000, null],
    [30_000, 30_000, null],
    [30_000, 30_000, 0],
  ])
  expect(confidence).toBe(0)
})

test('a language without spaces is cut into words', async () => {
  await using vendor = await startElevenLabs()
  const { lyrics } = await provider(vendor).align(await request(['我爱你，中国'], 'zh-CN'))
  expect(lyrics.lines[0].words.map(({ text }) => text).join('')).toBe('我爱你中国')
  expect(lyrics.lines[0].words.length).toBeGreaterThan(1)
})

test('an answer about another text, of another form, or a refused key is a rejection without the key', async () => {
  await using vendor = await startElevenLabs()
  const lines = await request(['these are the words', 'of a song'])
  vendor.inject(
    'POST /v1/forced-alignment',
    { json: { words: [{ text: 'zzz', start: 0, end: 1 }] } },
    { json: { words: [{ text: 'a', start: '0', end: 1 }] } },
    { status: 422, json: { detail: [{ loc: ['text'], msg: 'text too long', type: 'value' }] } },
    { body: 'fine' },
  )
  for (const part of ['got them for', 'words[0].start', 'text too long', 'expected JSON']) {
    const error = await provider(vendor)
      .align(lines)
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
    expect(String(error)).toContain(part)
  }
  const refused = await provider(vendor, { ELEVENLABS_API_KEY: 'sk_wrong99' })
    .align(lines)
    .catch((error: unknown) => error)
  expect(refused).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(String(refused)).not.toContain('sk_wrong99')
})

test('a busy service is asked again, but nothing that may have been paid for is', async () => {
  await using vendor = await startElevenLabs()
  const lines = await request(['la la'])
  vendor.inject('POST /v1/forced-alignment', { status: 429, headers: { 'retry-after': '0' } })
  expect((await provider(vendor).align(lines)).lyrics.lines).toHaveLength(1)
  for (const fault of [{ status: 500 }, 'truncate', 'reset'] as const) {
    const before = vendor.requests.length
    vendor.inject('POST /v1/forced-alignment', fault)
    await expect(provider(vendor).align(lines)).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
    expect(vendor.requests.length - before).toBe(1)
  }
  vendor.inject('POST /v1/forced-alignment', 'hang')
  const slow = provider(vendor, { ELEVENLABS_TIMEOUT_MS: '100' }).align(lines)
  await expect(slow).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
})

test('calls keep their distance, an abort ends them, and a file too large is not sent', async () => {
  await using vendor = await startElevenLabs()
  const paced = provider(vendor, { ELEVENLABS_INTERVAL_MS: '150' })
  const startedMs = performance.now()
  await Promise.all([paced.align(await request(['la'])), paced.align(await request(['la']))])
  expect(performance.now() - startedMs).toBeGreaterThan(140)
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('canceled')), 30)
  await expect(paced.align(await request(['la'], 'en', controller.signal))).rejects.toThrow('canceled')
  const large = await request(['la'])
  await truncate(large.audioPath, 3_000_000_001)
  await expect(paced.align(large)).rejects.toMatchObject({ kind: 'INVALID_INPUT' })
  expect(vendor.requests).toHaveLength(2)
})
