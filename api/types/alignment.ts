import type { SchemaParts } from '../parts.ts'

/** When each word is sung. */
export function defineAlignment({ builder }: SchemaParts): void {
  builder.objectType('TimedWord', {
    description: 'One sung word. Times are milliseconds from the start of the song.',
    fields: (t) => ({
      text: t.exposeString('text', { description: 'The word as written.' }),
      startMs: t.exposeInt('startMs', { description: 'When it begins.' }),
      endMs: t.exposeInt('endMs', { description: 'When it ends.' }),
      confidence: t.exposeFloat('confidence', {
        nullable: true,
        description: 'How sure the aligner is, 0 to 1; null where it does not say.',
      }),
    }),
  })
  builder.objectType('TimedLine', {
    description: 'One line of the lyrics with its sung words.',
    fields: (t) => ({
      text: t.exposeString('text', { description: 'The line as written.' }),
      startMs: t.exposeInt('startMs', { description: 'When its first word begins, in milliseconds.' }),
      endMs: t.exposeInt('endMs', { description: 'When its last word ends, in milliseconds.' }),
      words: t.field({ type: ['TimedWord'], description: 'Its words in order.', resolve: (line) => line.words }),
    }),
  })
  builder.objectType('Alignment', {
    description: 'When each word of a track is sung.',
    fields: (t) => ({
      language: t.exposeString('language', { description: 'Language sung, BCP 47.' }),
      method: t.exposeString('method', { description: 'What aligned the words.' }),
      confidence: t.exposeFloat('confidence', {
        nullable: true,
        description: 'How sure the aligner is on the whole, 0 to 1; null where it does not say.',
      }),
      wordCount: t.exposeInt('wordCount', { description: 'How many words are aligned.' }),
      lines: t.field({
        type: ['TimedLine'],
        description: 'The lines in order of time.',
        complexity: { field: 5, multiplier: 20 },
        resolve: async ({ trackId }, _args, { loaders }) => (await loaders.alignmentLines(trackId))?.lines ?? [],
      }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    }),
  })
}
