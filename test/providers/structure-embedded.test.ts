import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { embeddedStructure } from '../../worker/providers/structure/embedded.ts'

const { signal } = new AbortController()
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-structure-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function write(name: string, seconds: number, sample: (seconds: number) => number): Promise<string> {
  const path = join(folder, name)
  const samples = Float32Array.from({ length: Math.round(seconds * 16_000) }, (_, i) => sample(i / 16_000))
  await writeFlac(path, { sampleRateHz: 16_000, channels: 1, bitDepth: 16, signal }, [samples])
  return path
}

test('a file’s sections cover it, and progress rises to 1', async () => {
  const audioPath = await write('two.flac', 40, (t) => (t < 20 ? 0.05 : 0.5) * Math.sin(t * (t < 20 ? 1_400 : 2_500)))
  const fractions: number[] = []
  const { sections, method } = await embeddedStructure.analyze({
    audioPath,
    onProgress: (f) => fractions.push(f),
    signal,
  })
  expect(sections.map((section) => section.label)).toHaveLength(2)
  expect(Math.abs(sections[1].startMs - 20_000)).toBeLessThan(1_000)
  expect(sections[1].endMs).toBe(40_000)
  expect(method).toBe('self-similarity')
  expect(fractions.at(-1)).toBe(1)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
})

test('a missing file and an abort are told', async () => {
  await expect(
    embeddedStructure.analyze({ audioPath: join(folder, 'none.flac'), onProgress: () => {}, signal }),
  ).rejects.toThrow(/none\.flac/)
  const audioPath = await write('one.flac', 5, () => 0)
  await expect(
    embeddedStructure.analyze({ audioPath, onProgress: () => {}, signal: AbortSignal.abort(new Error('stopped')) }),
  ).rejects.toThrow('stopped')
})
