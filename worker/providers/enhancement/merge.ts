import { ProviderRejected } from '../../errors.ts'
import { LoudnessMeter } from '../../media/enhance/loudness-meter.ts'
import { type Mastered, master } from '../../media/enhance/master.ts'
import { readScratch, writeScratch } from '../../media/enhance/scratch-file.ts'
import { readPcm, writeFlac } from '../../media/ffmpeg/pcm.ts'
import { type Chunk, crossFade } from './chunks.ts'
import { ENHANCEMENT_DEFAULTS } from './embedded.ts'

export interface Format {
  readonly sampleRateHz: number
  readonly channels: number
}

/** Frames handed on at a time, so that nothing else waits long. */
const BLOCK_FRAMES = 65_536
/** How much shorter than asked a treated chunk may be; the rest is silence. */
const MISSING_SECONDS = 0.1

/** Exact length of a file in frames, by decoding it. */
export async function countFrames(path: string, format: Format, signal: AbortSignal): Promise<number> {
  let samples = 0
  for await (const block of readPcm(path, { ...format, signal })) samples += block.length
  return samples / format.channels
}

export interface Merge {
  readonly chunks: readonly Chunk[]
  /** Where each chunk's treated sound lies, in any format. */
  readonly paths: readonly string[]
  readonly overlapFrames: number
  /** A file for the time being; left to the caller to remove. */
  readonly scratchPath: string
  /** Where the FLAC of 24 bit goes. */
  readonly audioPath: string
  readonly signal: AbortSignal
}

/**
 * Joins treated chunks to the length that the plan adds up to, and brings the whole to its loudness and under its ceiling.
 *
 * @throws ProviderRejected when a chunk came back too short
 */
export async function mergeChunks(format: Format, merge: Merge): Promise<Mastered> {
  const { scratchPath, audioPath, signal } = merge
  const meter = new LoudnessMeter(format.sampleRateHz, format.channels)
  await writeScratch(scratchPath, joined(format, merge), (block) => meter.push(block))
  return master(
    meter.integratedLufs(),
    { ...ENHANCEMENT_DEFAULTS, ...format },
    () => readScratch(scratchPath, signal),
    (blocks) => writeFlac(audioPath, { ...format, bitDepth: 24, signal }, blocks),
  )
}

async function* joined(format: Format, { chunks, paths, overlapFrames, signal }: Merge): AsyncGenerator<Float32Array> {
  let tail: Float32Array | null = null
  for (const [index, { frames }] of chunks.entries()) {
    const samples = await readFrames(paths[index]!, frames, format, signal)
    if (tail) {
      const head = samples.subarray(0, tail.length)
      crossFade(tail, head, format.channels)
      head.set(tail)
    }
    const isLast = index === chunks.length - 1
    const end = isLast ? samples.length : samples.length - overlapFrames * format.channels
    for (let from = 0; from < end; from += BLOCK_FRAMES * format.channels) {
      yield samples.subarray(from, Math.min(from + BLOCK_FRAMES * format.channels, end))
    }
    tail = samples.slice(end)
  }
}

/** The first `frames` of a file, interleaved, in the format wanted; a model may give more than it was asked for. */
async function readFrames(path: string, frames: number, format: Format, signal: AbortSignal): Promise<Float32Array> {
  const { sampleRateHz, channels } = format
  const samples = new Float32Array(frames * channels)
  let filled = 0
  for await (const block of readPcm(path, { ...format, durationSeconds: frames / sampleRateHz, signal })) {
    samples.set(block.subarray(0, samples.length - filled), filled)
    filled = Math.min(filled + block.length, samples.length)
  }
  const missingSeconds = (samples.length - filled) / channels / sampleRateHz
  if (missingSeconds > MISSING_SECONDS) {
    const seconds = (frames / sampleRateHz).toFixed(1)
    throw new ProviderRejected('fal', `expected ${seconds} s of sound, got ${missingSeconds.toFixed(1)} s less`)
  }
  return samples
}
