import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { midiHz } from '../song/composition.ts'
import { AUDIO_FILE, formatLrc, formatLyrics, formatTruth, writeSong } from '../song/make.ts'
import { pronounce } from '../song/pronunciations.ts'
import { buildScore } from '../song/score.ts'
import { synthesizeSong } from '../song/song.ts'
import { measureLoudness } from '../worker/media/ffmpeg/loudness.ts'
import { decodePcm } from '../worker/media/ffmpeg/pcm.ts'
import { probe } from '../worker/media/ffmpeg/probe.ts'

const FOLDER = join(import.meta.dirname, '../song')
const AUDIO = join(FOLDER, AUDIO_FILE)
const song = synthesizeSong()
const { sampleRateHz, truth, mix, vocals, instrumental } = song
const signal = AbortSignal.timeout(60_000)

test('the committed truth and lyrics are what the synthesis follows', async () => {
  expect(await readFile(join(FOLDER, 'truth.json'), 'utf8')).toBe(formatTruth(truth))
  expect(JSON.parse(formatTruth(truth))).toEqual(truth)
  expect(await readFile(join(FOLDER, 'lyrics.txt'), 'utf8')).toBe(formatLyrics(truth))
  expect(await readFile(join(FOLDER, 'lyrics.lrc'), 'utf8')).toBe(formatLrc(truth))
})

test('the mix is exactly the vocals plus the instrumental', () => {
  let wrong = 0
  for (const channel of [0, 1]) {
    expect(mix[channel].length).toBe(Math.round(truth.durationSeconds * sampleRateHz))
    for (let i = 0; i < mix[channel].length; i++) {
      if (mix[channel][i] !== Math.fround(vocals[channel][i] + instrumental[channel][i])) wrong++
    }
  }
  expect(wrong).toBe(0)
})

test('the committed recording carries its name and lines up with the synthesis', async () => {
  const { tags, audio, sizeBytes } = await probe(AUDIO, { signal })
  expect(tags).toMatchObject({ title: truth.title, artist: truth.artist })
  expect(audio).toMatchObject({ sampleRateHz, channels: 2 })
  expect(sizeBytes).toBeLessThan(1_500_000)

  const decoded = await decodePcm(AUDIO, { sampleRateHz, channels: 2, signal })
  expect(decoded[0].length).toBe(mix[0].length)
  for (const seconds of [5, 30, 60, 82]) {
    expect(Math.abs(lagOf(decoded[0], mix[0], seconds) / sampleRateHz)).toBeLessThan(0.001)
  }
  expect(signalToErrorDb(mix[0], decoded[0])).toBeGreaterThan(12)
})

