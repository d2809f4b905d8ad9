import type { SchemaParts } from '../parts.ts'

/** The lyrics in another language. */
export function defineTranslation({ builder }: SchemaParts): void {
  builder.objectType('Translation', {
    description: 'The lyrics in another language, line by line.',
    fields: (t) => ({
      language: t.exposeString('language', { description: 'Language of the translation, BCP 47.' }),
      lines: t.field({
        type: ['String'],
        description: 'One text for each line of the alignment, in its order.',
        resolve: (row) => row.lines,
      }),
      method: t.exposeString('method', { description: 'What translated them.' }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it last changed.', resolve: (row) => row.updatedAt }),
    }),
  })
}
