import { expect, test } from 'vitest'
import { synthesizeSong } from '../../song/song.ts'
import { FeatureStream, STRUCTURE_SAMPLE_RATE_HZ as RATE, STEP_SECONDS } from '../../worker/media/structure/features.ts'
import { findSections, type SongSection } from '../../worker/media/structure/sections.ts'
import { seeded } from './random.ts'

function sectionsOf(samples: Float32Array, blockLength = 65_536): SongSection[] {
  const stream = new FeatureStream()
  for (let at = 0; at < samples.length; at += blockLength) stream.push(samples.subarray(at, at + blockLength))
  return findSections(stream.finish())
}

const PARTS = {
  intro: { chords: [220, 277, 330], gain: 0.05, noise: 0 },
  verse: { chords: [196, 247, 294], gain: 0.12, noise: 0.02 },
  chorus: { chords: [262, 330, 392], gain: 0.3, noise: 0.1 },
}

/** Sixteen seconds of each part: a chord that is struck every half second, and a hiss on every other stroke. */
function play(parts: readonly (keyof typeof PARTS)[], partSeconds = 16): Float32Array {
  const random = seeded(3)
  const samples = new Float32Array(Math.round(parts.length * partSeconds * RATE))
  for (let i = 0; i < samples.length; i++) {
    const seconds = i / RATE
    const { chords, gain, noise } = PARTS[parts[Math.floor(seconds / partSeconds)]]
    const sinceStroke = seconds % 0.5
    for (const hz of chords) samples[i] += gain * Math.exp(-3 * sinceStroke) * Math.sin(2 * Math.PI * hz * seconds)
    samples[i] += noise * Math.exp(-20 * (seconds % 1)) * (2 * random.next() - 1)
  }
  return samples
}

function expectCover(sections: readonly SongSection[], durationSeconds: number): void {
  expect(sections[0].startMs).toBe(0)
  expect(sections.at(-1)?.endMs).toBe(Math.round(durationSeconds * 1000))
  for (let i = 1; i < sections.length; i++) {
    expect(sections[i].startMs).toBe(sections[i - 1].endMs)
    expect(sections[i].endMs).toBeGreaterThan(sections[i].startMs)
  }
}

test('known sections are found within a second, alike ones have one label, the loud one that returns is the chorus', () => {
  const sections = sectionsOf(play(['intro', 'verse', 'chorus', 'verse', 'chorus']))
  expect(sections.map((section) => section.label)).toEqual(['intro', 'A', 'chorus', 'A', 'chorus'])
  for (const [i, section] of sections.entries()) expect(Math.abs(section.startMs - i * 16_000)).toBeLessThan(1_000)
  expectCover(sections, 80)
})

test('the sections of a whole song are found within three seconds', () => {
  const song = synthesizeSong()
  const [left, right] = song.mix
  const stream = new FeatureStream()
  // To a quarter of the rate by the mean of four: what it folds back is weak in music.
  const mono = new Float32Array(Math.floor(left.length / 4))
  for (let i = 0; i < mono.length; i++) {
    for (let j = 4 * i; j < 4 * i + 4; j++) mono[i] += (left[j] + right[j]) / 8
  }
  stream.push(mono)
  const sections = findSections(stream.finish())
  const truth = song.truth.sections
  const inner = sections.slice(1).map((section) => section.startMs / 1000)
  const hits = truth.slice(1).filter((section) => inner.some((start) => Math.abs(start - section.startSeconds) <= 3))
  expect(hits.length).toBeGreaterThanOrEqual(3)
  expect(inner.length).toBeLessThanOrEqual(truth.length + 1)
  const labelAt = (seconds: number) => sections.find((section) => section.endMs > seconds * 1000)?.label
  const middles = truth.map((section) => labelAt((section.startSeconds + section.endSeconds) / 2))
  expect(middles[2]).toBe('chorus')
  expect(middles[4]).toBe('chorus')
  expect(middles[1]).toBe(middles[3])
  expect(middles[0]).toBe('intro')
})

test('the size of blocks changes nothing', () => {
  const samples = play(['verse', 'chorus', 'verse'], 9)
  expect(sectionsOf(samples, 777)).toEqual(sectionsOf(samples, samples.length))
})

test('silence, one tone, one sample and samples that are no numbers are one section', () => {
  expect(sectionsOf(new Float32Array(60 * RATE))).toEqual([{ startMs: 0, endMs: 60_000, label: 'A' }])
  expect(sectionsOf(Float32Array.from({ length: 60 * RATE }, (_, i) => 0.3 * Math.sin(i / 8)))).toHaveLength(1)
  expect(sectionsOf(new Float32Array(100 * RATE).fill(Number.NaN))).toEqual([
    { startMs: 0, endMs: 100_000, label: 'A' },
  ])
  expect(sectionsOf(Float32Array.of(0.5))).toEqual([])
  expect(sectionsOf(new Float32Array(0))).toEqual([])
})

test('a sound of five seconds is one section that covers it', () => {
  expectCover(sectionsOf(play(['verse'], 5)), 5)
  expect(sectionsOf(play(['verse'], 5))).toHaveLength(1)
})

test('an hour of changing features is sorted out in a few seconds and covered without gaps', () => {
  const random = seeded(9)
  const steps = 3_600 / STEP_SECONDS
  const centres = Array.from({ length: 12 }, () => Array.from({ length: 25 }, () => random.next()))
  const part = Array.from({ length: steps / 24 }, () => random.int(12))
  const fill = (width: number, at: number, spread: number) =>
    Float32Array.from({ length: steps * width }, (_, i) => {
      return centres[part[Math.floor(i / width / 24)]][at + (i % width)] + spread * random.next()
    })
  const started = performance.now()
  const sections = findSections({
    steps,
    chroma: fill(12, 0, 0.2),
    timbre: fill(12, 12, 0.2),
    energyDb: fill(1, 24, 0.2).map((value) => -20 + 10 * value),
    onsets: new Float32Array(38_760),
    durationSeconds: 3_600,
  })
  expect(performance.now() - started).toBeLessThan(5_000)
  expectCover(sections, 3_600)
  expect(sections.length).toBeGreaterThan(150)
  expect(new Set(sections.map((section) => section.label)).size).toBeLessThan(30)
})