test('writing the song again gives the committed recording', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'song-'))
  const seconds = 12
  const [left, right] = mix.map((channel) => channel.slice(0, (seconds + 1) * sampleRateHz))
  try {
    await writeSong(folder, { ...song, mix: [left, right] }, signal)
    const options = { sampleRateHz, channels: 2, durationSeconds: seconds, signal }
    const again = await decodePcm(join(folder, AUDIO_FILE), options)
    const committed = await decodePcm(AUDIO, options)
    expect(again[0].length).toBe(seconds * sampleRateHz)
    expect(signalToErrorDb(committed[0], again[0])).toBeGreaterThan(40)
    expect(await readFile(join(folder, 'truth.json'), 'utf8')).toBe(formatTruth(truth))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('phones fill their words, words their lines, lines their sections', () => {
  const { phones, words, lines, sections, beats } = truth
  expect(words.map((word) => word.text).join(' ')).toBe(lines.map((line) => line.text).join(' '))
  expect(phones.map((phone) => phone.phone)).toEqual(words.flatMap((word) => pronounce(word.text).flat()))
  for (const spans of [phones, words, lines, sections]) {
    for (const [i, span] of spans.entries()) {
      expect(span.endSeconds).toBeGreaterThan(span.startSeconds)
      if (i > 0) expect(span.startSeconds).toBeGreaterThanOrEqual(spans[i - 1].endSeconds)
    }
  }
  for (const [i, word] of words.entries()) {
    const own = phones.filter((phone) => phone.wordIndex === i)
    expect([own[0].startSeconds, own.at(-1)?.endSeconds]).toEqual([word.startSeconds, word.endSeconds])
  }
  for (const [i, line] of lines.entries()) {
    const own = words.filter((word) => word.lineIndex === i)
    expect([own[0].startSeconds, own.at(-1)?.endSeconds]).toEqual([line.startSeconds, line.endSeconds])
  }
  expect(sections.map((section) => section.label)).toEqual(['intro', 'verse', 'chorus', 'verse', 'chorus', 'outro'])
  expect([sections[0].startSeconds, sections.at(-1)?.endSeconds]).toEqual([0, truth.durationSeconds])
  for (let i = 1; i < beats.length; i++) expect(beats[i] - beats[i - 1]).toBeCloseTo(60 / truth.bpm, 3)
})

test('the voice sounds in every word and is silent between the lines', () => {
  const wordLevels = truth.words.map((word) => levelDb(vocals[0], word.startSeconds, word.endSeconds))
  expect(Math.min(...wordLevels)).toBeGreaterThan(-32)
  for (let i = 0; i + 1 < truth.lines.length; i++) {
    // The room takes a moment to fall silent; how long is the gap's own matter.
    const start = truth.lines[i].endSeconds + 0.2
    const end = truth.lines[i + 1].startSeconds
    if (end > start) expect(levelDb(vocals[0], start, end)).toBeLessThan(-50)
  }
  expect(levelDb(vocals[0], 0, truth.lines[0].startSeconds)).toBeLessThan(-100)
})

test('every held note is sung at its pitch', () => {
  for (const note of buildScore().notes) {
    const durationSeconds = note.endSeconds - note.startSeconds
    if (durationSeconds < 0.6) continue
    const start = Math.round((note.startSeconds + 0.1) * sampleRateHz)
    const expected = midiHz(note.midi)
    const cents = 1200 * Math.log2(pitchHz(vocals[0].subarray(start, start + 8_192), expected) / expected)
    expect(Math.abs(cents)).toBeLessThan(50)
  }
})

test('a line sung again is a performance of its own', () => {
  const seconds = (line: (typeof truth.lines)[number]) => line.endSeconds - line.startSeconds
  for (const lines of Map.groupBy(truth.lines, (line) => line.text).values()) {
    for (const [i, line] of lines.entries()) {
      for (const other of lines.slice(0, i)) {
        expect(Math.abs(seconds(line) - seconds(other))).toBeGreaterThan(0.002)
        const [a, b] = [line, other].map(({ startSeconds }) => {
          const start = Math.round(startSeconds * sampleRateHz)
          return vocals[0].subarray(start, start + 2 * sampleRateHz)
        })
        expect(Math.abs(correlation(a, b))).toBeLessThan(0.5)
      }
    }
  }
})

test('the band plays on the beats', () => {
  const onBeat = truth.beats.map((beat) => levelDb(instrumental[0], beat + 0.005, beat + 0.04))
  const beforeBeat = truth.beats.map((beat) => levelDb(instrumental[0], beat - 0.045, beat - 0.01))
  const louder = onBeat.filter((level, i) => level > beforeBeat[i]).length
  expect(louder / truth.beats.length).toBeGreaterThan(0.95)
})

test('voice and band are spread and levelled as in a released song', async () => {
  const sung = truth.lines.map((line) => levelDb(vocals[0], line.startSeconds, line.endSeconds))
  const played = truth.lines.map((line) => levelDb(instrumental[0], line.startSeconds, line.endSeconds))
  for (let i = 0; i < sung.length; i++) expect(Math.abs(sung[i] - played[i] - 0.5)).toBeLessThan(5.5)
  expect(correlation(vocals[0], vocals[1])).toBeGreaterThan(0.95)
  expect(correlation(instrumental[0], instrumental[1])).toBeLessThan(0.95)

  const ceiling = 10 ** (-1 / 20) + 1e-6
  for (const channel of mix) {
    let peak = 0
    let step = 0
    let sum = 0
    for (let i = 1; i < channel.length; i++) {
      peak = Math.max(peak, Math.abs(channel[i]))
      step = Math.max(step, Math.abs(channel[i] - channel[i - 1]))
      sum += channel[i]
    }
    expect(peak).toBeLessThanOrEqual(ceiling)
    expect(step).toBeLessThan(0.5)
    expect(Math.abs(sum / channel.length)).toBeLessThan(1e-4)
  }
  const { integratedLufs } = await measureLoudness(AUDIO, { signal })
  expect(integratedLufs).toBeGreaterThan(-15)
  expect(integratedLufs).toBeLessThan(-13)
})

test('a word without a pronunciation is named', () => {
  expect(() => pronounce('zeppelin')).toThrow('"zeppelin"')
})

/** Lag in samples, within 10 ms, at which the decoded sound matches best. */
function lagOf(decoded: Float32Array, original: Float32Array, seconds: number): number {
  const start = Math.round(seconds * sampleRateHz)
  const reach = Math.round(0.01 * sampleRateHz)
  let best = { lag: 0, sum: Number.NEGATIVE_INFINITY }
  for (let lag = -reach; lag <= reach; lag++) {
    let sum = 0
    for (let i = start; i < start + 8_192; i++) sum += original[i] * decoded[i + lag]
    if (sum > best.sum) best = { lag, sum }
  }
  return best.lag
}

function signalToErrorDb(reference: Float32Array, other: Float32Array): number {
  let power = 0
  let error = 0
  for (let i = 0; i < reference.length; i++) {
    power += reference[i] ** 2
    error += (reference[i] - other[i]) ** 2
  }
  return 10 * Math.log10(power / error)
}

function levelDb(samples: Float32Array, startSeconds: number, endSeconds: number): number {
  const span = samples.subarray(Math.round(startSeconds * sampleRateHz), Math.round(endSeconds * sampleRateHz))
  let power = 0
  for (const sample of span) power += sample * sample
  return 10 * Math.log10(power / span.length + 1e-20)
}

function correlation(a: Float32Array, b: Float32Array): number {
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i]
    aa += a[i] * a[i]
    bb += b[i] * b[i]
  }
  return ab / Math.sqrt(aa * bb)
}

/** Pitch by autocorrelation, searched half an octave around what is expected. */
function pitchHz(samples: Float32Array, expectedHz: number): number {
  const shortest = Math.floor(sampleRateHz / (expectedHz * Math.SQRT2))
  const longest = Math.ceil((sampleRateHz * Math.SQRT2) / expectedHz)
  const length = samples.length - longest
  let best = { lag: 1, score: Number.NEGATIVE_INFINITY }
  for (let lag = shortest; lag <= longest; lag++) {
    const score = correlation(samples.subarray(0, length), samples.subarray(lag, lag + length))
    if (score > best.score) best = { lag, score }
  }
  return sampleRateHz / best.lag
}
