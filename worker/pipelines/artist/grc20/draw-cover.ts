import { createHash } from 'node:crypto'
import { encodePng, type Rgb } from './png.ts'

/** Pixels on each side. */
export const COVER_SIZE = 512
const BARS = 19
/** Steps of the background; the bars have the colour after them. */
const SHADES = 255

/** Draws a cover for what has no picture: a waveform on two colours that come from the seed. The same seed is the same file. */
export function drawCover(seed: string): Buffer<ArrayBuffer> {
  const hash = createHash('sha512').update(seed).digest()
  const hue = hash.readUInt16BE(0) / 65_536
  const top = rgbOf(hue, 0.55, 0.3)
  const bottom = rgbOf((hue + 0.1 + hash[2] / 1_280) % 1, 0.6, 0.14)
  const bar = rgbOf((hue + 0.45 + hash[3] / 1_280) % 1, 0.75, 0.72)
  const palette = [...Array.from({ length: SHADES }, (_, shade) => mix(top, bottom, shade / (SHADES - 1))), bar]
  const pixels = new Uint8Array(COVER_SIZE * COVER_SIZE)
  for (let y = 0; y < COVER_SIZE; y++)
    pixels.fill(Math.round((y / (COVER_SIZE - 1)) * (SHADES - 1)), y * COVER_SIZE, (y + 1) * COVER_SIZE)
  const pitch = (COVER_SIZE * 0.8) / BARS
  for (let index = 0; index < BARS; index++) {
    const swell = Math.sin((Math.PI * (index + 0.5)) / BARS)
    const half = Math.round(COVER_SIZE * (0.025 + 0.15 * swell * (0.35 + (0.65 * hash[4 + index]) / 255)))
    const left = Math.round(COVER_SIZE * 0.1 + pitch * (index + 0.19))
    for (let y = COVER_SIZE / 2 - half; y < COVER_SIZE / 2 + half; y++)
      pixels.fill(SHADES, y * COVER_SIZE + left, y * COVER_SIZE + left + Math.round(pitch * 0.62))
  }
  return encodePng(COVER_SIZE, COVER_SIZE, palette, pixels)
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2) => Math.round(a[index] + (b[index] - a[index]) * share)
  return [at(0), at(1), at(2)]
}

/** Hue, saturation and lightness, each in [0, 1], as bytes. */
function rgbOf(hue: number, saturation: number, lightness: number): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness)
  const at = (offset: number) => {
    const k = (offset + hue * 12) % 12
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [at(0), at(8), at(4)]
}
