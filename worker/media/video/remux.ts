import { InvalidInput } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import { probe } from '../ffmpeg/probe.ts'
import { runFfmpeg } from '../ffmpeg/run.ts'
import { AAC, type KaraokeTimes, soundFilters, totalSeconds } from './sound.ts'

/** One file with another sound: AAC or PCM in MP4, FLAC in Matroska. */
export interface RemuxOutput {
  readonly path: string
  readonly audio: 'aac' | 'pcm' | 'flac'
}

export interface Remux {
  /** A video of `renderKaraoke`; its picture is copied as it is. */
  readonly videoPath: string
  /** The sound to put under it, from the end of the title on. */
  readonly instrumentalPath: string
  readonly times: KaraokeTimes
  readonly outputs: readonly RemuxOutput[]
}

/**
 * Puts an instrumental under a finished picture, without encoding the picture again: seconds of work instead of minutes.
 * PCM and FLAC have 24 bits and the instrumental's own sample rate, so nothing is lost.
 *
 * @throws InvalidInput for an instrumental without sound; MediaFailed from ffmpeg
 */
export async function remuxKaraoke(
  remux: Remux,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: OnProgress },
): Promise<void> {
  const { audio } = await probe(remux.instrumentalPath, { signal })
  if (!audio) throw new InvalidInput('expected an instrumental with sound, got a file without')
  await runFfmpeg(remuxArguments(remux, { sampleRateHz: audio.sampleRateHz, isMono: audio.channels === 1 }), {
    signal,
    onProgress,
    durationSeconds: totalSeconds(remux.times),
    outputPaths: remux.outputs.map(({ path }) => path),
  })
}

/** ffmpeg's arguments; runs nothing. */
export function remuxArguments(
  { videoPath, instrumentalPath, times, outputs }: Remux,
  sound: { readonly sampleRateHz: number; readonly isMono: boolean },
): string[] {
  const labels = outputs.map((_, index) => `a${index}`)
  return [
    ...['-i', videoPath, '-i', instrumentalPath, '-filter_complex', soundFilters('1:a:0', times, sound, labels)],
    ...outputs.flatMap(({ path, audio }, index) => [
      ...['-map', '0:v:0', '-map', `[${labels[index]}]`, '-map_metadata', '-1', '-c:v', 'copy'],
      ...AUDIO_AND_CONTAINER[audio],
      path,
    ]),
  ]
}

const FASTSTART = ['-movflags', '+faststart']

const AUDIO_AND_CONTAINER: Readonly<Record<RemuxOutput['audio'], readonly string[]>> = {
  aac: [...AAC, ...FASTSTART, '-f', 'mp4'],
  // Before version 6.1 ffmpeg's MP4 muxer refuses PCM. Its QuickTime muxer writes the same boxes, here under MP4's brand.
  pcm: ['-c:a', 'pcm_s24le', ...FASTSTART, '-f', 'mov', '-brand', 'mp42'],
  flac: ['-c:a', 'flac', '-sample_fmt', 's32', '-bits_per_raw_sample', '24', '-f', 'matroska'],
}
