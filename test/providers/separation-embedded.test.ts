import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readPcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { isolateVocals } from '../../worker/media/vocals.ts'
import type { Separated } from '../../worker/providers/separation/contract.ts'
import { embeddedSeparation } from '../../worker/providers/separation/embedded.ts'
import { loop, loudest, sdr, sum, voice } from '../media/separation-sound.ts'

const { signal } = new AbortController()
const onProgress = () => {}
let folder: string
let workspacePath: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'separation-'))
  workspacePath = await mkdtemp(join(folder, 'work-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function mixFile(samples: Float32Array, channels: number, sampleRateHz: number, bitDepth: 16 | 24 = 24) {
  const path = join(folder, 'mix.flac')
  await writeFlac(path, { sampleRateHz, channels, bitDepth, signal }, [samples])
  return path
}

async function samplesOf(path: string, channels: number, sampleRateHz: number): Promise<Float32Array> {
  const blocks: number[] = []
  for await (const block of readPcm(path, { channels, sampleRateHz, signal })) for (const x of block) blocks.push(x)
  return Float32Array.from(blocks)
}

async function stemsOf(separated: Separated, channels: number, sampleRateHz: number) {
  return {
    vocals: await samplesOf(separated.vocalsPath, channels, sampleRateHz),
    instrumental: await samplesOf(separated.instrumentalPath, channels, sampleRateHz),
  }
}

test.each([
  { sampleRateHz: 44_100, channels: 2, frames: 60_001 },
  { sampleRateHz: 48_000, channels: 1, frames: 50_003 },
  { sampleRateHz: 22_050, channels: 2, frames: 33_333 },
  { sampleRateHz: 8000, channels: 1, frames: 777 },
  { sampleRateHz: 44_100, channels: 2, frames: 1 },
])(
  'stems of $frames frames, $channels channels at $sampleRateHz Hz keep the shape and add up to the mix',
  async (shape) => {
    const { sampleRateHz, channels, frames } = shape
    const made = sum(voice(frames, channels, sampleRateHz), loop(frames, channels, sampleRateHz))
    const audioPath = await mixFile(made, channels, sampleRateHz)
    const separated = await embeddedSeparation.separate({ audioPath, workspacePath, onProgress, signal })
    for (const path of [separated.vocalsPath, separated.instrumentalPath]) {
      expect((await probe(path, { signal })).audio).toMatchObject({ codec: 'flac', sampleRateHz, channels })
    }
    const mix = await samplesOf(audioPath, channels, sampleRateHz)
    const stems = await stemsOf(separated, channels, sampleRateHz)
    expect(mix.length).toBe(frames * channels)
    expect(stems.vocals.length).toBe(mix.length)
    expect(stems.instrumental.length).toBe(mix.length)
    expect(sum(stems.vocals, stems.instrumental)).toEqual(mix)
    expect((await readdir(workspacePath)).sort()).toEqual(['instrumental.flac', 'vocals.flac'])
  },
)

test('a loud mix neither clips nor loses its sum', async () => {
  const square = Float32Array.from({ length: 40_000 }, (_, i) => (i % 97 < 48 ? 0.999 : -1))
  const audioPath = await mixFile(square, 1, 22_050, 16)
  const stems = await stemsOf(
    await embeddedSeparation.separate({ audioPath, workspacePath, onProgress, signal }),
    1,
    22_050,
  )
  expect(sum(stems.vocals, stems.instrumental)).toEqual(await samplesOf(audioPath, 1, 22_050))
})

test('a voice over a loop comes out better than it went in, and progress rises to 1', async () => {
  const rate = 16_000
  const truth = voice(12 * rate, 2, rate)
  const made = sum(truth, loop(12 * rate, 2, rate))
  const audioPath = await mixFile(made, 2, rate)
  const seen: number[] = []
  const separated = await embeddedSeparation.separate({
    audioPath,
    workspacePath,
    onProgress: (fraction) => void seen.push(fraction),
    signal,
  })
  const { vocals } = await stemsOf(separated, 2, rate)
  expect(sdr(truth, vocals)).toBeGreaterThan(sdr(truth, made) + 6)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  expect(seen.at(-1)).toBe(1)
  expect(seen.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
})

test('silence gives two silent stems', async () => {
  const audioPath = await mixFile(new Float32Array(2 * 30_000), 2, 44_100)
  const stems = await stemsOf(
    await embeddedSeparation.separate({ audioPath, workspacePath, onProgress, signal }),
    2,
    44_100,
  )
  expect(stems.vocals.length).toBe(2 * 30_000)
  expect(loudest(stems.vocals)).toBe(0)
  expect(loudest(stems.instrumental)).toBe(0)
})

test('an abort midway leaves no files and says why', async () => {
  const minute = loop(60 * 44_100, 2, 44_100)
  const audioPath = join(folder, 'long.flac')
  await writeFlac(audioPath, { sampleRateHz: 44_100, channels: 2, bitDepth: 16, signal }, [minute, minute, minute])
  const controller = new AbortController()
  const work = embeddedSeparation.separate({
    audioPath,
    workspacePath,
    onProgress: (fraction) => fraction > 0 && controller.abort(new Error('changed my mind')),
    signal: controller.signal,
  })
  await expect(work).rejects.toThrow('changed my mind')
  expect(await readdir(workspacePath)).toEqual([])
})

test('what is no sound is refused as input, and leaves no files', async () => {
  const audioPath = join(folder, 'mix.flac')
  await writeFile(audioPath, 'these are words')
  const work = embeddedSeparation.separate({ audioPath, workspacePath, onProgress, signal })
  await expect(work).rejects.toMatchObject({ kind: 'INVALID_INPUT' })
  expect(await readdir(workspacePath)).toEqual([])
})

test('a folder that cannot be written to is an error, not a hang', async () => {
  const audioPath = await mixFile(loop(44_100, 1, 44_100), 1, 44_100)
  const missing = join(folder, 'nowhere')
  await expect(
    embeddedSeparation.separate({ audioPath, workspacePath: missing, onProgress, signal }),
  ).rejects.toMatchObject({ kind: 'MEDIA_FAILED' })
})

test('the isolated voice is mono at 16 kHz, as long as the mix, with less of the band in it', async () => {
  const rate = 44_100
  const truth = voice(12 * rate, 2, rate)
  const audioPath = await mixFile(sum(truth, loop(12 * rate, 2, rate)), 2, rate)
  const isolated = await isolateVocals(audioPath, { signal, onProgress })
  expect(isolated.sampleRateHz).toBe(16_000)
  expect(isolated.vocals.length).toBe(isolated.mix.length)
  expect(Math.abs(isolated.mix.length - 12 * 16_000)).toBeLessThanOrEqual(1)
  const sung = voice(12 * 16_000, 1, 16_000).subarray(0, isolated.mix.length)
  const correlation = (a: Float32Array, b: Float32Array) => {
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((total, value, i) => total + value * y[i], 0)
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  expect(correlation(isolated.vocals, sung)).toBeGreaterThan(correlation(isolated.mix, sung) + 0.05)
})

test('isolating stops at an abort', async () => {
  const audioPath = await mixFile(loop(30 * 44_100, 1, 44_100), 1, 44_100)
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('enough'))
  await expect(isolateVocals(audioPath, { signal: controller.signal, onProgress: stop })).rejects.toThrow('enough')
})
