import { z } from 'zod'
import { lyricsTranslations } from '../../db/tables.ts'
import { enrich } from './enrich.ts'
import { normalize } from './normalize.ts'
import { trackStage } from './subject.ts'

const Translated = z.object({ language: z.string(), lines: z.array(z.string()), method: z.string() })

/**
 * Translates the cleaned lyrics, one task for each language, after every source has been asked about the track; one that
 * failed holds nothing up. A provider that cannot translate says so and the task is skipped.
 */
export const translate = trackStage({
  name: 'translate',
  description: 'Translates the lyrics, one task for each language',
  after: [normalize],
  optionalAfter: [enrich],
  each: { of: normalize, path: 'languages' },
  output: Translated,
  canSkip: true,
  milestone: 'translated',
  async run({ normalize }, context) {
    const { subject, providers, config } = context
    const language = context.task.item
    if (normalize === null || normalize.lines.length === 0) return context.skip('the track has no normalized lyrics')
    const unavailable = providers.translation.unavailableReason(subject.language, language)
    if (unavailable !== null) return context.skip(unavailable)
    const lines = await providers.translation.translate({
      lines: normalize.lines,
      from: subject.language,
      to: language,
      signal: context.signal,
    })
    return { language, lines: [...lines], method: config.environment.TRANSLATION_PROVIDER || 'embedded' }
  },
  async record(output, transaction, track) {
    const row = { lines: output.lines, method: output.method, updatedAt: new Date() }
    await transaction
      .insert(lyricsTranslations)
      .values({ trackId: track.id, language: output.language, ...row })
      .onConflictDoUpdate({ target: [lyricsTranslations.trackId, lyricsTranslations.language], set: row })
  },
})
