import { metadata } from '../../worker/providers/metadata/index.ts'
import { askSource } from '../enrichment.ts'
import type { SchemaParts } from '../parts.ts'

/** What outside sources know of a track, and asking them. */
export function defineTrackMetadata({ builder, errors }: SchemaParts): void {
  const MetadataSource = builder.enumType('MetadataSource', {
    description: 'An outside source that knows something about published music.',
    values: Object.fromEntries(
      metadata.sources.map((value) => [value.toUpperCase(), { value, description: `The source ${value}.` }]),
    ),
  })
  builder.objectType('TrackMetadata', {
    description: 'What one outside source knows of a track.',
    fields: (t) => ({
      source: t.exposeString('source', { description: 'Who was asked, such as `musicbrainz`.' }),
      data: t.field({
        type: 'JSON',
        description: 'What it said: ids, names, dates and codes, each source in a form of its own.',
        resolve: (row) => row.data,
      }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it last said so.', resolve: (row) => row.updatedAt }),
    }),
  })
  builder.objectField('Track', 'enrichment', (t) =>
    t.field({
      type: ['TrackMetadata'],
      description: 'What outside sources know of it, one entry for each source that knows it.',
      resolve: async (track, _args, { loaders }) => (await loaders.metadata(track.id)) ?? [],
    }),
  )

  builder.objectType('MetadataRequest', {
    description: 'The answer to having a source asked.',
    fields: (t) => ({ count: t.exposeInt('count', { description: 'How many tracks it will be asked about.' }) }),
  })
  const result = errors.resultOf('MetadataRequest')
  builder.mutationFields((t) => ({
    enrichTracks: t.field({
      type: result,
      description: 'Has a source asked about tracks of which it has told nothing yet, the longest unasked first.',
      args: {
        source: t.arg({ type: MetadataSource, required: true, description: 'Who is to be asked.' }),
        limit: t.arg.int({ required: true, description: 'At most this many tracks, 1 to 1000.' }),
      },
      resolve: async (_root, { source, limit }, { client, config }) => ({
        count: await askSource(client, config, source, { limit }),
      }),
    }),
    resolveSpotify: t.field({
      type: result,
      description: 'Has Spotify asked about tracks that have a Spotify id and nothing from there yet.',
      args: { limit: t.arg.int({ required: true, description: 'At most this many tracks, 1 to 1000.' }) },
      resolve: async (_root, { limit }, { client, config }) => ({
        count: await askSource(client, config, 'spotify', { limit, hasSpotifyId: true }),
      }),
    }),
  }))
}
