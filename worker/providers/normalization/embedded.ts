import { cleanLyrics } from '../../media/lyrics-cleaning/clean.ts'
import type { Normalization } from './contract.ts'

/** Cleans lyrics by rules alone; the same text always gives the same lines. */
export const embeddedNormalization: Normalization = {
  async normalize({ text, language, signal }) {
    signal.throwIfAborted()
    return { lines: cleanLyrics(text, language), method: 'rules' }
  },
}
