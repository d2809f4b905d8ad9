import { InvalidInput } from '../../errors.ts'
import { type FontFile, splitByFont } from '../fonts.ts'

/** How lyrics look. Colours are `#rrggbb`. */
export interface AssStyle {
  readonly width: number
  readonly height: number
  /** Fonts to draw with, from `prepareFonts`. */
  readonly faces: readonly FontFile[]
  readonly sungColour: string
  readonly unsungColour: string
  readonly outlineColour: string
}

export interface AssEvent {
  /** Lyric lines are read back; everything else only decorates. */
  readonly style: 'Lyric' | 'Decor'
  readonly startCs: number
  readonly endCs: number
  readonly text: string
}

/** Size of the em of a lyric line in pixels: about one row in thirteen of the shorter side. */
export function emPxOf({ width, height }: Pick<AssStyle, 'width' | 'height'>): number {
  return Math.max(4, Math.round(Math.min(height, width) * 0.075))
}

/** ASS counts in centiseconds; every time is rounded by itself, so that rounding never adds up. */
export function centiseconds(ms: number): number {
  return Math.round(ms / 10)
}

/** A whole ASS file (version 4.00+), played by libass and by VSFilter. */
export function assDocument(style: AssStyle, language: string, events: readonly AssEvent[]): string {
  const emPx = emPxOf(style)
  const face = style.faces[0]!
  const outline = Math.max(1, Math.round(emPx * 0.06))
  const colours = [style.sungColour, style.unsungColour, style.outlineColour].map((colour) => assColour(colour, 0))
  const common = [
    ...[face.family, fontSize(face, emPx), ...colours, assColour('#000000', 0x80)],
    // Bold; encoding -1: the direction of the text follows from its first strong letter.
    ...[-1, 0, 0, 0, 100, 100, 0, 0, 1, outline, 0, 5, 0, 0, 0, -1],
  ].join(',')
  return [
    '[Script Info]',
    'ScriptType: v4.00+',
    `PlayResX: ${style.width}`,
    `PlayResY: ${style.height}`,
    'WrapStyle: 2',
    'ScaledBorderAndShadow: yes',
    'YCbCr Matrix: None',
    `Language: ${language}`,
    '',
    '[V4+ Styles]',
    'Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding',
    `Style: Lyric,${common}`,
    `Style: Decor,${common}`,
    '',
    '[Events]',
    'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text',
    ...events.map(
      ({ style, startCs, endCs, text }) => `Dialogue: 0,${assTime(startCs)},${assTime(endCs)},${style},,0,0,0,,${text}`,
    ),
    '',
  ].join('\n')
}

/** Text as it is drawn: without what ASS would take for markup, line breaks or characters that no font has. */
export function drawableText(text: string, faces: readonly FontFile[]): string {
  const plain = text.replace(/\s/gu, ' ').replace(/\p{Cc}/gu, '')
  const safe = plain.replaceAll('{', '(').replaceAll('}', ')').replaceAll('\\', '/')
  return splitByFont(safe, faces)
    .map((run) => run.text)
    .join('')
}

/** Writes text font by font: libass then needs no fallback font. Remembers the font between calls. */
export class FontWriter {
  readonly #faces: readonly FontFile[]
  readonly #emPx: number
  #current: FontFile | undefined

  constructor(faces: readonly FontFile[], emPx: number) {
    this.#faces = faces
    this.#emPx = emPx
  }

  /** @param text from `drawableText` */
  write(text: string): string {
    let out = ''
    for (const run of splitByFont(text, this.#faces)) {
      // A space looks the same in every font.
      if (run.face !== this.#current && (run.text.trim() !== '' || !this.#current)) {
        this.#current = run.face
        out += `{\\fn${run.face.family}\\fs${fontSize(run.face, this.#emPx)}}`
      }
      out += run.text
    }
    return out
  }
}

/** `#rrggbb` and 0 (opaque) … 255 as ASS has it: `&HAABBGGRR`. */
export function assColour(colour: string, alpha: number): string {
  const [red, green, blue] = colourParts(colour)
  return `&H${alpha.toString(16).toUpperCase().padStart(2, '0')}${blue}${green}${red}`
}

/**
 * The three pairs of digits of `#rrggbb`, in capitals.
 *
 * @throws InvalidInput for anything else: colours become part of markup and filters
 */
export function colourParts(colour: string): [string, string, string] {
  const parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour)
  if (!parts) throw new InvalidInput(`expected a colour such as #ffd21f, got ${JSON.stringify(colour)}`)
  return [parts[1]!.toUpperCase(), parts[2]!.toUpperCase(), parts[3]!.toUpperCase()]
}

function fontSize(face: FontFile, emPx: number): string {
  return (emPx * face.heightEm).toFixed(1)
}

function assTime(centiseconds: number): string {
  const seconds = Math.floor(centiseconds / 100)
  const pad = (value: number) => String(value).padStart(2, '0')
  return `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${pad(centiseconds % 100)}`
}
