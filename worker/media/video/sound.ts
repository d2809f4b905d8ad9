import { resampleFilter } from '../ffmpeg/pcm.ts'

/** What a finished video is made of, in seconds. Title and end are silent. */
export interface KaraokeTimes {
  readonly titleSeconds: number
  readonly songSeconds: number
  readonly endSeconds: number
}

export const AUDIO_RATE_HZ = 48_000

/** AAC as every player takes it. */
export const AAC: readonly string[] = ['-c:a', 'aac', '-b:a', '192k', '-ar', String(AUDIO_RATE_HZ), '-ac', '2']

export function totalSeconds({ titleSeconds, songSeconds, endSeconds }: KaraokeTimes): number {
  return titleSeconds + songSeconds + endSeconds
}

/**
 * Silence, the song, silence, always in stereo: counted in samples, so that words and sound stay together. A mono song goes
 * to both sides at full level.
 *
 * @param input label of the song's audio, such as `0:a:0`
 * @param outputs labels that each get the whole sound
 */
export function soundFilters(
  input: string,
  times: KaraokeTimes,
  sound: { readonly sampleRateHz: number; readonly isMono: boolean },
  outputs: readonly string[],
): string {
  const delayMs = Math.round(times.titleSeconds * 1_000)
  const samples = Math.round(totalSeconds(times) * sound.sampleRateHz)
  return [
    `[${input}]${resampleFilter(sound.sampleRateHz)}`,
    sound.isMono ? 'pan=stereo|c0=c0|c1=c0' : 'aformat=channel_layouts=stereo',
    ...(delayMs > 0 ? [`adelay=${delayMs}|${delayMs}`] : []),
    `apad=whole_len=${samples}`,
    `atrim=end_sample=${samples}`,
    `asplit=${outputs.length}${outputs.map((label) => `[${label}]`).join('')}`,
  ].join(',')
}
