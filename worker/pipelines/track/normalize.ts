import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { lyrics } from '../../db/tables.ts'
import { align } from './align.ts'
import { trackStage } from './subject.ts'

const Normalized = z.object({
  lines: z.array(z.string()),
  /** What the lyrics are to be translated into: one task each. */
  languages: z.array(z.string()),
  method: z.string(),
})

/** Cleans the lyrics for reading and translating: headings, credits and chords go, every sung line stays. */
export const normalize = trackStage({
  name: 'normalize',
  description: 'Cleans the lyrics for reading and translating',
  after: [align],
  output: Normalized,
  canSkip: true,
  async run({ align }, context) {
    const { subject, config } = context
    if (align === null || subject.lyrics === null) return context.skip('the track has no lyrics')
    const { lines, method } = await context.providers.normalization.normalize({
      text: align.lyrics.lines.map((line) => line.text).join('\n'),
      language: subject.language,
      signal: context.signal,
    })
    const languages = config.TRANSLATION_LANGUAGES.filter((language) => language !== subject.language)
    return { lines: [...lines], languages, method }
  },
  async record(output, transaction, track) {
    await transaction
      .update(lyrics)
      .set({ normalizedLyrics: output.lines.join('\n'), updatedAt: new Date() })
      .where(eq(lyrics.trackId, track.id))
  },
})
