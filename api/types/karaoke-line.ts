import type { SchemaParts } from '../parts.ts'

/** One sung line as a unit of practice. */
export function defineKaraokeLine({ builder }: SchemaParts): void {
  builder.objectType('KaraokeLine', {
    description: 'One sung line as a unit of practice.',
    fields: (t) => ({
      lineIndex: t.exposeInt('lineIndex', { description: 'Position in the song, from 0.' }),
      text: t.exposeString('text', { description: 'The line as sung.' }),
      startMs: t.exposeInt('startMs', { description: 'When it begins, in milliseconds from the start of the song.' }),
      endMs: t.exposeInt('endMs', { description: 'When it ends.' }),
      words: t.field({ type: ['TimedWord'], description: 'Its words in order.', resolve: (line) => line.words }),
    }),
  })
}
