import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { measureLoudness } from '../../worker/media/ffmpeg/loudness.ts'
import { decodePcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import {
  ENHANCEMENT_DEFAULTS,
  embeddedEnhancement,
  enhancementWith,
} from '../../worker/providers/enhancement/embedded.ts'

const { signal } = new AbortController()
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-enhancement-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Sound {
  readonly sampleRateHz: number
  readonly channels: number
  readonly frames: number
}

async function write(
  name: string,
  { sampleRateHz, channels, frames }: Sound,
  sample: (seconds: number, channel: number) => number,
) {
  const path = join(folder, name)
  const samples = Float32Array.from({ length: frames * channels }, (_, i) =>
    sample(Math.floor(i / channels) / sampleRateHz, i % channels),
  )
  await writeFlac(path, { sampleRateHz, channels, bitDepth: 24, signal }, [samples])
  return path
}

const music = (gain: number) => (t: number, channel: number) =>
  gain *
  Math.exp(-3 * (t % 0.5)) *
  (Math.sin(2 * Math.PI * 196 * t) + 0.6 * Math.sin(2 * Math.PI * (494 + channel) * t))
/** Sung from 3 s to 6 s. */
const voice = (gain: number) => (t: number) => {
  if (t < 3 || t > 6) return 0
  const phase = 2 * Math.PI * 311 * t + 0.5 * Math.sin(2 * Math.PI * 5 * t)
  return gain * (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(3 * phase))
}

const enhance = (instrumentalPath: string, vocalsPath: string, enhancement = embeddedEnhancement) =>
  enhancement.enhance({ instrumentalPath, vocalsPath, workspacePath: folder, onProgress: () => {}, signal })

test.each([
  { sampleRateHz: 44_100, channels: 2, frames: 400_001 },
  { sampleRateHz: 48_000, channels: 1, frames: 433_333 },
])(
  '%o: same format and length, on the target, under the ceiling, less voice, the rest the same but for the gain',
  async (sound) => {
    const mixed = (t: number, channel: number) => music(0.2)(t, channel) + voice(0.03)(t)
    const instrumentalPath = await write('in.flac', sound, mixed)
    const vocalsPath = await write('vocals.flac', sound, voice(0.15))
    const fractions: number[] = []
    const enhanced = await embeddedEnhancement.enhance({
      ...{ instrumentalPath, vocalsPath, workspacePath: folder, signal },
      onProgress: (fraction) => fractions.push(fraction),
    })
    const { audio } = await probe(enhanced.audioPath, { signal })
    expect(audio).toMatchObject({ codec: 'flac', sampleRateHz: sound.sampleRateHz, channels: sound.channels })
    const [out] = await decodePcm(enhanced.audioPath, { ...sound, signal })
    expect(out.length).toBe(sound.frames)

    const measured = await measureLoudness(enhanced.audioPath, { signal })
    expect(Math.abs((measured.integratedLufs ?? 0) + 14)).toBeLessThanOrEqual(0.5)
    expect(measured.truePeakDbtp).toBeLessThanOrEqual(-0.8)
    expect(Math.abs((enhanced.loudnessLufs ?? 0) - (measured.integratedLufs ?? 0))).toBeLessThanOrEqual(0.1)
    expect(Math.abs((enhanced.truePeakDbtp ?? 0) - (measured.truePeakDbtp ?? 0))).toBeLessThanOrEqual(0.2)

    const [dry] = await decodePcm(instrumentalPath, { ...sound, signal })
    const span = (from: number, to: number) => [
      Math.round(from * sound.sampleRateHz),
      Math.round(to * sound.sampleRateHz),
    ]
    const [quietFrom, quietTo] = span(0, 2.5)
    const gain = projection(out, dry, quietFrom, quietTo)
    let error = 0
    let power = 0
    for (let i = quietFrom; i < quietTo; i++) {
      error += (out[i] / gain - dry[i]) ** 2
      power += dry[i] ** 2
    }
    expect(10 * Math.log10(error / power)).toBeLessThan(-60)
    const sung = Float32Array.from({ length: sound.frames }, (_, i) => voice(1)(i / sound.sampleRateHz))
    const [from, to] = span(3, 6)
    const loss = projection(out, sung, from, to) / gain / projection(dry, sung, from, to)
    expect(20 * Math.log10(loss)).toBeLessThan(-3)

    expect(fractions.at(-1)).toBe(1)
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
    expect(await readdir(folder)).not.toContain('enhanced.f32')
  },
)

function projection(samples: Float32Array, onto: Float32Array, from: number, to: number): number {
  let product = 0
  let power = 0
  for (let i = from; i < to; i++) {
    product += samples[i] * onto[i]
    power += onto[i] * onto[i]
  }
  return product / power
}

test('music that must be limited is on the target all the same', async () => {
  const sound = { sampleRateHz: 44_100, channels: 2, frames: 300_000 }
  // A click every second, far above a tone.
  const path = await write('in.flac', sound, (t) => (t % 1 < 0.0005 ? 0.85 : 0) + 0.12 * Math.sin(1_300 * t))
  const enhanced = await enhance(path, await write('vocals.flac', sound, () => 0))
  const measured = await measureLoudness(enhanced.audioPath, { signal })
  expect(Math.abs((measured.integratedLufs ?? 0) + 14)).toBeLessThanOrEqual(0.5)
  expect(measured.truePeakDbtp).toBeLessThanOrEqual(-0.8)
})

test('silence stays silence, and very quiet music is raised by the largest gain only', async () => {
  const sound = { sampleRateHz: 44_100, channels: 2, frames: 150_000 }
  const vocalsPath = await write('vocals.flac', sound, () => 0)
  const silent = await enhance(await write('silent.flac', sound, () => 0), vocalsPath)
  expect(silent).toMatchObject({ loudnessLufs: null, truePeakDbtp: null })
  const [left] = await decodePcm(silent.audioPath, { ...sound, signal })
  expect(left.every((sample) => sample === 0)).toBe(true)
  const quietPath = await write('quiet.flac', sound, music(0.002))
  const before = await measureLoudness(quietPath, { signal })
  const quiet = await enhance(quietPath, vocalsPath)
  expect(Math.abs((quiet.loudnessLufs ?? 0) - (before.integratedLufs ?? 0) - 12)).toBeLessThan(0.2)
})

test('chunks make no difference that could be heard', async () => {
  const sound = { sampleRateHz: 22_050, channels: 1, frames: 200_000 }
  const instrumentalPath = await write('in.flac', sound, (t, channel) => music(0.1)(t, channel) + voice(0.02)(t))
  const vocalsPath = await write('vocals.flac', sound, voice(0.1))
  const [whole] = await decodePcm((await enhance(instrumentalPath, vocalsPath)).audioPath, { ...sound, signal })
  const chunked = enhancementWith({ ...ENHANCEMENT_DEFAULTS, chunkSeconds: 4, overlapSeconds: 1 })
  const [joined] = await decodePcm((await enhance(instrumentalPath, vocalsPath, chunked)).audioPath, {
    ...sound,
    signal,
  })
  let furthest = 0
  for (let i = 0; i < whole.length; i++) furthest = Math.max(furthest, Math.abs(whole[i] - joined[i]))
  expect(joined.length).toBe(whole.length)
  expect(20 * Math.log10(furthest + 1e-9)).toBeLessThan(-80)
})

test('a missing file and an abort are told, and leave nothing behind', async () => {
  const sound = { sampleRateHz: 44_100, channels: 2, frames: 100_000 }
  const instrumentalPath = await write('in.flac', sound, music(0.1))
  await expect(enhance(instrumentalPath, join(folder, 'none.flac'))).rejects.toThrow(/none\.flac/)
  const controller = new AbortController()
  const work = embeddedEnhancement.enhance({
    ...{ instrumentalPath, vocalsPath: instrumentalPath, workspacePath: folder, signal: controller.signal },
    onProgress: () => controller.abort(new Error('stopped')),
  })
  await expect(work).rejects.toThrow('stopped')
  expect(await readdir(folder)).toEqual(['in.flac'])
})

test('more than two channels are refused', async () => {
  const path = await write('six.flac', { sampleRateHz: 44_100, channels: 6, frames: 1_000 }, () => 0)
  await expect(enhance(path, path)).rejects.toThrow(/mono or stereo, got 6/)
})
