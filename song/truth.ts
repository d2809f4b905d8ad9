import { ARTIST, BEATS_PER_BAR, BPM, beatSeconds, SECTIONS, TITLE } from './composition.ts'
import { type Score, scoredBeats } from './score.ts'

/** What is sung and played when, exactly: taken from the schedule that the synthesis follows. Times from the first sample. */
export interface Truth {
  readonly title: string
  readonly artist: string
  readonly bpm: number
  readonly sampleRateHz: number
  readonly durationSeconds: number
  readonly words: readonly TruthWord[]
  readonly phones: readonly TruthPhone[]
  readonly lines: readonly TruthLine[]
  readonly beats: readonly number[]
  readonly sections: readonly TruthSection[]
}

interface Span {
  readonly startSeconds: number
  readonly endSeconds: number
}

export interface TruthWord extends Span {
  readonly text: string
  readonly lineIndex: number
}

export interface TruthPhone extends Span {
  readonly phone: string
  readonly wordIndex: number
}

export interface TruthLine extends Span {
  readonly text: string
}

export interface TruthSection extends Span {
  readonly label: string
}

/** @returns the ground truth with times rounded to 0.1 ms; sections cover the song without gaps */
export function describeSong(score: Score, sampleRateHz: number, samples: number): Truth {
  const durationSeconds = round(samples / sampleRateHz)
  const starts = SECTIONS.map((section) => round(beatSeconds(section.startBar * BEATS_PER_BAR)))
  return {
    title: TITLE,
    artist: ARTIST,
    bpm: BPM,
    sampleRateHz,
    durationSeconds,
    words: score.words.map((word) => ({ ...word, ...rounded(word) })),
    phones: score.phones.map((phone) => ({ ...phone, ...rounded(phone) })),
    lines: score.lines.map((line) => ({ ...line, ...rounded(line) })),
    beats: scoredBeats().map(round),
    sections: SECTIONS.map(({ label }, i) => ({
      label,
      startSeconds: i === 0 ? 0 : starts[i],
      endSeconds: starts[i + 1] ?? durationSeconds,
    })),
  }
}

function rounded({ startSeconds, endSeconds }: Span): Span {
  return { startSeconds: round(startSeconds), endSeconds: round(endSeconds) }
}

function round(seconds: number): number {
  return Math.round(seconds * 10_000) / 10_000
}
