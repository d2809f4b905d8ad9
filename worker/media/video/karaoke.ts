import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidInput } from '../../errors.ts'
import type { OnProgress } from '../../progress.ts'
import { probe } from '../ffmpeg/probe.ts'
import { runFfmpeg } from '../ffmpeg/run.ts'
import { prepareFonts } from '../fonts.ts'
import type { TimedLyrics } from '../lyrics.ts'
import { type AssStyle, assDocument } from './ass-document.ts'
import { endEvents, instrumentalEvents, type SongNames, titleEvents } from './cards.ts'
import { lyricEvents } from './lyric-events.ts'
import { assFilter, backgroundFilters, backgroundInput, type VideoStyle, videoCodec } from './picture.ts'
import { AAC, AUDIO_RATE_HZ, type KaraokeTimes, soundFilters, totalSeconds } from './sound.ts'

/** One file to make. Sizes are in pixels, even numbers. */
export interface VideoOutput {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  /** `.mp4` or `.mov`. */
  readonly path: string
}

export interface Karaoke extends SongNames {
  readonly instrumentalPath: string
  /** On the clock of the instrumental; null shows a plain screen instead. */
  readonly lyrics: TimedLyrics | null
  readonly style: VideoStyle
  /** Silent, before the song. */
  readonly titleSeconds: number
  /** Silent, after the song. */
  readonly endSeconds: number
  /** A folder for the fonts and scripts that ffmpeg reads. */
  readonly workspacePath: string
  readonly outputs: readonly VideoOutput[]
}

/** Pictures of one shape and rate: drawn once, at the size of the largest, and scaled for the others. */
interface Drawing {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly outputs: readonly VideoOutput[]
}

/** Above this many pixels drawing text takes most of the time, so it is drawn for every second frame. */
const HALF_RATE_PIXELS = 1920 * 1080

/**
 * Makes the karaoke video: title, lyrics with word-by-word fill over the instrumental, end screen. All sizes come out of one
 * run of ffmpeg; the text is drawn once for all of the same shape. H.264 (yuv420p) and AAC, index in front. Every file lasts
 * title + song + end within one frame, and the song starts exactly when the title ends.
 *
 * @throws InvalidInput for a size that is not even, or an instrumental without sound; MediaFailed from ffmpeg
 */
export async function renderKaraoke(
  karaoke: Karaoke,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: OnProgress },
): Promise<KaraokeTimes> {
  const { outputs, style, workspacePath, instrumentalPath, titleSeconds, endSeconds } = karaoke
  const sound = await probe(instrumentalPath, { signal })
  if (!sound.audio) throw new InvalidInput('expected an instrumental with sound, got a file without')
  const times: KaraokeTimes = { titleSeconds, songSeconds: sound.durationSeconds, endSeconds }
  const fonts = await prepareFonts(join(workspacePath, 'fonts'), style.fontPath)
  const drawings = drawingsOf(outputs)
  const assPaths = await Promise.all(
    drawings.map(async (drawing, index) => {
      const path = join(workspacePath, `karaoke-${index}.ass`)
      await writeFile(path, karaokeAss(karaoke, times, { ...style, ...drawing, faces: fonts.faces }))
      return path
    }),
  )
  const args = karaokeArguments({
    karaoke,
    times,
    isMono: sound.audio.channels === 1,
    drawings,
    assPaths,
    fontsFolder: fonts.folder,
    backgroundInput: await backgroundInput(style.background),
  })
  await runFfmpeg(args, {
    signal,
    onProgress,
    durationSeconds: totalSeconds(times),
    timeoutSeconds: 600 + 30 * totalSeconds(times),
    outputPaths: outputs.map(({ path }) => path),
  })
  return times
}

/** The script of the whole video: the lyrics moved behind the title, between the two cards. */
export function karaokeAss(
  { title, artist, lyrics }: Pick<Karaoke, 'title' | 'artist' | 'lyrics'>,
  { titleSeconds, songSeconds, endSeconds }: KaraokeTimes,
  style: AssStyle,
): string {
  const names = { title, artist }
  const songMs = titleSeconds * 1_000
  const endMs = songMs + songSeconds * 1_000
  const song =
    lyrics && lyrics.lines.length > 0
      ? lyricEvents(later(lyrics, Math.round(songMs)), style, songMs)
      : instrumentalEvents(names, style, { startMs: songMs, endMs })
  return assDocument(style, lyrics?.language ?? 'und', [
    ...titleEvents(names, style, { startMs: 0, endMs: songMs }),
    ...song.map((event) => ({ ...event, endCs: Math.min(event.endCs, Math.round(endMs / 10)) })),
    ...endEvents(names, style, { startMs: endMs, endMs: endMs + endSeconds * 1_000 }),
  ])
}

