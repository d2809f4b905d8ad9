import { z } from 'zod'
import { InvalidInput } from '../../errors.ts'
import { DEFAULT_STYLE, type VideoStyle } from '../../media/video/picture.ts'
import type { Track } from './subject.ts'

const Colour = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'expected a colour like #ffd21f')

/** What a track may override of the way its screens and lyrics look. */
const StyleOverrides = z.strictObject({
  sungColour: Colour.optional(),
  unsungColour: Colour.optional(),
  outlineColour: Colour.optional(),
  backgroundColour: Colour.optional(),
})

/** Size and rate of the karaoke video and its screens. */
export const PICTURE = { width: 1280, height: 720, framesPerSecond: 30 } as const
/** How long the title stands before the song, and the thanks after it. */
export const SCREEN_SECONDS = 4

/** @throws InvalidInput that names every wrong field of the track's style */
export function styleOf(track: Track): VideoStyle {
  const parsed = StyleOverrides.safeParse(track.style)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'style'}: ${issue.message}`)
    throw new InvalidInput(`the track's style is wrong: ${faults.join('; ')}`, { details: { faults } })
  }
  const { backgroundColour, ...colours } = parsed.data
  return {
    ...DEFAULT_STYLE,
    ...Object.fromEntries(Object.entries(colours).filter(([, colour]) => colour !== undefined)),
    ...(backgroundColour ? { background: { colour: backgroundColour } } : {}),
  }
}
