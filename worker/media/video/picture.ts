import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { InvalidInput } from '../../errors.ts'
import { colourParts } from './ass-document.ts'

/** How a video looks. Colours are `#rrggbb`. */
export interface VideoStyle {
  readonly sungColour: string
  readonly unsungColour: string
  readonly outlineColour: string
  readonly background: { readonly colour: string } | { readonly imagePath: string }
  /** A TrueType or OpenType file to prefer; the product's own fonts draw what it lacks. */
  readonly fontPath?: string
}

/** Yellow fill over white on a dark blue: high contrast on any screen. */
export const DEFAULT_STYLE: VideoStyle = {
  sungColour: '#ffd21f',
  unsungColour: '#ffffff',
  outlineColour: '#0a0c18',
  background: { colour: '#101733' },
}

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** An image is darkened to this share, so that text stays readable on any. */
const IMAGE_LIGHT = 0.5

/** Input arguments of the background; none for a plain colour. Only PNG and JPEG, known by their first bytes. */
export async function backgroundInput(background: VideoStyle['background']): Promise<string[]> {
  if ('colour' in background) return []
  const file = await open(background.imagePath).catch((cause: unknown) => {
    throw new InvalidInput(`expected a background image at “${basename(background.imagePath)}”, but it is not there`, {
      cause,
    })
  })
  try {
    const head = Buffer.alloc(4)
    await file.read(head, 0, 4, 0)
    if (head.readUInt32BE(0) === 0x89504e47) return ['-f', 'png_pipe', '-i', background.imagePath]
    if (head.readUInt16BE(0) === 0xffd8) return ['-f', 'jpeg_pipe', '-i', background.imagePath]
  } finally {
    await file.close()
  }
  throw new InvalidInput(`expected the background “${basename(background.imagePath)}” to be a PNG or JPEG image`)
}

/**
 * Filters that give an endless still picture: one frame is made and repeated, which costs far less than decoding or drawing
 * it anew (`-loop 1`) for every frame.
 *
 * @param input label of the image input, such as `1:v`; not used for a colour
 */
export function backgroundFilters(
  background: VideoStyle['background'],
  { width, height }: PictureSize,
  framesPerSecond: number,
  input: string,
): string {
  const still =
    'colour' in background
      ? `color=c=0x${colourParts(background.colour).join('')}:s=${width}x${height}:r=${framesPerSecond},trim=end_frame=1`
      : `[${input}]scale=${width}:${height}:force_original_aspect_ratio=increase,crop=${width}:${height},setsar=1,` +
        `format=yuv420p,lutyuv=y=16+(val-16)*${IMAGE_LIGHT}`
  return `${still},format=yuv420p,loop=loop=-1:size=1:start=0,setpts=N/(${framesPerSecond}*TB)`
}

/** Draws an ASS file; fonts come from `fontsFolder` alone. */
export function assFilter(assPath: string, fontsFolder: string): string {
  return `ass=filename=${filterValue(assPath)}:fontsdir=${filterValue(fontsFolder)}`
}

/** Escapes a value twice, as ffmpeg reads it twice: as an option of a filter, and as part of a graph. */
export function filterValue(value: string): string {
  return value.replace(/[\\':]/g, '\\$&').replace(/[\\'[\],;]/g, '\\$&')
}

/** Beyond Full HD an easier preset keeps the time bearable; still pictures lose little by it. */
const VERYFAST_PIXELS = 1920 * 1080

/** H.264 that every player takes; keyframes every two seconds for seeking. */
export function videoCodec({ width, height, framesPerSecond }: PictureSize & { framesPerSecond: number }): string[] {
  const preset = width * height > VERYFAST_PIXELS ? 'superfast' : 'veryfast'
  return [
    ...['-c:v', 'libx264', '-preset', preset, '-crf', '20', '-pix_fmt', 'yuv420p', '-profile:v', 'high'],
    ...['-r', String(framesPerSecond), '-g', String(Math.round(framesPerSecond * 2))],
  ]
}
