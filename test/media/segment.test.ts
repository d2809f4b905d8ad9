import { expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import type { TimedLine } from '../../worker/media/lyrics.ts'
import { assertClipBounds, type ClipRequest, selectClip } from '../../worker/media/segment.ts'
import { seeded } from './random.ts'

const config = { minSeconds: 40, maxSeconds: 100, introSeconds: 15 }

/** One line of four words that fill it. */
function line(startSeconds: number, endSeconds: number, text = `line at ${startSeconds} s`): TimedLine {
  const startMs = startSeconds * 1000
  const step = ((endSeconds - startSeconds) * 1000) / 4
  const words = [0, 1, 2, 3].map((i) => ({
    text: 'la',
    startMs: Math.round(startMs + i * step),
    endMs: Math.round(startMs + (i + 0.8) * step),
    confidence: null,
  }))
  return { text, startMs, endMs: endSeconds * 1000, words }
}

/** Paragraphs of four lines of 4 s, 0.5 s apart, with 5 s between paragraphs (23 s from one to the next). */
function paragraphs(
  count: number,
  startSeconds: number,
  text?: (paragraph: number, line: number) => string,
): TimedLine[] {
  return Array.from({ length: count * 4 }, (_, i) => {
    const start = startSeconds + Math.floor(i / 4) * 23 + (i % 4) * 4.5
    return line(start, start + 4, text?.(Math.floor(i / 4), i % 4))
  })
}

const select = (request: Partial<ClipRequest>) =>
  selectClip({ lines: [], sections: [], durationMs: 240_000, config, ...request })

test('the clip starts with the song and ends after the first paragraph past 40 s, with its last note', () => {
  const lines = paragraphs(6, 10)
  const clip = select({ lines })
  expect(clip).toMatchObject({ startMs: 0, method: 'deterministic' })
  // The second paragraph: 33 s to 50.5 s, its last word until 50.3 s.
  expect(clip.endMs).toBe(51_800)
  expect(clip.reasons.join(' ')).toMatch(/first line begins at 10\.0 s.*after line 8/)
})

test('it goes on to a chorus, told from repeated lines or from a section', () => {
  const repeated = paragraphs(6, 10, (p, l) => (p % 3 === 2 ? `chorus ${l}` : `verse ${p} ${l}`))
  expect(select({ lines: repeated }).endMs).toBe(74_800)
  expect(select({ lines: repeated }).reasons[1]).toContain('where a chorus ends')
  const sections = [
    { startMs: 0, endMs: 56_000, label: 'verse' },
    { startMs: 56_000, endMs: 74_000, label: 'chorus' },
    { startMs: 74_000, endMs: 240_000, label: 'A' },
  ]
  expect(select({ lines: paragraphs(6, 10), sections })).toMatchObject({ endMs: 74_800, method: 'deterministic' })
})

test('whether the end is natural is told: a paragraph, a section or the song ends there', () => {
  const dense = Array.from({ length: 50 }, (_, i) => line(i * 4, i * 4 + 4))
  const sections = [
    { startMs: 0, endMs: 64_000, label: 'A' },
    { startMs: 64_000, endMs: 240_000, label: 'B' },
  ]
  expect(select({ lines: paragraphs(6, 10) }).isNatural).toBe(true)
  expect(select({ lines: dense }).isNatural).toBe(false)
  expect(select({ lines: dense, sections }).isNatural).toBe(true)
  expect(select({ durationMs: 70_000 }).isNatural).toBe(true)
  expect(select({}).isNatural).toBe(false)
})

test('a first line at 15 s keeps the intro, a later one leaves it out', () => {
  expect(select({ lines: paragraphs(4, 15) }).startMs).toBe(0)
  expect(select({ lines: paragraphs(4, 15.001) }).startMs).toBe(12_001)
  const sections = [0, 17_000, 60_000].map((startMs) => ({ startMs, endMs: startMs + 17_000, label: 'A' }))
  expect(select({ lines: paragraphs(4, 25), sections }).startMs).toBe(17_000)
  expect(select({ lines: paragraphs(4, 31), sections }).startMs).toBe(28_000)
})

test('lyrics that begin at 3:00 still make a clip, earlier where the song ends too soon', () => {
  expect(select({ lines: paragraphs(2, 180) })).toMatchObject({ startMs: 177_000 })
  const late = select({ lines: paragraphs(1, 220) })
  expect(late).toMatchObject({ startMs: 200_000, endMs: 240_000 })
})

test('no lyrics: sections decide; without them the shortest clip, or a short song whole', () => {
  const sections = [
    { startMs: 0, endMs: 20_000, label: 'intro' },
    { startMs: 20_000, endMs: 50_000, label: 'A' },
    { startMs: 50_000, endMs: 80_000, label: 'chorus' },
    { startMs: 80_000, endMs: 240_000, label: 'B' },
  ]
  expect(select({ sections })).toMatchObject({ startMs: 0, endMs: 80_000, method: 'ai' })
  expect(select({})).toMatchObject({ startMs: 0, endMs: 40_000, method: 'deterministic' })
  expect(select({ durationMs: 70_000 })).toMatchObject({ startMs: 0, endMs: 70_000 })
})

test('a section ends the clip where no paragraph does, unless within a word', () => {
  // Lines without a pause from 0 s to 200 s.
  const lines = Array.from({ length: 50 }, (_, i) => line(i * 4, i * 4 + 4))
  const at = (endMs: number) => [
    { startMs: 0, endMs, label: 'A' },
    { startMs: endMs, endMs: 240_000, label: 'B' },
  ]
  expect(select({ lines, sections: at(64_000) })).toMatchObject({ endMs: 64_000, method: 'ai' })
  expect(select({ lines, sections: at(64_500) })).toMatchObject({ method: 'deterministic' })
  expect(select({ lines, sections: at(120_000) }).reasons[1]).toMatch(/after line/)
})

test('one endless line is cut between words, at the widest pause', () => {
  const words = Array.from({ length: 300 }, (_, i) => ({
    text: 'la',
    startMs: i * 1000,
    endMs: i * 1000 + (i === 70 ? 300 : 950),
    confidence: null,
  }))
  const lines = [{ text: 'la', startMs: 0, endMs: 300_000, words }]
  expect(select({ lines, durationMs: 300_000 })).toMatchObject({ endMs: 70_650, method: 'deterministic' })
  expect(select({ lines: [{ text: 'la', startMs: 0, endMs: 300_000, words: [] }], durationMs: 300_000 }).endMs).toBe(
    100_000,
  )
})

test('a song shorter than the shortest clip is refused with both bounds; one as long is taken whole', () => {
  expect(() => select({ durationMs: 39_999 })).toThrow(InvalidInput)
  expect(() => select({ durationMs: 39_999 })).toThrow(/40–100 s.*40\.0 s|lasts/)
  expect(() => select({ durationMs: Number.NaN })).toThrow(InvalidInput)
  expect(select({ durationMs: 40_000, lines: paragraphs(2, 1) })).toMatchObject({ startMs: 0, endMs: 40_000 })
})

test('the song’s last chord is not cut off', () => {
  expect(select({ lines: paragraphs(2, 10), durationMs: 55_000 }).endMs).toBe(55_000)
})

test('bounds are checked', () => {
  expect(() => assertClipBounds(0, 40_000, config)).not.toThrow()
  expect(() => assertClipBounds(5, 100_005, config)).not.toThrow()
  for (const [start, end] of [
    [0, 39_999],
    [0, 100_001],
    [-1, 50_000],
    [0.5, 50_000],
    [50_000, 0],
    [Number.NaN, 1],
  ]) {
    expect(() => assertClipBounds(start, end, config)).toThrow(InvalidInput)
  }
  expect(() => select({ config: { ...config, minSeconds: 101 } })).toThrow(/minSeconds ≤ maxSeconds/)
})

test('any song: bounds hold, the choice is the same twice, and no word is cut', () => {
  for (let seed = 1; seed <= 1_500; seed++) {
    const random = seeded(seed)
    const durationMs = 40_000 + random.int(random.pick([5_000, 80_000, 500_000]))
    const lines: TimedLine[] = []
    const dense = random.pick([300, 3_000, 20_000])
    for (let at = random.int(random.pick([10_000, 120_000])); at < durationMs + 5_000 && lines.length < 200; ) {
      const startMs = at
      const words = []
      for (let w = 1 + random.int(8); w > 0; w--) {
        words.push({ text: 'la', startMs: at, endMs: at + random.int(2_000), confidence: null })
        at += random.int(2_500)
      }
      const endMs = Math.max(...words.map((word) => word.endMs))
      lines.push({ text: random.pick(['a', 'b', 'c d']), startMs, endMs, words })
      at += random.int(dense) - 200
      at = Math.max(at, startMs)
    }
    const cuts = Array.from({ length: random.int(8) }, () => random.int(durationMs)).sort((a, b) => a - b)
    const sections = [0, ...cuts].map((startMs, i) => ({
      startMs,
      endMs: cuts[i] ?? durationMs,
      label: random.pick(['A', 'chorus', 'intro']),
    }))
    const request = { lines, sections: random.pick([[], sections]), durationMs, config }
    const clip = selectClip(request)
    assertClipBounds(clip.startMs, clip.endMs, config)
    expect(clip.endMs).toBeLessThanOrEqual(durationMs)
    expect(selectClip(request)).toEqual(clip)
    const isCut = (ms: number) =>
      lines.some((l) => l.words.some((word) => word.startMs < ms && ms < Math.min(word.endMs, durationMs)))
    if (clip.reasons[1].includes('within a note')) continue
    expect(isCut(clip.startMs) || isCut(clip.endMs), `seed ${seed}`).toBe(false)
  }
})

test('a song with the most lines allowed is decided at once', () => {
  const lines = Array.from({ length: 2_000 }, (_, i) => line(i * 0.3, i * 0.3 + 0.25))
  const sections = Array.from({ length: 60 }, (_, i) => ({
    startMs: i * 10_000,
    endMs: i * 10_000 + 10_000,
    label: 'A',
  }))
  const durations = Array.from({ length: 8 }, () => {
    const before = performance.now()
    select({ lines, sections, durationMs: 600_000 })
    return performance.now() - before
  })
  // The least of them: other work on the machine only adds.
  expect(Math.min(...durations)).toBeLessThan(30)
})
