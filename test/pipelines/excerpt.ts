import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodePcm } from '../../worker/media/ffmpeg/pcm.ts'
import { writeWav } from '../support/sound.ts'
import { checkout } from '../support/test-server.ts'

const SHAPE = { sampleRateHz: 44_100, channels: 1, durationSeconds: 26 } as const

/** The intro and the first verse of our own song as a WAV file: 26 s of mono. */
export async function writeExcerpt(path: string): Promise<void> {
  const song = join(checkout, 'song/lantern-road.mp3')
  const [samples] = await decodePcm(song, { ...SHAPE, signal: AbortSignal.timeout(60_000) })
  await writeWav(path, { ...SHAPE, samples: samples.map((sample) => Math.max(-1, Math.min(1, sample))) })
}

/** What is sung in the excerpt: four lines. */
export async function excerptLyrics(): Promise<string> {
  return (await readFile(join(checkout, 'song/lyrics.txt'), 'utf8')).split('\n').slice(0, 4).join('\n')
}