/** ffmpeg's arguments for all outputs; runs nothing. */
export function karaokeArguments(plan: {
  readonly karaoke: Pick<Karaoke, 'instrumentalPath' | 'outputs' | 'style'>
  readonly times: KaraokeTimes
  readonly isMono: boolean
  readonly drawings: readonly Drawing[]
  readonly assPaths: readonly string[]
  readonly fontsFolder: string
  readonly backgroundInput: readonly string[]
}): string[] {
  const { karaoke, times, drawings } = plan
  const total = totalSeconds(times)
  const pictures = drawings.flatMap((drawing, index) =>
    drawingFilters(drawing, index, karaoke, total, assFilter(plan.assPaths[index]!, plan.fontsFolder)),
  )
  const sound = { sampleRateHz: AUDIO_RATE_HZ, isMono: plan.isMono }
  const labels = karaoke.outputs.map((_, index) => `a${index}`)
  return [
    ...['-i', karaoke.instrumentalPath, ...plan.backgroundInput],
    ...['-filter_complex', [...pictures, soundFilters('0:a:0', times, sound, labels)].join(';')],
    ...karaoke.outputs.flatMap((output, index) => [
      ...['-map', `[v${index}]`, '-map', `[a${index}]`],
      ...[...videoCodec(output), ...AAC, '-map_metadata', '-1'],
      ...['-movflags', '+faststart', output.path],
    ]),
  ]
}

/** @throws InvalidInput for an empty list, or sizes that H.264 cannot have */
export function drawingsOf(outputs: readonly VideoOutput[]): Drawing[] {
  if (outputs.length === 0) throw new InvalidInput('expected at least one output size, got none')
  const shapes = new Map<string, VideoOutput[]>()
  for (const output of outputs) {
    const { width, height, framesPerSecond } = output
    if (!(isEven(width) && isEven(height) && framesPerSecond > 0)) {
      throw new InvalidInput(
        `expected even sizes above 0 and a frame rate above 0, got ${width}×${height} at ${framesPerSecond}`,
      )
    }
    const shape = (width / height).toFixed(2)
    shapes.set(shape, [...(shapes.get(shape) ?? []), output])
  }
  return Array.from(shapes.values(), (alike) => {
    const largest = alike.reduce((best, output) => (output.width > best.width ? output : best))
    const { width, height } = largest
    const fastest = Math.max(...alike.map((output) => output.framesPerSecond))
    const framesPerSecond = width * height > HALF_RATE_PIXELS && fastest >= 24 ? fastest / 2 : fastest
    return { width, height, framesPerSecond, outputs: alike }
  })
}

function drawingFilters(
  drawing: Drawing,
  index: number,
  { outputs, style }: Pick<Karaoke, 'outputs' | 'style'>,
  total: number,
  ass: string,
): string[] {
  const background = backgroundFilters(style.background, drawing, drawing.framesPerSecond, '1:v')
  const frames = Math.ceil(total * drawing.framesPerSecond)
  const labels = drawing.outputs.map((_, at) => `[d${index}_${at}]`)
  return [
    `${background},trim=end_frame=${frames},${ass},split=${labels.length}${labels.join('')}`,
    ...drawing.outputs.map((output, at) => {
      const isScaled = output.width !== drawing.width || output.height !== drawing.height
      return [
        `${labels[at]}fps=${output.framesPerSecond}`,
        `trim=end_frame=${Math.round(total * output.framesPerSecond)}`,
        ...(isScaled ? [`scale=${output.width}:${output.height}:flags=bicubic`] : []),
        `setsar=1[v${outputs.indexOf(output)}]`,
      ].join(',')
    }),
  ]
}

function later({ language, lines }: TimedLyrics, byMs: number): TimedLyrics {
  const move = <Span extends { startMs: number; endMs: number }>(span: Span): Span => ({
    ...span,
    startMs: span.startMs + byMs,
    endMs: span.endMs + byMs,
  })
  return { language, lines: lines.map((line) => ({ ...move(line), words: line.words.map(move) })) }
}

function isEven(size: number): boolean {
  return Number.isInteger(size) && size > 0 && size % 2 === 0
}
