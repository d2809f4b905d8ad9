import { and, eq } from 'drizzle-orm'
import { tracks } from '../../worker/db/tables.ts'
import { connectionComplexity, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { type LockRow, trackColumns } from '../rows.ts'

/** Who sings, with the one identity that all of an artist's tracks share. */
export function defineArtist(parts: SchemaParts): void {
  const { builder, enums, pipelines } = parts
  const stages = new Set(pipelines.find(({ name }) => name === 'artist')?.stages.map((stage) => stage.name))
  // Catalogs and tracks know artists also where no pipeline works on them.
  const ArtistStage = enums.milestones.get('artist') ?? 'String'
  builder.objectType('ArtistMetadata', {
    description: 'What one outside source knows of an artist.',
    fields: (t) => ({
      source: t.exposeString('source', { description: 'Who was asked, such as `wikidata`.' }),
      data: t.field({ type: 'JSON', description: 'What it said, in a form of its own.', resolve: (row) => row.data }),
      updatedAt: t.field({ type: 'DateTime', description: 'When it last said so.', resolve: (row) => row.updatedAt }),
    }),
  })

  builder.node('Artist', {
    description: 'Somebody who sings, with one wallet, one account and one lock for all tracks.',
    id: { resolve: (artist) => artist.id, description: 'Global id.' },
    loadMany: (ids, { loaders }) => Promise.all(ids.map((id) => loaders.artist(Number(id)))),
    fields: (t) => ({
      stage: t.field({ type: ArtistStage, description: 'How far it has come.', resolve: (artist) => artist.stage }),
      progress: t.float({
        description: 'How much of its work is done, 0 to 1, each stage by its weight.',
        complexity: 5,
        resolve: async (artist, _args, { loaders }) => (await loaders.progress(`artist:${artist.id}`))?.progress ?? 0,
      }),
      name: t.exposeString('name', { description: 'Name as credited.' }),
      aliases: t.stringList({ description: 'Other names.', resolve: (artist) => [...artist.aliases] }),
      genres: t.stringList({
        description: 'Genres, as its sources call them.',
        resolve: (artist) => [...artist.genres],
      }),
      imageUrl: t.exposeString('imageUrl', { nullable: true, description: 'A picture; null when there is none.' }),
      spotifyArtistId: t.exposeString('spotifyArtistId', {
        nullable: true,
        description: 'Its Spotify id; null while it is known by name alone.',
      }),
      geniusArtistId: t.exposeString('geniusArtistId', {
        nullable: true,
        description: 'Its id at Genius; null when unknown.',
      }),
      wikidataId: t.exposeString('wikidataId', {
        nullable: true,
        description: 'Its item in Wikidata; null when unknown.',
      }),
      musicbrainzArtistId: t.exposeString('musicbrainzArtistId', {
        nullable: true,
        description: 'Its id in MusicBrainz; null when unknown.',
      }),
      isni: t.exposeString('isni', {
        nullable: true,
        description: 'International Standard Name Identifier; null when unknown.',
      }),
      mergedInto: t.field({
        type: 'Artist',
        nullable: true,
        description: 'The artist that this one turned out to be; null for all others.',
        resolve: ({ mergedInto }, _args, { loaders }) => (mergedInto === null ? null : loaders.artist(mergedInto)),
      }),
      enrichment: t.field({
        type: ['ArtistMetadata'],
        description: 'What outside sources know of it, one entry for each source that knows it.',
        resolve: async (artist, _args, { loaders }) => (await loaders.artistMetadata(artist.id)) ?? [],
      }),
      wallet: t.field({
        type: 'ArtistWallet',
        nullable: true,
        description: 'Its wallet; null until it is made.',
        resolve: (artist) => artist.wallet,
      }),
      account: t.field({
        type: 'ArtistAccount',
        nullable: true,
        description: 'Its account; null until it is made.',
        resolve: (artist) => artist.account,
      }),
      lock: t.field({
        type: 'ArtistLock',
        nullable: true,
        description: 'Its lock, whose keys open all its full songs; null until it is deployed.',
        // The table's own check: the terms are there when the address is.
        resolve: ({ lock }) => (lock?.address ? (lock as LockRow) : null),
      }),
      tasks: t.field({
        type: ['Task'],
        description: 'Its tasks in the order they were added.',
        args: {
          type: t.arg({ type: [enums.TaskType], description: 'Only tasks of these stages.' }),
          status: t.arg({ type: [enums.TaskStatus], description: 'Only tasks that stand at one of these.' }),
        },
        resolve: async (artist, { type, status }, { loaders }) =>
          ((await loaders.tasksOf(`artist:${artist.id}`)) ?? []).filter(
            (task) =>
              stages.has(task.stage) &&
              (!type || type.includes(task.stage)) &&
              (!status || status.includes(task.status)),
          ),
      }),
      waiting: t.field({
        type: ['WaitingReason'],
        description: 'Every stage that has not settled well, and the condition it waits for.',
        resolve: async (artist, _args, { loaders }) => (await loaders.waiting(`artist:${artist.id}`)) ?? [],
      }),
      tracks: t.connection(
        {
          type: 'Track',
          description: 'Its tracks, newest first.',
          complexity: connectionComplexity,
          resolve: (artist, args, { client }) =>
            newestFirst(args, tracks.id, ({ conditions, order, limit }) =>
              client.database
                .select(trackColumns)
                .from(tracks)
                .where(and(eq(tracks.artistId, artist.id), ...conditions))
                .orderBy(order)
                .limit(limit),
            ),
        },
        { name: 'ArtistTracksConnection', description: "A page of an artist's tracks." },
        { name: 'ArtistTracksEdge', description: 'A track and its place in the list.' },
      ),
      createdAt: t.field({ type: 'DateTime', description: 'When it appeared.', resolve: (artist) => artist.createdAt }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'When it last changed.',
        resolve: (artist) => artist.updatedAt,
      }),
    }),
  })
  builder.objectField('Track', 'artist', (t) =>
    t.field({
      type: 'Artist',
      nullable: true,
      description: 'Its primary artist; null when it names none.',
      resolve: async (track, _args, { loaders }) => {
        // A track that has just been submitted was read before its transaction gave it an artist.
        const artistId = track.artistId ?? (await loaders.track(track.id))?.artistId ?? null
        return artistId === null ? null : loaders.artist(artistId)
      },
    }),
  )
  builder.objectField('Task', 'artist', (t) =>
    t.field({
      type: 'Artist',
      nullable: true,
      description: 'The artist it belongs to; null for tasks of other subjects.',
      resolve: (task, _args, { loaders }) => (task.pipeline === 'artist' ? loaders.artist(task.subjectId) : null),
    }),
  )
  builder.objectField('MissingTask', 'artist', (t) =>
    t.field({
      type: 'Artist',
      nullable: true,
      description: 'The artist that lacks it; null for other subjects.',
      resolve: (row, _args, { loaders }) => (row.pipeline === 'artist' ? loaders.artist(row.subjectId) : null),
    }),
  )
}
