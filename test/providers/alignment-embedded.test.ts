import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidInput } from '../../worker/errors.ts'
import { TimedLyrics } from '../../worker/media/lyrics.ts'
import { embeddedAlignment } from '../../worker/providers/alignment/embedded.ts'

let workspacePath: string
let audioPath: string

beforeAll(async () => {
  workspacePath = await mkdtemp(join(tmpdir(), 'alignment-'))
  audioPath = join(workspacePath, 'hum.wav')
  await writeFile(audioPath, wav(hum(8)))
})
afterAll(() => rm(workspacePath, { recursive: true }))

const hum = (seconds: number) =>
  Float32Array.from({ length: 16_000 * seconds }, (_, i) => 0.3 * Math.sin(i * 0.08) * Math.sin(i / 3000))

function wav(samples: Float32Array): Buffer {
  const data = Buffer.alloc(44 + 2 * samples.length)
  data.write('RIFF', 0)
  data.writeUInt32LE(36 + 2 * samples.length, 4)
  data.write('WAVEfmt ', 8)
  data.writeUInt32LE(16, 16)
  data.writeUInt16LE(1, 20)
  data.writeUInt16LE(1, 22)
  data.writeUInt32LE(16_000, 24)
  data.writeUInt32LE(32_000, 28)
  data.writeUInt16LE(2, 32)
  data.writeUInt16LE(16, 34)
  data.write('data', 36)
  data.writeUInt32LE(2 * samples.length, 40)
  samples.forEach((sample, i) => {
    data.writeInt16LE(Math.round(32_767 * sample), 44 + 2 * i)
  })
  return data
}

const request = (lines: { text: string }[], signal = new AbortController().signal) => ({
  audioPath,
  lines,
  language: 'en',
  workspacePath,
  onProgress: () => {},
  signal,
})

test('a file and lines give timed words, and progress runs from its start to its end', async () => {
  const progress: number[] = []
  const aligned = await embeddedAlignment.align({
    ...request([{ text: 'Row, row, row your boat' }, { text: 'gently down the stream' }]),
    onProgress: (fraction) => progress.push(fraction),
  })
  expect(TimedLyrics.parse(aligned.lyrics).lines.map(({ words }) => words.length)).toEqual([5, 4])
  expect(aligned.lyrics.lines[1].endMs).toBeLessThanOrEqual(8000)
  expect(aligned.method).not.toBe('')
  expect(aligned.confidence).toBeGreaterThanOrEqual(0)
  expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  expect(progress.at(-1)).toBe(1)
})

test('refusals reach the caller with their kind', async () => {
  await expect(embeddedAlignment.align(request([{ text: '[Chorus]' }]))).rejects.toMatchObject({
    kind: new InvalidInput('').kind,
  })
})

test('an abort ends the thread', async () => {
  const controller = new AbortController()
  let abortedMs = Number.POSITIVE_INFINITY
  const aligning = embeddedAlignment.align({
    ...request([{ text: 'row your boat' }], controller.signal),
    onProgress: () => {
      abortedMs = Math.min(abortedMs, performance.now())
      controller.abort(new Error('stop'))
    },
  })
  await expect(aligning).rejects.toThrow('stop')
  // A thread that does not end by itself is terminated after two seconds.
  expect(performance.now() - abortedMs).toBeLessThan(1900)
})
