import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Limiter } from '../../worker/media/enhance/limiter.ts'
import { LoudnessMeter } from '../../worker/media/enhance/loudness-meter.ts'
import { TruePeakMeter } from '../../worker/media/enhance/true-peak.ts'
import { measureLoudness } from '../../worker/media/ffmpeg/loudness.ts'
import { writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { seeded } from './random.ts'
import { firstDifference } from './samples.ts'

const { signal } = new AbortController()
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-loudness-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Interleaved sound: a tone and soft noise in each channel whose level jumps every 1.3 s. */
function music(seconds: number, sampleRateHz: number, channels: number, gain = 0.5): Float32Array {
  const random = seeded(5)
  const samples = new Float32Array(Math.round(seconds * sampleRateHz) * channels)
  // A one-pole filter: music has little at the very top, where meters differ.
  const noise = [0, 0]
  for (let i = 0; i < samples.length; i++) {
    const channel = i % channels
    const at = Math.floor(i / channels) / sampleRateHz
    const level = gain * [0.1, 1, 0.4, 0.02, 0.7][Math.floor(at / 1.3) % 5]
    const beat = Math.exp(-8 * (at % 0.5))
    noise[channel] += 0.4 * (2 * random.next() - 1 - noise[channel])
    samples[i] = level * (0.5 * Math.sin(2 * Math.PI * (220 + 3 * channel) * at) + 0.9 * beat * noise[channel])
  }
  return samples
}

function measure(samples: Float32Array, sampleRateHz: number, channels: number, blockFrames = 10_000) {
  const loudness = new LoudnessMeter(sampleRateHz, channels)
  const peak = new TruePeakMeter(channels)
  for (let at = 0; at < samples.length; at += blockFrames * channels) {
    const block = samples.subarray(at, at + blockFrames * channels)
    loudness.push(block)
    peak.push(block)
  }
  return { lufs: loudness.integratedLufs(), dbtp: peak.finish() }
}

test.each([
  [48_000, 2],
  [44_100, 1],
  [22_050, 2],
])(
  'loudness at %i Hz in %i channels is what ffmpeg measures, and so is the true peak',
  async (sampleRateHz, channels) => {
    const samples = music(9, sampleRateHz, channels)
    const path = join(folder, `m${sampleRateHz}.flac`)
    await writeFlac(path, { sampleRateHz, channels, bitDepth: 24, signal }, [samples])
    const theirs = await measureLoudness(path, { signal })
    const ours = measure(samples, sampleRateHz, channels)
    // ffmpeg shows one decimal.
    expect(Math.abs((ours.lufs ?? 0) - (theirs.integratedLufs ?? 99))).toBeLessThanOrEqual(0.1)
    expect(Math.abs((ours.dbtp ?? 0) - (theirs.truePeakDbtp ?? 99))).toBeLessThanOrEqual(0.2)
  },
)

test('a full-scale sine of 997 Hz in one channel reads -3.01 LUFS, as the standard says, whatever the blocks', () => {
  const sine = Float32Array.from({ length: 5 * 48_000 }, (_, i) => Math.sin((2 * Math.PI * 997 * i) / 48_000))
  expect(measure(sine, 48_000, 1).lufs).toBeCloseTo(-3.01, 2)
  expect(measure(sine, 48_000, 1, 777).lufs).toBeCloseTo(-3.01, 2)
})

test('silence, nothing, and less than a gating block have no loudness', () => {
  expect(measure(new Float32Array(48_000), 48_000, 1)).toEqual({ lufs: null, dbtp: null })
  expect(measure(new Float32Array(0), 48_000, 1)).toEqual({ lufs: null, dbtp: null })
  expect(measure(new Float32Array(10_000).fill(0.5), 48_000, 1).lufs).toBeNull()
  expect(measure(music(5, 48_000, 1, 1e-4), 48_000, 1).lufs).toBeNull()
})

test('a peak between samples is seen', () => {
  // A quarter of the rate, half way between the samples' phases: samples at ±0.707, peaks at 1.
  const sine = Float32Array.from({ length: 4_800 }, (_, i) => Math.sin((Math.PI / 2) * i + Math.PI / 4))
  expect(Math.max(...sine)).toBeCloseTo(Math.SQRT1_2, 5)
  expect(
    Math.abs(
      measure(
        sine.map((x, i) => x * Math.min(1, i / 999, (4_799 - i) / 999)),
        48_000,
        1,
      ).dbtp ?? 9,
    ),
  ).toBeLessThan(0.15)
  expect(measure(Float32Array.of(0, 0, 0.5), 48_000, 1).dbtp).toBeCloseTo(-6.02, 1)
})

function limit(samples: Float32Array, channels: number, blockFrames: number, ceilingDb = -1): Float32Array {
  const limiter = new Limiter({ sampleRateHz: 44_100, channels, ceilingDb })
  const parts: Float32Array[] = []
  for (let at = 0; at < samples.length; at += blockFrames * channels) {
    parts.push(limiter.process(samples.subarray(at, at + blockFrames * channels)))
  }
  parts.push(limiter.flush())
  return Float32Array.from(parts.flatMap((part) => [...part]))
}

test('sound below the ceiling passes the limiter bit for bit, at its length, also when it is short', () => {
  const quiet = music(3, 44_100, 2, 0.6)
  expect(firstDifference(limit(quiet, 2, 5_000), quiet)).toBe(-1)
  for (const frames of [0, 1, 7, 100, 4_097]) {
    const short = quiet.slice(0, frames * 2)
    expect(firstDifference(limit(short, 2, 50), short)).toBe(-1)
  }
})

test('loud sound stays under the ceiling by ffmpeg’s measure too, whatever the blocks, and keeps its length', async () => {
  const loud = music(6, 44_100, 2, 4)
  const limited = limit(loud, 2, 4_096)
  expect(limited.length).toBe(loud.length)
  expect(firstDifference(limit(loud, 2, 1_001), limited)).toBe(-1)
  const ours = measure(limited, 44_100, 2)
  expect(ours.dbtp).toBeLessThanOrEqual(-1)
  expect(ours.dbtp).toBeGreaterThan(-1.3)
  const path = join(folder, 'limited.flac')
  await writeFlac(path, { sampleRateHz: 44_100, channels: 2, bitDepth: 24, signal }, [limited])
  expect((await measureLoudness(path, { signal })).truePeakDbtp).toBeLessThanOrEqual(-0.8)
})

test('the limiter’s gain moves slowly: a peak is ducked without a click, and what lies before and after is untouched', () => {
  const tone = Float32Array.from({ length: 132_300 }, (_, i) => 0.3 * Math.sin(i / 20))
  const spiked = tone.slice()
  for (let i = -20; i <= 20; i++) spiked[44_100 + i] = 2 * Math.cos((Math.PI * i) / 40)
  const limited = limit(spiked, 1, 3_000)
  expect(firstDifference(limited.slice(0, 43_800), tone.slice(0, 43_800))).toBe(-1)
  expect(firstDifference(limited.slice(110_000), tone.slice(110_000))).toBe(-1)
  let fastest = 0
  for (let i = 43_000; i < 88_000; i++) {
    if (Math.abs(spiked[i]) < 0.05 || Math.abs(spiked[i - 1]) < 0.05) continue
    fastest = Math.max(fastest, Math.abs(limited[i] / spiked[i] - limited[i - 1] / spiked[i - 1]))
  }
  // From 1 to 0.45 within 5 ms is 0.0025 a sample on average; a triangle is twice as fast at its middle.
  expect(fastest).toBeLessThan(0.012)
})
