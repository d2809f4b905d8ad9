import { beforeAll, expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { type AcousticModel, readAcousticModel } from '../../worker/media/align/acoustic-model.ts'
import { alignLyrics, LEAST_CONFIDENCE } from '../../worker/media/align/align.ts'
import { controlsOf, trustOf } from '../../worker/media/align/evidence.ts'
import { chooseModel } from '../../worker/media/align/model-choice.ts'
import { type Sound, searchAdapted, searchFirst } from '../../worker/media/align/passes.ts'
import { windowStates } from '../../worker/media/align/windows.ts'
import { buildWordGraph, type Pronunciations, type WordGraph } from '../../worker/media/align/word-graph.ts'
import { TimedLyrics } from '../../worker/media/lyrics.ts'
import { seeded } from './random.ts'

const quiet = { onProgress: () => {}, signal: new AbortController().signal }
const pause = () => undefined
let model: AcousticModel

beforeAll(async () => {
  model = await readAcousticModel(chooseModel('en').folder)
})

const WORDS: Pronunciations[] = [
  [['M', 'AH', 'NG', 'K', 'IY']],
  [
    ['G', 'EH', 'T'],
    ['G', 'IH', 'T'],
  ],
  [['AH', 'P']],
  [['K', 'AO', 'F', 'IY']],
  [
    ['S', 'IY', 'T'],
    ['S', 'IY', 'T', 'S'],
  ],
  [['D', 'AW', 'N']],
]

/** Sounds as the model expects them: each word in turn after a pause of its own, every state for five frames. */
function plant(graph: WordGraph, words: number, pauses: readonly number[]): { sound: Sound; onsets: number[] } {
  const states: number[] = []
  const onsets: number[] = []
  const silence = graph.wordOfState.indexOf(-1)
  const rest = (frames: number) => states.push(...Array.from({ length: frames }, () => silence + 1))
  for (let word = 0; word < words; word++) {
    rest(pauses[word])
    onsets.push(states.length)
    const first = graph.phones.findIndex((phone) => phone.word === word)
    // A second pronunciation of the word follows the first in the list; it begins a word again.
    for (let j = graph.phoneOfState.indexOf(first), k = 0; graph.wordOfState[j] === word; j++, k++) {
      if (k > 0 && graph.beginsWord[j] === 1) break
      for (let i = 0; i < 5; i++) states.push(j)
    }
  }
  rest(pauses[words])
  const random = seeded(21)
  const features = new Float32Array(39 * states.length)
  states.forEach((state, t) => {
    const senone = graph.senones[graph.slotOfState[state]]
    const codebook = model.codebookOfSenone[senone]
    for (let stream = 0; stream < 3; stream++) {
      const weights = Array.from(
        { length: 128 },
        (_, q) => model.mixtureWeights[(stream * 128 + q) * model.senoneCount + senone],
      )
      const first = ((codebook * 3 + stream) * 128 + weights.indexOf(Math.min(...weights))) * 13
      for (let d = 0; d < 13; d++) {
        features[t * 39 + stream * 13 + d] =
          model.means[first + d] + (random.next() - 0.5) * Math.sqrt(model.variances[first + d])
      }
    }
  })
  const voice = { frameCount: states.length, width: 1, values: new Float32Array(states.length) }
  return { sound: { frameCount: states.length, features, voice }, onsets }
}

test('words are found where their sounds are', async () => {
  const graph = buildWordGraph(model, WORDS)
  const { sound, onsets } = plant(graph, 6, [40, 0, 90, 10, 200, 0, 70])
  const first = await searchFirst(model, sound, graph, { pause })
  const again = await searchAdapted(model, sound, graph, first!, { pause })
  for (const pass of [first!, again!]) {
    onsets.forEach((onset, word) => {
      expect(Math.abs(pass.onsets[word] - onset), `word ${word}`).toBeLessThanOrEqual(3)
    })
  }
})

test('the words of a song score far above their sounds reversed, other words do not', async () => {
  const graph = buildWordGraph(model, WORDS)
  const { sound } = plant(graph, 6, [40, 0, 90, 10, 200, 0, 70])
  const score = async (words: Pronunciations[]) =>
    (await searchFirst(model, sound, buildWordGraph(model, words), { pause }))!.path.score
  const evidence = async (words: Pronunciations[]) =>
    ((await score(words)) - Math.max(...(await Promise.all(controlsOf(words).map(score))))) / words.length
  expect(trustOf(await evidence(WORDS), WORDS.length)).toBeGreaterThan(0.99)
  const others: Pronunciations[] = [
    [['B', 'IH', 'L']],
    [['Z', 'UW']],
    [['HH', 'ER', 'V']],
    [['L', 'OY', 'L']],
    [['TH', 'AA']],
  ]
  expect(await evidence(others)).toBeLessThan((await evidence(WORDS)) / 2)
})

test('a word stays in its window', async () => {
  const graph = buildWordGraph(model, WORDS)
  const { sound, onsets } = plant(graph, 6, [40, 0, 90, 10, 200, 0, 70])
  const window = { startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY, latestStartSeconds: Number.POSITIVE_INFINITY }
  const windows = WORDS.map((_, word) => (word === 4 ? { ...window, latestStartSeconds: 3 } : window))
  const pass = await searchFirst(model, sound, graph, { windows: windowStates(graph, windows), pause })
  expect(onsets[4]).toBeGreaterThan(310)
  expect(pass!.onsets[4]).toBeLessThanOrEqual(300)
  const early = WORDS.map((_, word) => (word === 5 ? { ...window, endSeconds: 0.1 } : window))
  expect(await searchFirst(model, sound, graph, { windows: windowStates(graph, early), pause })).toBeNull()
})

/** Hums and noise: no words in it. */
function noise(seconds: number): Float32Array {
  const random = seeded(1)
  return Float32Array.from(
    { length: 16_000 * seconds },
    (_, i) => 0.2 * Math.sin(i * 0.06) * (1 + Math.sin(i / 4000)) + 0.05 * (random.next() - 0.5),
  )
}

test('lyrics that nobody sings get times all the same, with a confidence that says so', async () => {
  const mix = noise(12)
  const lines = [{ text: 'I met a traveller from an antique land' }, { text: '[Solo]' }, { text: 'who said 😀 (ooh)' }]
  const progress: number[] = []
  const { lyrics, confidence, usedTimes } = await alignLyrics(
    { vocals: mix, mix, lines, language: 'en' },
    { ...quiet, onProgress: (fraction) => progress.push(fraction) },
  )
  expect(TimedLyrics.parse(lyrics)).toEqual(lyrics)
  expect(confidence).toBeLessThan(LEAST_CONFIDENCE)
  expect(usedTimes).toBeNull()
  expect(lyrics.lines.map(({ words }) => words.map(({ text }) => text).join(' '))).toEqual([
    lines[0].text,
    lines[2].text,
  ])
  for (const { startMs, endMs, words } of lyrics.lines) {
    expect([words[0].startMs, words.at(-1)!.endMs]).toEqual([startMs, endMs])
    words.forEach((word, i) => {
      expect(word.endMs - word.startMs).toBeGreaterThanOrEqual(10)
      if (i > 0) expect(word.startMs).toBeGreaterThanOrEqual(words[i - 1].endMs)
      for (const phone of word.phones ?? []) {
        expect(phone.startMs).toBeGreaterThanOrEqual(word.startMs)
        expect(phone.endMs).toBeLessThanOrEqual(word.endMs)
      }
    })
  }
  expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  expect(progress.at(-1)).toBe(1)
})

test('one word in one second has a place', async () => {
  const mix = noise(1)
  const { lyrics } = await alignLyrics({ vocals: mix, mix, lines: [{ text: 'Hey' }], language: 'en' }, quiet)
  const [word] = lyrics.lines[0].words
  expect(word.text).toBe('Hey')
  expect(word.phones?.map(({ phone }) => phone)).toEqual(['HH', 'EY'])
  expect(word.endMs).toBeLessThanOrEqual(1000)
})

test('French phones are named in ARPAbet too', async () => {
  const mix = noise(2)
  const { lyrics } = await alignLyrics({ vocals: mix, mix, lines: [{ text: "l'amour 愛" }], language: 'fr' }, quiet)
  expect(lyrics.lines[0].words[0].phones?.map(({ phone }) => phone).join(' ')).toMatch(/^L AA M UW R/)
})

test('times that cannot be are dropped for a free search', async () => {
  const mix = noise(4)
  const lines = [
    { text: 'hello there', startMs: 90_000 },
    { text: 'goodbye', startMs: 95_000 },
  ]
  const { usedTimes, lyrics } = await alignLyrics({ vocals: mix, mix, lines, language: 'en' }, quiet)
  expect(usedTimes).toBe(false)
  expect(lyrics.lines[1].endMs).toBeLessThanOrEqual(4000)
})

test('what cannot be aligned is refused with a reason', async () => {
  const mix = noise(1)
  const align = (samples: Float32Array, lines: { text: string }[]) =>
    alignLyrics({ vocals: samples, mix: samples, lines, language: 'en' }, quiet)
  for (const lines of [[], [{ text: '' }], [{ text: '[Chorus]' }], [{ text: '🎵 …' }]]) {
    await expect(align(mix, lines)).rejects.toThrow(InvalidInput)
  }
  await expect(align(new Float32Array(16_000), [{ text: 'hello' }])).rejects.toThrow(/silence/)
  await expect(align(new Float32Array(0), [{ text: 'hello' }])).rejects.toThrow(/at least/)
  await expect(align(mix, [{ text: 'a hundred words '.repeat(40) }])).rejects.toThrow(
    /at least .* s of sound for 120 words/,
  )
})

test('an abort ends the work within a second', async () => {
  const mix = noise(60)
  const controller = new AbortController()
  const lines = Array.from({ length: 30 }, () => ({ text: 'I met a traveller from an antique land' }))
  let abortedAt = Number.POSITIVE_INFINITY
  const work = alignLyrics(
    { vocals: mix, mix, lines, language: 'en' },
    {
      signal: controller.signal,
      onProgress: (fraction) => {
        if (fraction < 0.1 || controller.signal.aborted) return
        abortedAt = performance.now()
        controller.abort(new Error('stop'))
      },
    },
  )
  await expect(work).rejects.toThrow()
  expect(performance.now() - abortedAt).toBeLessThan(1000)
})
