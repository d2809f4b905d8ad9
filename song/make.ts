import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runFfmpeg } from '../worker/media/ffmpeg/run.ts'
import type { Stereo } from './band.ts'
import { type Song, synthesizeSong } from './song.ts'
import type { Truth } from './truth.ts'

export const AUDIO_FILE = 'lantern-road.mp3'

/** Writes the song into a folder: the compressed mix, its lyrics (plain and timed by line) and the ground truth. */
export async function writeSong(folder: string, song: Song, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'lyrics.txt'), formatLyrics(song.truth))
  await writeFile(join(folder, 'lyrics.lrc'), formatLrc(song.truth))
  await writeFile(join(folder, 'truth.json'), formatTruth(song.truth))
  await runFfmpeg(encodeArguments(song, join(folder, AUDIO_FILE)), { signal, stdin: interleave(song.mix) })
}

/** MP3, because every player has it and the encoder's delay is written into the file, so that decoders remove it. */
function encodeArguments({ sampleRateHz, truth }: Song, path: string): string[] {
  return [
    ...['-f', 'f32le', '-ar', String(sampleRateHz), '-ac', '2', '-i', 'pipe:0'],
    ...['-c:a', 'libmp3lame', '-b:a', '128k'],
    ...['-metadata', `title=${truth.title}`, '-metadata', `artist=${truth.artist}`],
    ...['-f', 'mp3', path],
  ]
}

function* interleave([left, right]: Stereo): Generator<Uint8Array> {
  const blockFrames = 16_384
  for (let start = 0; start < left.length; start += blockFrames) {
    const frames = Math.min(blockFrames, left.length - start)
    const block = new Float32Array(2 * frames)
    for (let i = 0; i < frames; i++) {
      block[2 * i] = left[start + i]
      block[2 * i + 1] = right[start + i]
    }
    yield new Uint8Array(block.buffer)
  }
}

/** One sung line per line. */
export function formatLyrics(truth: Truth): string {
  return `${truth.lines.map((line) => line.text).join('\n')}\n`
}

/** Line times in the LRC format, with the title and artist as tags. */
export function formatLrc(truth: Truth): string {
  const tags = [`[ti:${truth.title}]`, `[ar:${truth.artist}]`, `[length:${formatMinutes(truth.durationSeconds)}]`]
  const lines = truth.lines.map((line) => `[${formatMinutes(line.startSeconds)}]${line.text}`)
  return `${[...tags, ...lines].join('\n')}\n`
}

/** JSON with one record a line, so that a change reads well as a difference. */
export function formatTruth(truth: Truth): string {
  const fields = Object.entries(truth).map(([key, value]) => {
    if (!Array.isArray(value)) return `  "${key}": ${JSON.stringify(value)}`
    if (key === 'beats') return `  "${key}": ${JSON.stringify(value)}`
    return `  "${key}": [\n${value.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`
  })
  return `{\n${fields.join(',\n')}\n}\n`
}

function formatMinutes(seconds: number): string {
  const hundredths = Math.round(seconds * 100)
  const minutes = Math.floor(hundredths / 6000)
  return `${String(minutes).padStart(2, '0')}:${((hundredths % 6000) / 100).toFixed(2).padStart(5, '0')}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  await writeSong(import.meta.dirname, synthesizeSong(), AbortSignal.timeout(120_000))
}
