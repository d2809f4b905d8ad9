import { expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { ResidueFilter } from '../../worker/media/enhance/residue.ts'
import { treatChunks } from '../../worker/media/enhance/treat-chunks.ts'
import { seeded } from './random.ts'
import { firstDifference } from './samples.ts'

const RATE = 22_050
const { signal } = new AbortController()
const db = (factor: number) => 20 * Math.log10(factor)

/** Struck chords, a bass and a hat, a little different on each side. */
const BAND = playBand(14)

function band(seconds: number): Float32Array[] {
  return BAND.map((plane) => plane.slice(0, Math.round(seconds * RATE)))
}

function playBand(seconds: number): Float32Array[] {
  const random = seeded(11)
  return [0, 1].map((channel) => {
    const samples = new Float32Array(Math.round(seconds * RATE))
    for (let i = 0; i < samples.length; i++) {
      const at = i / RATE
      const chord = [
        [131, 165, 196],
        [110, 131, 165],
        [87, 110, 131],
        [98, 123, 147],
      ][Math.floor(at / 2) % 4]
      for (const [n, hz] of chord.entries()) {
        const pan = n === channel ? 0.12 : 0.06
        for (let h = 1; h <= 6; h++)
          samples[i] += (pan / h) * Math.exp(-2 * (at % 1)) * Math.sin(2 * Math.PI * hz * h * at)
      }
      samples[i] += 0.08 * Math.exp(-60 * (at % 0.25)) * (2 * random.next() - 1)
    }
    return samples
  })
}

/** A sung line with vibrato from `from` to `to` seconds, the same on both sides. */
function voice(seconds: number, from: number, to: number): Float32Array[] {
  const samples = new Float32Array(Math.round(seconds * RATE))
  let phase = 0
  for (let i = 0; i < samples.length; i++) {
    const at = i / RATE
    const note = [330, 370, 415, 294, 262][Math.floor(at / 0.7) % 5]
    phase += (2 * Math.PI * note * (1 + 0.01 * Math.sin(2 * Math.PI * 5.5 * at))) / RATE
    if (at < from || at > to) continue
    const fade = Math.min(1, (at - from) * 20, (to - at) * 20) * (0.7 + 0.3 * Math.sin(2 * Math.PI * 1.4 * at))
    for (let h = 1; h <= 12; h++) samples[i] += (0.15 / h) * fade * Math.sin(h * phase)
  }
  return [samples, samples.slice()]
}

function mixed(a: readonly Float32Array[], b: readonly Float32Array[], gain: number): Float32Array[] {
  return a.map((plane, channel) => plane.map((sample, i) => sample + gain * b[channel][i]))
}

/** How much of `source` is in `samples`, beside `other`: the least-squares factor. */
function share(samples: Float32Array, source: Float32Array, other: Float32Array): number {
  let ss = 0
  let oo = 0
  let so = 0
  let xs = 0
  let xo = 0
  for (let i = 0; i < samples.length; i++) {
    ss += source[i] * source[i]
    oo += other[i] * other[i]
    so += source[i] * other[i]
    xs += samples[i] * source[i]
    xo += samples[i] * other[i]
  }
  return (xs * oo - xo * so) / (ss * oo - so * so)
}

async function treat(
  instrumental: readonly Float32Array[],
  vocals: readonly Float32Array[],
  options: { chunkSeconds?: number; overlapSeconds?: number; blockFrames?: number } = {},
): Promise<Float32Array[]> {
  const { chunkSeconds = 190, overlapSeconds = 2, blockFrames = 5_000 } = options
  const channels = instrumental.length
  const parts = treatChunks(stream(instrumental, blockFrames), stream(vocals, blockFrames + 77), {
    ...{ sampleRateHz: RATE, channels, chunkSeconds, overlapSeconds, signal },
  })
  const planes = instrumental.map((plane) => new Float32Array(plane.length + 1))
  let filled = 0
  for await (const part of parts) {
    for (let i = 0; i < part.length; i++, filled++) planes[filled % channels][Math.floor(filled / channels)] = part[i]
  }
  return planes.map((plane) => plane.slice(0, filled / channels))
}

async function* stream(planes: readonly Float32Array[], blockFrames: number): AsyncGenerator<Float32Array> {
  for (let from = 0; from < planes[0].length; from += blockFrames) {
    const frames = Math.min(blockFrames, planes[0].length - from)
    yield Float32Array.from(
      { length: frames * planes.length },
      (_, i) => planes[i % planes.length][from + Math.floor(i / planes.length)],
    )
  }
}

test('a leaked voice is lowered by more than 6 dB, the band by less than half a dB, and other stretches stay bit for bit', async () => {
  const music = band(14)
  const sung = voice(14, 4, 10)
  const leaked = mixed(music, sung, 0.2)
  const treated = await treat(leaked, sung)
  const inside = (planes: readonly Float32Array[]) => planes[0].subarray(4 * RATE, 10 * RATE)
  expect(share(inside(leaked), inside(sung), inside(music))).toBeCloseTo(0.2, 3)
  expect(db(share(inside(treated), inside(sung), inside(music)) / 0.2)).toBeLessThan(-6)
  expect(Math.abs(db(share(inside(treated), inside(music), inside(sung))))).toBeLessThan(0.5)
  for (const [channel, plane] of treated.entries()) {
    expect(firstDifference(plane.subarray(0, 3.8 * RATE), leaked[channel].subarray(0, 3.8 * RATE))).toBe(-1)
    expect(firstDifference(plane.subarray(10.2 * RATE), leaked[channel].subarray(10.2 * RATE))).toBe(-1)
  }
})

test('an instrumental without residue loses little under a voice', async () => {
  const music = band(8)
  const treated = await treat(music, voice(8, 0, 8))
  let error = 0
  let power = 0
  for (let i = 0; i < music[0].length; i++) {
    error += (treated[0][i] - music[0][i]) ** 2
    power += music[0][i] ** 2
  }
  expect(10 * Math.log10(error / power)).toBeLessThan(-12)
})

test('chunks joined equal one piece within -80 dB, at every length, without a click', async () => {
  const sung = voice(13, 0.5, 12)
  const leaked = mixed(band(13), sung, 0.2)
  const whole = await treat(leaked, sung)
  const chunked = await treat(leaked, sung, { chunkSeconds: 4.2, overlapSeconds: 1 })
  let furthest = 0
  let steepest = 0
  let steepestWhole = 0
  for (let i = 1; i < whole[0].length; i++) {
    furthest = Math.max(furthest, Math.abs(chunked[0][i] - whole[0][i]))
    steepest = Math.max(steepest, Math.abs(chunked[0][i] - chunked[0][i - 1]))
    steepestWhole = Math.max(steepestWhole, Math.abs(whole[0][i] - whole[0][i - 1]))
  }
  expect(db(furthest)).toBeLessThan(-80)
  expect(steepest).toBeLessThanOrEqual(steepestWhole * 1.001)
})

test.each([1, 100, 92_000, 92_160, 92_161, 161_280, 161_281])('%i samples in, as many out', async (length) => {
  const cut = (planes: readonly Float32Array[]) => planes.map((plane) => plane.slice(0, length))
  const sung = cut(voice(8, 0, 8))
  const treated = await treat(mixed(cut(band(8)), sung, 0.2), sung, {
    chunkSeconds: 92_160 / RATE,
    overlapSeconds: 1.05,
  })
  expect(treated[0].length).toBe(length)
  expect(treated[1].length).toBe(length)
})

test('an empty stream gives none, and a shorter voice is silent behind its end', async () => {
  expect((await treat([new Float32Array(0)], [new Float32Array(0)]))[0].length).toBe(0)
  const music = [band(3)[0]]
  const treated = await treat(music, [new Float32Array(10)])
  expect(firstDifference(treated[0], music[0])).toBe(-1)
})

test('samples that are no numbers become silence', async () => {
  const music = [new Float32Array(RATE).fill(Number.NaN)]
  expect((await treat(music, music))[0].every((sample) => sample === 0)).toBe(true)
})

test('an overlap too short to join in is refused', async () => {
  const music = [new Float32Array(100)]
  await expect(treat(music, music, { overlapSeconds: 0.1 })).rejects.toThrow(InvalidInput)
  await expect(treat(music, music, { chunkSeconds: 3 })).rejects.toThrow(/twice their overlap/)
})

test('an abort stops the work', async () => {
  const filter = new ResidueFilter(RATE)
  await expect(filter.run(band(1), band(1), AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped')
})
