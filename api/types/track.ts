import { and, eq, ilike, or, sql } from 'drizzle-orm'
import { tracks } from '../../worker/db/tables.ts'
import { rowId } from '../ids.ts'
import { connectionComplexity, connectionOf, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { trackColumns } from '../rows.ts'

/** A song, everything made from it, and the queries that find it. */
export function defineTrack({ builder, enums, pipelines }: SchemaParts): void {
  const stages = new Set(pipelines.find((pipeline) => pipeline.name === 'track')?.stages.map((stage) => stage.name))
  const TrackStage = enums.milestones.get('track')
  if (!TrackStage) throw new Error('the schema needs the track pipeline: add it to the list of pipelines')

  const ArtistCredit = builder.objectRef<{ id?: string; name: string }>('ArtistCredit').implement({
    description: 'Somebody a track is credited to.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Name as credited.' }),
      catalogueId: t.string({
        nullable: true,
        description: "The artist's id in the outside catalogue; null when it did not come from one.",
        resolve: (artist) => artist.id ?? null,
      }),
    }),
  })

  builder.node('Track', {
    description: 'A song on its way to karaoke.',
    id: { resolve: (track) => track.id, description: 'Global id.' },
    loadMany: (ids, { loaders }) => Promise.all(ids.map((id) => loaders.track(Number(id)))),
    fields: (t) => ({
      stage: t.field({ type: TrackStage, description: 'How far it has come.', resolve: (track) => track.stage }),
      progress: t.float({
        description: 'How much of its work is done, 0 to 1, each stage by its weight.',
        complexity: 5,
        resolve: async (track, _args, { loaders }) => (await loaders.progress(`track:${track.id}`))?.progress ?? 0,
      }),
      title: t.exposeString('title', { description: 'Title of the song.' }),
      artists: t.field({
        type: [ArtistCredit],
        description: 'Whom it is credited to.',
        resolve: (track) => track.artists,
      }),
      album: t.exposeString('album', { nullable: true, description: 'Album; null when unknown.' }),
      releaseDate: t.exposeString('releaseDate', {
        nullable: true,
        description: 'Year, month or day of release, ISO 8601; null when unknown.',
      }),
      durationMs: t.exposeInt('durationMs', {
        nullable: true,
        description: 'Length in milliseconds; null until known.',
      }),
      isrc: t.exposeString('isrc', {
        nullable: true,
        description: 'International Standard Recording Code; null when unknown.',
      }),
      spotifyTrackId: t.exposeString('spotifyTrackId', {
        nullable: true,
        description: 'Its Spotify id; null when it has none.',
      }),
      tiktokVideoId: t.exposeString('tiktokVideoId', {
        nullable: true,
        description: 'The TikTok video it was found behind; null for other sources.',
      }),
      language: t.exposeString('language', { description: 'Language sung, BCP 47.' }),
      sourceType: t.field({
        type: enums.SourceType,
        description: 'Where the audio came from.',
        resolve: (track) => track.sourceType,
      }),
      metadata: t.field({
        type: 'JSON',
        description: 'Who submitted it, with which notes.',
        resolve: (track) => track.metadata,
      }),
      style: t.field({
        type: 'JSON',
        description: 'What it overrides of the configured style of screens and lyrics.',
        resolve: (track) => track.style,
      }),
      hasCallback: t.exposeBoolean('hasCallback', {
        description:
          'Whether an address is called once every task has settled. It may carry a secret, and is not shown.',
      }),
      errorMessage: t.exposeString('errorMessage', {
        nullable: true,
        description: 'What is wrong with the track as a whole; null when nothing is.',
      }),
      tasks: t.field({
        type: ['Task'],
        description: 'Its tasks in the order they were added.',
        args: {
          type: t.arg({ type: [enums.TaskType], description: 'Only tasks of these stages.' }),
          status: t.arg({ type: [enums.TaskStatus], description: 'Only tasks that stand at one of these.' }),
        },
        resolve: async (track, { type, status }, { loaders }) =>
          ((await loaders.tasksOf(`track:${track.id}`)) ?? []).filter(
            (task) =>
              stages.has(task.stage) &&
              (!type || type.includes(task.stage)) &&
              (!status || status.includes(task.status)),
          ),
      }),
      waiting: t.field({
        type: ['WaitingReason'],
        description: 'Every stage that has not settled well, and the condition it waits for.',
        resolve: async (track, _args, { loaders }) => (await loaders.waiting(`track:${track.id}`)) ?? [],
      }),
      audio: t.field({
        type: 'SongAudio',
        nullable: true,
        description: 'Its audio; null until it has been fetched.',
        resolve: (track, _args, { loaders }) => loaders.audio(track.id),
      }),
      lyrics: t.field({
        type: 'Lyrics',
        nullable: true,
        description: 'Its words; null when there are none.',
        resolve: (track, _args, { loaders }) => loaders.lyrics(track.id),
      }),
      alignment: t.field({
        type: 'Alignment',
        nullable: true,
        description: 'When each word is sung; null until aligned.',
        resolve: (track, _args, { loaders }) => loaders.alignment(track.id),
      }),
      translations: t.field({
        type: ['Translation'],
        description: 'Its lyrics in other languages.',
        resolve: async (track, _args, { loaders }) => (await loaders.translations(track.id)) ?? [],
      }),
      segments: t.field({
        type: ['KaraokeSegment'],
        description: 'The parts of it that are published as clips.',
        resolve: async (track, _args, { loaders }) => (await loaders.segments(track.id)) ?? [],
      }),
      karaokeLines: t.field({
        type: ['KaraokeLine'],
        description: 'Its sung lines, one by one.',
        complexity: { field: 5, multiplier: 20 },
        resolve: async (track, _args, { loaders }) => (await loaders.karaokeLines(track.id)) ?? [],
      }),
      createdAt: t.field({
        type: 'DateTime',
        description: 'When it was submitted.',
        resolve: (track) => track.createdAt,
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'When it last changed.',
        resolve: (track) => track.updatedAt,
      }),
    }),
  })

  builder.queryFields((t) => ({
    track: t.field({
      type: 'Track',
      nullable: true,
      description: 'One track by its global id; null when there is none.',
      args: { id: t.arg.id({ required: true, description: 'Global id, such as `Track:12`.' }) },
      resolve: (_root, { id }, { loaders }) => loaders.track(rowId(id, 'Track', 'id')),
    }),
    trackBySpotifyId: t.field({
      type: 'Track',
      nullable: true,
      description: 'One track by its Spotify id; null when there is none.',
      args: { spotifyId: t.arg.string({ required: true, description: 'The 22 characters of a Spotify track id.' }) },
      resolve: async (_root, { spotifyId }, { client }) => {
        const rows = await client.database.select(trackColumns).from(tracks).where(eq(tracks.spotifyTrackId, spotifyId))
        return rows[0]
      },
    }),
    tracks: t.connection(
      {
        type: 'Track',
        description: 'Tracks, newest first.',
        complexity: connectionComplexity,
        args: {
          stage: t.arg({ type: TrackStage, description: 'Only tracks that have come exactly this far.' }),
          sourceType: t.arg({ type: enums.SourceType, description: 'Only tracks from this kind of source.' }),
          search: t.arg.string({ description: 'Only tracks whose title or artists contain this text.' }),
          isEncrypted: t.arg.boolean({
            description: 'Only tracks whose full song is encrypted and announced, or only those whose is not.',
          }),
        },
        resolve: (_root, args, { client }) =>
          newestFirst(args, tracks.id, ({ conditions, order, limit }) => {
            if (args.stage) conditions.push(eq(tracks.stage, args.stage))
            if (args.sourceType) conditions.push(sql`${tracks.sourceType} = ${args.sourceType}`)
            if (typeof args.isEncrypted === 'boolean') {
              const encrypted = sql`exists (select from encryptions e where e.track_id = ${tracks.id})`
              conditions.push(args.isEncrypted ? encrypted : sql`not ${encrypted}`)
            }
            if (args.search) {
              const pattern = `%${args.search.replaceAll('\0', '').replace(/[\\%_]/g, '\\$&')}%`
              const inArtists = sql`exists (select from jsonb_array_elements(${tracks.artists}) a where a ->> 'name' ilike ${pattern})`
              conditions.push(or(ilike(tracks.title, pattern), inArtists) ?? sql`true`)
            }
            return client.database
              .select(trackColumns)
              .from(tracks)
              .where(and(...conditions))
              .orderBy(order)
              .limit(limit)
          }),
      },
      ...connectionOf('Track'),
    ),
  }))
}
