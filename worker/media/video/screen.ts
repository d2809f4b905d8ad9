import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidInput } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import { runFfmpeg } from '../ffmpeg/run.ts'
import { prepareFonts } from '../fonts.ts'
import { type AssStyle, assDocument } from './ass-document.ts'
import { endEvents, type SongNames, titleEvents } from './cards.ts'
import {
  assFilter,
  backgroundFilters,
  backgroundInput,
  type PictureSize,
  type VideoStyle,
  videoCodec,
} from './picture.ts'
import { AAC, AUDIO_RATE_HZ } from './sound.ts'

export interface Screen extends SongNames, PictureSize {
  readonly style: VideoStyle
  readonly framesPerSecond: number
  readonly durationSeconds: number
  /** A folder for the fonts and the script that ffmpeg reads. */
  readonly workspacePath: string
  /** Where the video goes: `….mov`. */
  readonly path: string
}

interface Run {
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/**
 * A title screen with the song's title and artist: H.264 and silent AAC, of the same kind as the karaoke video.
 *
 * @throws InvalidInput for an impossible size, colour or font; MediaFailed from ffmpeg
 */
export async function renderTitleScreen(screen: Screen, run: Run): Promise<void> {
  await renderScreen(screen, titleEvents, run)
}

/** An end screen that says “Thank you for singing!”, in the same style. */
export async function renderEndScreen(screen: Screen, run: Run): Promise<void> {
  await renderScreen(screen, endEvents, run)
}

async function renderScreen(screen: Screen, events: typeof titleEvents, { signal, onProgress }: Run): Promise<void> {
  const { style, workspacePath, durationSeconds, width, height } = screen
  if (width % 2 !== 0 || height % 2 !== 0) throw new InvalidInput(`expected an even size, got ${width}×${height}`)
  const fonts = await prepareFonts(join(workspacePath, 'fonts'), style.fontPath)
  const assStyle: AssStyle = { ...style, width, height, faces: fonts.faces }
  const assPath = join(workspacePath, `${events === titleEvents ? 'title' : 'end'}.ass`)
  await writeFile(
    assPath,
    assDocument(assStyle, 'und', events(screen, assStyle, { startMs: 0, endMs: durationSeconds * 1_000 })),
  )
  const background = await backgroundInput(style.background)
  await runFfmpeg(screenArguments(screen, assPath, fonts.folder, background), { signal, onProgress, durationSeconds })
}

/** ffmpeg's arguments; runs nothing. */
export function screenArguments(
  screen: Screen,
  assPath: string,
  fontsFolder: string,
  background: readonly string[],
): string[] {
  const { style, framesPerSecond, durationSeconds, path } = screen
  const frames = Math.round(durationSeconds * framesPerSecond)
  const picture = [
    backgroundFilters(style.background, screen, framesPerSecond, '1:v'),
    `trim=end_frame=${frames}`,
    assFilter(assPath, fontsFolder),
    'setsar=1[v]',
  ].join(',')
  return [
    ...['-f', 'lavfi', '-i', `anullsrc=sample_rate=${AUDIO_RATE_HZ}:channel_layout=stereo`, ...background],
    ...['-filter_complex', `${picture};[0:a]atrim=end_sample=${Math.round(durationSeconds * AUDIO_RATE_HZ)}[a]`],
    ...['-map', '[v]', '-map', '[a]', ...videoCodec(screen), ...AAC],
    ...['-movflags', '+faststart', path],
  ]
}
