import { InvalidInput } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import { resampleFilter } from './pcm.ts'
import { runFfmpeg } from './run.ts'

/** MP3 (LAME), AAC in M4A with its index in front, or FLAC of 16 bit. */
export type AudioFormat = 'mp3' | 'm4a' | 'flac'

export interface AudioEncoding {
  readonly format: AudioFormat
  readonly sampleRateHz: number
  readonly channels: number
  /** Bits per second; not used for FLAC. */
  readonly bitRate: number
}

export interface AudioCut {
  /** On the clock of the decoded file; met to the sample. */
  readonly startSeconds: number
  /** Met to the sample; where the file ends earlier, silence follows. */
  readonly durationSeconds: number
  readonly fadeInSeconds: number
  readonly fadeOutSeconds: number
}

interface Run {
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/**
 * Cuts a span out of an audio file, with short fades against clicks.
 *
 * @throws InvalidInput for a span that is empty, negative or shorter than its fades; MediaFailed from ffmpeg
 */
export async function cutAudio(
  inputPath: string,
  outputPath: string,
  cut: AudioCut,
  encoding: AudioEncoding,
  { signal, onProgress }: Run,
): Promise<void> {
  const args = cutArguments(inputPath, outputPath, cut, encoding)
  await runFfmpeg(args, { signal, onProgress, durationSeconds: cut.durationSeconds })
}

/** Encodes a whole audio file anew; resampled and mixed as the encoding says. */
export async function encodeAudio(
  inputPath: string,
  outputPath: string,
  encoding: AudioEncoding,
  { signal, onProgress, durationSeconds }: Run & { durationSeconds?: number },
): Promise<void> {
  await runFfmpeg(encodeArguments(inputPath, outputPath, encoding), { signal, onProgress, durationSeconds })
}

export function cutArguments(inputPath: string, outputPath: string, cut: AudioCut, encoding: AudioEncoding): string[] {
  const { startSeconds, durationSeconds, fadeInSeconds, fadeOutSeconds } = cut
  if (!(startSeconds >= 0 && durationSeconds > 0)) {
    throw new InvalidInput(
      `expected a span that starts at 0 s or later and is not empty, got ${startSeconds} s for ${durationSeconds} s`,
    )
  }
  if (!(fadeInSeconds >= 0 && fadeOutSeconds >= 0 && fadeInSeconds + fadeOutSeconds <= durationSeconds)) {
    throw new InvalidInput(
      `expected fades that fit into ${durationSeconds} s, got ${fadeInSeconds} s and ${fadeOutSeconds} s`,
    )
  }
  const samples = (seconds: number) => Math.round(seconds * encoding.sampleRateHz)
  const start = samples(startSeconds)
  const length = samples(durationSeconds)
  const fadeIn = samples(fadeInSeconds)
  const fadeOut = samples(fadeOutSeconds)
  const filters = [
    resampleFilter(encoding.sampleRateHz),
    `atrim=start_sample=${start}:end_sample=${start + length}`,
    'asetpts=N/SR/TB',
    `apad=whole_len=${length}`,
    ...(fadeIn > 0 ? [`afade=t=in:ss=0:ns=${fadeIn}`] : []),
    ...(fadeOut > 0 ? [`afade=t=out:ss=${length - fadeOut}:ns=${fadeOut}`] : []),
  ]
  return ['-i', inputPath, '-map', '0:a:0', '-af', filters.join(','), ...encodingArguments(encoding), outputPath]
}

export function encodeArguments(inputPath: string, outputPath: string, encoding: AudioEncoding): string[] {
  const resample = ['-af', resampleFilter(encoding.sampleRateHz)]
  return ['-i', inputPath, '-map', '0:a:0', ...resample, ...encodingArguments(encoding), outputPath]
}

function encodingArguments({ format, sampleRateHz, channels, bitRate }: AudioEncoding): string[] {
  const common = ['-vn', '-sn', '-dn', '-map_metadata', '-1', '-ar', String(sampleRateHz), '-ac', String(channels)]
  if (format === 'flac') return [...common, '-c:a', 'flac', '-sample_fmt', 's16', '-f', 'flac']
  if (format === 'mp3') return [...common, '-c:a', 'libmp3lame', '-b:a', String(bitRate), '-f', 'mp3']
  return [...common, '-c:a', 'aac', '-b:a', String(bitRate), '-movflags', '+faststart', '-f', 'ipod']
}
