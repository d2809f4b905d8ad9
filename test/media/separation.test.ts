import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { CentreMask } from '../../worker/media/separation/centre-mask.ts'
import { exactGrid, powerOfTwoGrid } from '../../worker/media/separation/frame-grid.ts'
import { type MaskModel, VOICE_BAND } from '../../worker/media/separation/mask.ts'
import { MelodyMask } from '../../worker/media/separation/melody-mask.ts'
import { type VocalBlock, VocalStream, vocalBlocks } from '../../worker/media/separation/vocal-stream.ts'
import { loop, loudest, noise, sdr, sum, voice } from './separation-sound.ts'

const RATE_HZ = 11_025

function separate(
  mix: Float32Array,
  channels: number,
  { rateHz = RATE_HZ, blockFrames = 8192, contextSeconds = 150 } = {},
): { mix: Float32Array; vocals: Float32Array } {
  const grid = powerOfTwoGrid(rateHz, VOICE_BAND.highestHz)
  return run(
    new VocalStream(grid, channels, new MelodyMask(grid), { band: VOICE_BAND, contextSeconds }),
    mix,
    blockFrames * channels,
  )
}

function run(stream: VocalStream, mix: Float32Array, blockSamples: number) {
  const blocks: VocalBlock[] = []
  for (let at = 0; at < mix.length; at += blockSamples) {
    stream.push(mix.subarray(at, at + blockSamples))
    blocks.push(...stream.work())
  }
  stream.end()
  blocks.push(...stream.work())
  return { mix: joined(blocks.map((block) => block.mix)), vocals: joined(blocks.map((block) => block.vocals)) }
}

function joined(blocks: readonly Float32Array[]): Float32Array {
  return Float32Array.from(blocks.flatMap((block) => Array.from(block)))
}

const openMask = (bins: number): MaskModel => {
  let waiting = 0
  return {
    push: () => void waiting++,
    end: () => {},
    next: (mask) => {
      mask.subarray(0, bins).fill(1)
      return waiting-- > 0 || (waiting = 0) > 0
    },
  }
}

test('a voice over a repeating loop is taken out several decibels better than leaving the mix as it is', () => {
  const frames = 16 * RATE_HZ
  const truth = voice(frames, 2, RATE_HZ)
  const band = loop(frames, 2, RATE_HZ)
  const mix = sum(truth, band)
  const result = separate(mix, 2)
  const instrumental = result.mix.map((value, i) => value - result.vocals[i])
  expect(sdr(truth, result.vocals)).toBeGreaterThan(sdr(truth, mix) + 6)
  expect(sdr(band, instrumental)).toBeGreaterThan(sdr(band, mix) + 6)
})

test('music without a voice stays in the instrumental', () => {
  const band = loop(12 * RATE_HZ, 2, RATE_HZ)
  const { vocals } = separate(band, 2)
  const inside = vocals.subarray(2 * RATE_HZ, -2 * RATE_HZ)
  const energy = (samples: Float32Array) => samples.reduce((total, sample) => total + sample * sample, 0)
  expect(energy(inside)).toBeLessThan(0.02 * energy(band.subarray(2 * RATE_HZ, -2 * RATE_HZ)))
})

test.each([1, 2, 3, 500, 2047, 2048, 2049, 20_001])(
  '%i frames go in and as many come out, the mix untouched',
  (frames) => {
    for (const channels of [1, 2, 3]) {
      const random = noise(frames)
      const mix = Float32Array.from({ length: frames * channels }, () => random())
      const result = separate(mix, channels, { blockFrames: 777 })
      expect(result.mix).toEqual(mix)
      expect(result.vocals.length).toBe(mix.length)
      expect(result.vocals.every(Number.isFinite)).toBe(true)
    }
  },
)

test('no sound at all gives no sound', () => {
  expect(separate(new Float32Array(0), 2).vocals.length).toBe(0)
})

test('silence stays silence', () => {
  const { vocals } = separate(new Float32Array(6 * RATE_HZ), 2)
  expect(loudest(vocals)).toBe(0)
})

test('broken samples are mended and spoil nothing', () => {
  const mix = voice(RATE_HZ, 1, RATE_HZ)
  mix.set([Number.NaN, Number.POSITIVE_INFINITY, -1e38], 100)
  const result = separate(mix, 1)
  expect(Array.from(result.mix.subarray(100, 103))).toEqual([0, 16, -16])
  expect(result.vocals.every((value) => Math.abs(value) <= 32)).toBe(true)
})

test('a voice alone stays mostly a voice', () => {
  const frames = 12 * RATE_HZ
  const truth = voice(frames, 1, RATE_HZ)
  const { vocals } = separate(truth, 1)
  expect(sdr(truth, vocals)).toBeGreaterThan(3)
})

