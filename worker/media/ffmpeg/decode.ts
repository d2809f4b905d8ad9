import type { OnProgress } from '../../progress.ts'
import { resampleFilter } from './pcm.ts'
import { runFfmpeg } from './run.ts'

/**
 * Decodes any song that ffmpeg reads into FLAC of 24 bits, resampled and mixed down as asked.
 *
 * @param shape sample rate, and 1 or 2 channels
 */
export async function decodeSong(
  inputPath: string,
  outputPath: string,
  shape: { readonly sampleRateHz: number; readonly channels: number },
  options: { signal: AbortSignal; onProgress: OnProgress; durationSeconds: number },
): Promise<void> {
  await runFfmpeg(decodeArguments(inputPath, outputPath, shape), options)
}

export function decodeArguments(
  inputPath: string,
  outputPath: string,
  shape: { readonly sampleRateHz: number; readonly channels: number },
): string[] {
  return [
    ...['-i', inputPath, '-map', '0:a:0', '-vn', '-sn', '-dn', '-map_metadata', '-1'],
    ...['-af', resampleFilter(shape.sampleRateHz), '-ar', String(shape.sampleRateHz), '-ac', String(shape.channels)],
    ...['-c:a', 'flac', '-sample_fmt', 's32', '-bits_per_raw_sample', '24', '-f', 'flac', outputPath],
  ]
}
