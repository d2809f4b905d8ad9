import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidInput, MediaFailed } from '../../worker/errors.ts'
import { cutArguments, cutAudio, encodeAudio } from '../../worker/media/ffmpeg/encode.ts'
import { measureLoudness, parseLoudness } from '../../worker/media/ffmpeg/loudness.ts'
import { decodePcm, readPcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { runFfmpeg } from '../../worker/media/ffmpeg/run.ts'

const { signal } = new AbortController()
const RATE = 8_000
let folder: string
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-sound-'))
  await writeFlac(at('ramp.flac'), { sampleRateHz: RATE, channels: 2, bitDepth: 24, signal }, [ramp(RATE * 3)])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Stereo; the left channel counts frames in steps of 2⁻²³, the right is its negative. */
function ramp(frames: number): Float32Array {
  return Float32Array.from(
    { length: frames * 2 },
    (_, index) => ((index >> 1) * (index % 2 === 0 ? 1 : -1) || 0) / 2 ** 23,
  )
}

function sine(frames: number, amplitude: number, rateHz = 48_000): Float32Array {
  return Float32Array.from(
    { length: frames },
    (_, index) => amplitude * Math.sin((2 * Math.PI * 1_000 * index) / rateHz),
  )
}

test('samples survive FLAC and back, bit for bit', async () => {
  const expected = ramp(RATE * 3)
  const [left, right] = await decodePcm(at('ramp.flac'), { sampleRateHz: RATE, channels: 2, signal })
  expect(left).toEqual(expected.filter((_, index) => index % 2 === 0))
  expect(right).toEqual(expected.filter((_, index) => index % 2 === 1))
  await writeFlac(at('short.flac'), { sampleRateHz: RATE, channels: 1, bitDepth: 16, signal }, [
    new Float32Array([-1, 1 / 32768, 32767 / 32768]),
  ])
  expect(await decodePcm(at('short.flac'), { sampleRateHz: RATE, channels: 1, signal })).toEqual([
    new Float32Array([-1, 1 / 32768, 32767 / 32768]),
  ])
})

test('every block has exactly the frames asked for, except the last', async () => {
  const lengths: number[] = []
  const values: number[] = []
  for await (const block of readPcm(at('ramp.flac'), { sampleRateHz: RATE, channels: 2, blockFrames: 7_000, signal })) {
    lengths.push(block.length / 2)
    values.push(block[0]! * 2 ** 23)
  }
  expect(lengths).toEqual([7_000, 7_000, 7_000, 3_000])
  expect(values).toEqual([0, 7_000, 14_000, 21_000])
})

test('a span starts and ends on the very sample', async () => {
  const span = { sampleRateHz: RATE, channels: 2, startSeconds: 1.001, durationSeconds: 0.5, signal }
  const [left] = await decodePcm(at('ramp.flac'), span)
  expect(left!.length).toBe(RATE / 2)
  expect(left![0]! * 2 ** 23).toBe(8_008)
  const beyond = await decodePcm(at('ramp.flac'), { ...span, startSeconds: 10 })
  expect(beyond.map((plane) => plane.length)).toEqual([0, 0])
})

test('a reader that stops early ends ffmpeg, and an abort reaches the reader', async () => {
  for await (const block of readPcm(at('ramp.flac'), { sampleRateHz: RATE, channels: 2, blockFrames: 10, signal })) {
    expect(block.length).toBe(20)
    break
  }
  const controller = new AbortController()
  const reason = new Error('stop')
  const read = async () => {
    for await (const _ of readPcm(at('ramp.flac'), {
      sampleRateHz: RATE,
      channels: 2,
      blockFrames: 10,
      signal: controller.signal,
    })) {
      controller.abort(reason)
    }
  }
  await expect(read()).rejects.toBe(reason)
})

test('mono fills both sides at full level, and 5.1 comes down to stereo without clipping', async () => {
  await writeFlac(at('mono.flac'), { sampleRateHz: RATE, channels: 1, bitDepth: 16, signal }, [
    new Float32Array(800).fill(0.5),
  ])
  const sides = await decodePcm(at('mono.flac'), { sampleRateHz: RATE, channels: 2, signal })
  expect(sides.map((side) => side[400])).toEqual([0.5, 0.5])
  await writeFlac(at('51.flac'), { sampleRateHz: RATE, channels: 6, bitDepth: 16, signal }, [
    new Float32Array(4_800).fill(0.9),
  ])
  const down = await decodePcm(at('51.flac'), { sampleRateHz: RATE, channels: 2, signal })
  expect(down.map((side) => side.length)).toEqual([800, 800])
  expect(Math.max(...down[0]!)).toBeLessThanOrEqual(1)
  expect(down[0]![400]).toBeGreaterThan(0.3)
})

test('samples beyond full scale, NaN and torn frames are refused, and leave no file', async () => {
  const shape = { sampleRateHz: RATE, channels: 2, bitDepth: 16, signal } as const
  await expect(writeFlac(at('no.flac'), shape, [new Float32Array(4), new Float32Array([0, 1.5])])).rejects.toThrow(
    /got 1.5 in frame 2/,
  )
  await expect(writeFlac(at('no.flac'), shape, [new Float32Array([0, Number.NaN])])).rejects.toThrow(InvalidInput)
  await expect(writeFlac(at('no.flac'), shape, [new Float32Array(3)])).rejects.toThrow(/whole frames/)
  await expect(readFile(at('no.flac'))).rejects.toThrow()
})

test('a file says what it is, with its tags', async () => {
  const tags = ['-metadata', 'title=Über', '-metadata', 'artist=Us', '-metadata', 'TSRC=QM1']
  await runFfmpeg(['-i', at('ramp.flac'), ...tags, '-b:a', '64k', at('tagged.mp3')], { signal })
  expect(await probe(at('tagged.mp3'), { signal })).toMatchObject({
    formatName: 'mp3',
    audio: { codec: 'mp3', sampleRateHz: RATE, channels: 2 },
    video: null,
    tags: { title: 'Über', artist: 'Us', isrc: 'QM1' },
  })
  expect(await probe(at('ramp.flac'), { signal })).toMatchObject({ formatName: 'flac', durationSeconds: 3 })
})

test('what is no sound is refused with words for people', async () => {
  const flac = await readFile(at('ramp.flac'))
  await Promise.all([
    writeFile(at('text.mp3'), 'this is a text\n'.repeat(400)),
    writeFile(at('empty.mp3'), ''),
    writeFile(at('cut.flac'), flac.subarray(0, flac.length / 2)),
  ])
  await expect(probe(at('text.mp3'), { signal })).rejects.toThrow(/“text.mp3”.*not audio or video/)
  await expect(probe(at('empty.mp3'), { signal })).rejects.toThrow(/“empty.mp3” is empty/)
  await expect(probe(at('cut.flac'), { signal })).rejects.toThrow(/“cut.flac” is cut short: it says 3.0 s/)
  await expect(probe(at('none.mp3'), { signal })).rejects.toThrow(InvalidInput)
  await expect(decodePcm(at('text.mp3'), { sampleRateHz: RATE, channels: 1, signal })).rejects.toThrow(MediaFailed)
})

test('loudness of a sine is what the standard says, and silence has none', async () => {
  // BS.1770: a 997 Hz sine at 0 dBFS on one channel reads −3.01 LKFS; both channels 3 dB more; −20 dB less.
  const both = sine(48_000 * 4, 0.1)
  const stereo = Float32Array.from({ length: both.length * 2 }, (_, index) => both[index >> 1]!)
  await writeFlac(at('sine.flac'), { sampleRateHz: 48_000, channels: 2, bitDepth: 24, signal }, [stereo])
  const loudness = await measureLoudness(at('sine.flac'), { signal })
  expect(loudness.integratedLufs).toBeCloseTo(-20, 0)
  expect(loudness.truePeakDbtp).toBeCloseTo(-20, 0)
  await writeFlac(at('silence.flac'), { sampleRateHz: 48_000, channels: 2, bitDepth: 16, signal }, [
    new Float32Array(96_000),
  ])
  expect(await measureLoudness(at('silence.flac'), { signal })).toEqual({
    integratedLufs: null,
    truePeakDbtp: null,
    loudnessRangeLu: null,
  })
  expect(() => parseLoudness(['nothing'])).toThrow(MediaFailed)
})

test('a cut has the exact samples in FLAC and MP3, fades at both ends, and the exact length in M4A', async () => {
  const steady = new Float32Array(48_000 * 2).fill(0.5)
  await writeFlac(at('steady.flac'), { sampleRateHz: 48_000, channels: 1, bitDepth: 16, signal }, [steady])
  const cut = { startSeconds: 0.25, durationSeconds: 1, fadeInSeconds: 0.01, fadeOutSeconds: 0.1 }
  const encoding = { sampleRateHz: 48_000, channels: 1, bitRate: 128_000 }
  for (const format of ['flac', 'mp3', 'm4a'] as const) {
    await cutAudio(at('steady.flac'), at(`cut.${format}`), cut, { ...encoding, format }, { signal })
  }
  const [exact] = await decodePcm(at('cut.flac'), { sampleRateHz: 48_000, channels: 1, signal })
  expect(exact!.length).toBe(48_000)
  expect(exact![0]).toBe(0)
  expect(exact![240]).toBeCloseTo(0.25, 2)
  expect(exact![24_000]).toBe(0.5)
  expect(exact![48_000 - 2_400]).toBeCloseTo(0.25, 2)
  expect(exact!.at(-1)).toBeCloseTo(0, 3)
  const [mp3] = await decodePcm(at('cut.mp3'), { sampleRateHz: 48_000, channels: 1, signal })
  expect(mp3!.length).toBe(48_000)
  expect((await probe(at('cut.m4a'), { signal })).durationSeconds).toBeCloseTo(1, 3)
})

test('a cut beyond the end is filled with silence, and impossible cuts are refused', async () => {
  const encoding = { format: 'flac', sampleRateHz: RATE, channels: 2, bitRate: 0 } as const
  const cut = { startSeconds: 2.5, durationSeconds: 2, fadeInSeconds: 0, fadeOutSeconds: 0 }
  await cutAudio(at('ramp.flac'), at('beyond.flac'), cut, encoding, { signal })
  expect((await probe(at('beyond.flac'), { signal })).durationSeconds).toBe(2)
  expect(() => cutArguments('a', 'b', { ...cut, durationSeconds: 0 }, encoding)).toThrow(InvalidInput)
  expect(() => cutArguments('a', 'b', { ...cut, startSeconds: -1 }, encoding)).toThrow(InvalidInput)
  expect(() => cutArguments('a', 'b', { ...cut, fadeInSeconds: 1.5, fadeOutSeconds: 1 }, encoding)).toThrow(
    InvalidInput,
  )
})

test('encoding a whole song reports progress to the end', async () => {
  const fractions: number[] = []
  const encoding = { format: 'mp3', sampleRateHz: RATE, channels: 2, bitRate: 64_000 } as const
  const onProgress = (fraction: number) => fractions.push(fraction)
  await encodeAudio(at('ramp.flac'), at('whole.mp3'), encoding, { signal, onProgress, durationSeconds: 3 })
  expect(fractions.at(-1)).toBe(1)
})