test('the result does not depend on how the sound was cut into blocks', () => {
  const frames = 9 * RATE_HZ + 123
  const mix = sum(voice(frames, 2, RATE_HZ), loop(frames, 2, RATE_HZ))
  const small = separate(mix, 2, { blockFrames: 1000, contextSeconds: 4 })
  const large = separate(mix, 2, { blockFrames: 60_000, contextSeconds: 4 })
  expect(small.vocals).toEqual(large.vocals)
})

test('a context that slides leaves no seams: no jumps, and nearly the voice that the whole context gives', () => {
  const frames = 28 * RATE_HZ
  const truth = voice(frames, 1, RATE_HZ)
  const mix = sum(truth, loop(frames, 1, RATE_HZ))
  const sliding = separate(mix, 1, { contextSeconds: 14 })
  const whole = separate(mix, 1)
  expect(sdr(truth, sliding.vocals)).toBeGreaterThan(sdr(truth, whole.vocals) - 1)
  const step = (samples: Float32Array) => loudest(samples.map((value, i) => (i > 0 ? value - samples[i - 1] : 0)))
  expect(step(sliding.vocals)).toBeLessThan(1.5 * step(mix))
})

test.each([8000, 22_050, 44_100, 48_000, 96_000])(
  'at %i Hz an open mask gives the band below its top back',
  (rateHz) => {
    for (const grid of [powerOfTwoGrid(rateHz, rateHz), exactGrid(rateHz, rateHz)]) {
      const stream = new VocalStream(grid, 2, openMask(grid.bins), { band: VOICE_BAND })
      const random = noise(5)
      const mix = Float32Array.from({ length: 2 * Math.round(rateHz / 3) }, () => random())
      const { vocals } = run(stream, mix, 4096)
      expect(sdr(mix, vocals)).toBeGreaterThan(90)
    }
  },
)

test('what stands at the sides is no voice to the centre mask', () => {
  const frames = 8 * RATE_HZ
  const truth = voice(frames, 1, RATE_HZ)
  const other = voice(frames + 40_000, 1, RATE_HZ).subarray(40_000)
  const mix = Float32Array.from(
    { length: 2 * frames },
    (_, i) => truth[i >> 1] + (i % 2 === 0 ? 1 : -1) * other[i >> 1],
  )
  const grid = exactGrid(RATE_HZ, 4200)
  const { vocals } = run(new VocalStream(grid, 2, new CentreMask(grid), { band: VOICE_BAND }), mix, 8192)
  let left = 0
  let side = 0
  for (let i = 0; i < vocals.length; i += 2) {
    left += (vocals[i] + vocals[i + 1]) ** 2
    side += (vocals[i] - vocals[i + 1]) ** 2
  }
  expect(10 * Math.log10(left / side)).toBeGreaterThan(10)
})

test('memory does not grow with the length', () => {
  const rateHz = 4000
  const grid = powerOfTwoGrid(rateHz, VOICE_BAND.highestHz)
  const stream = new VocalStream(grid, 1, new MelodyMask(grid), { band: VOICE_BAND, contextSeconds: 5 })
  const minute = sum(voice(60 * rateHz, 1, rateHz), loop(60 * rateHz, 1, rateHz))
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const held: number[] = []
  let samples = 0
  for (let i = 0; i < 8; i++) {
    stream.push(minute)
    for (const block of stream.work()) samples += block.vocals.length
    // The second one waits until the memory that the first one found, and gives back beside us, is counted.
    collectGarbage()
    collectGarbage()
    held.push(process.memoryUsage().arrayBuffers)
  }
  expect(samples).toBeGreaterThan(6 * 60 * rateHz)
  expect(Math.max(...held.slice(5))).toBeLessThan(1.05 * Math.max(...held.slice(2, 5)))
})

test('an abort ends the work at once, and its source too', async () => {
  const grid = powerOfTwoGrid(RATE_HZ, VOICE_BAND.highestHz)
  const stream = new VocalStream(grid, 1, new MelodyMask(grid), { band: VOICE_BAND, contextSeconds: 10 })
  const controller = new AbortController()
  const block = loop(RATE_HZ, 1, RATE_HZ)
  let isClosed = false
  async function* endless() {
    try {
      for (;;) yield block
    } finally {
      isClosed = true
    }
  }
  const onWorked = () => controller.abort(new Error('enough'))
  const work = async () => {
    for await (const _ of vocalBlocks(stream, endless(), { signal: controller.signal, onWorked }));
  }
  await expect(work()).rejects.toThrow('enough')
  expect(isClosed).toBe(true)
})
