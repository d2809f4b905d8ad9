import type { SectionLabel } from './composition.ts'

/** Gains of the instruments in each section; 0 leaves one out. */
export interface Arrangement {
  readonly drums: number
  readonly hats: number
  readonly bass: number
  readonly strings: number
  readonly piano: number
  readonly pad: number
}

export const ARRANGEMENTS: Readonly<Record<SectionLabel, Arrangement>> = {
  intro: { drums: 0, hats: 0.7, bass: 0.5, strings: 1, piano: 0.6, pad: 0.5 },
  verse: { drums: 0.75, hats: 0.8, bass: 0.9, strings: 1, piano: 0.7, pad: 0.25 },
  chorus: { drums: 1, hats: 1, bass: 1, strings: 1, piano: 0.9, pad: 1 },
  outro: { drums: 0.8, hats: 0.8, bass: 0.8, strings: 1, piano: 0.8, pad: 0.8 },
}

/** Which chord tone the guitar plucks on each eighth note, and how hard. */
export const STRING_PATTERN = [0, 1, 2, 1, 2, 1, 2, 1]
export const STRING_ACCENTS = [1, 0.7, 0.85, 0.65, 0.9, 0.7, 0.8, 0.65]
/** The introduction's tune: bar, beat, beats, pitch. */
export const LEAD_TUNE: readonly (readonly [number, number, number, number])[] = [
  [0, 0, 1, 67],
  [0, 1, 0.5, 64],
  [0, 1.5, 2, 60],
  [1, 0, 1, 64],
  [1, 1, 0.5, 62],
  [1, 1.5, 2, 60],
  [2, 0, 1, 60],
  [2, 1, 0.5, 65],
  [2, 1.5, 1.5, 69],
  [2, 3, 1, 65],
  [3, 0, 1.5, 67],
  [3, 1.5, 2, 62],
]
