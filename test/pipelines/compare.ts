import type { TimedLyrics } from '../../worker/media/lyrics.ts'

/** What a format without confidences and phones can hold, with times in steps of `stepMs`. */
export function rounded({ language, lines }: TimedLyrics, stepMs: number): TimedLyrics {
  const span = ({ startMs, endMs }: { startMs: number; endMs: number }) => ({
    startMs: Math.round(startMs / stepMs) * stepMs,
    endMs: Math.round(endMs / stepMs) * stepMs,
  })
  return {
    language,
    lines: lines.map((line) => ({
      text: line.text,
      ...span(line),
      words: line.words.map((word) => ({ text: word.text, ...span(word), confidence: null })),
    })),
  }
}

/** Of a span of two sounds, from -1 to 1. */
export function correlation(a: Float32Array, b: Float32Array, from: number, length: number): number {
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = from; i < from + length; i++) {
    ab += a[i] * b[i]
    aa += a[i] ** 2
    bb += b[i] ** 2
  }
  return ab / Math.sqrt(aa * bb)
}

/** How far the sum of the parts is from the whole, in decibels of the whole's own power. */
export function sumErrorDb(whole: Float32Array, parts: readonly Float32Array[]): number {
  let power = 0
  let error = 0
  for (let i = 0; i < whole.length; i++) {
    let rest = whole[i]
    for (const part of parts) rest -= part[i]
    power += whole[i] ** 2
    error += rest ** 2
  }
  return 10 * Math.log10((error + 1e-30) / power)
}
