import type { SchemaParts } from '../parts.ts'

/** A track's words as text. */
export function defineLyrics({ builder }: SchemaParts): void {
  builder.objectType('Lyrics', {
    description: 'The words of a track as text.',
    fields: (t) => ({
      raw: t.exposeString('raw', { description: 'As they were submitted or found.' }),
      normalized: t.exposeString('normalizedLyrics', {
        nullable: true,
        description: 'Without headings, chords and credits; null until they have been cleaned.',
      }),
      source: t.exposeString('source', {
        description: 'Where they came from: `submitted`, or the provider that found them.',
      }),
      updatedAt: t.field({ type: 'DateTime', description: 'When they last changed.', resolve: (row) => row.updatedAt }),
    }),
  })
}
