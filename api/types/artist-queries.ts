import { and, eq, ilike, inArray, type SQL, sql } from 'drizzle-orm'
import { artists, lensAccounts, pkpAccounts } from '../../worker/db/artist-tables.ts'
import type { Client } from '../../worker/db/client.ts'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { InvalidInput } from '../../worker/errors.ts'
import { rowId } from '../ids.ts'
import { connectionComplexity, connectionOf, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { artistColumns } from '../rows.ts'

/** Artists that can take the next step of their identity, by that step. */
const READY = {
  lens: sql`(select id from find_artists_ready_for_lens())`,
  unlock: sql`(select id from find_artists_ready_for_unlock())`,
}

/** The queries that find artists, and running a part of one again. */
export function defineArtistQueries({ builder, enums, errors, pipelines }: SchemaParts): void {
  const stages = new Set(pipelines.find(({ name }) => name === 'artist')?.stages.map((stage) => stage.name))
  const ArtistStage = enums.milestones.get('artist') ?? 'String'
  const ArtistReadiness = builder.enumType('ArtistReadiness', {
    description: 'The next step of an artist that nothing stands in the way of.',
    values: {
      LENS: { value: 'lens', description: 'The wallet is there, the account is not.' },
      UNLOCK: { value: 'unlock', description: 'The account is there, the lock is not.' },
    },
  })

  builder.queryFields((t) => ({
    artist: t.field({
      type: 'Artist',
      nullable: true,
      description: 'One artist by its global id; null when there is none.',
      args: { id: t.arg.id({ required: true, description: 'Global id, such as `Artist:12`.' }) },
      resolve: (_root, { id }, { loaders }) => loaders.artist(rowId(id, 'Artist', 'id')),
    }),
    artistBySpotifyId: t.field({
      type: 'Artist',
      nullable: true,
      description: 'One artist by its Spotify id; null when there is none.',
      args: { spotifyId: t.arg.string({ required: true, description: 'The 22 characters of a Spotify artist id.' }) },
      resolve: async (_root, { spotifyId }, { client }) => {
        const [artist] = await selectArtists(client).where(eq(artists.spotifyArtistId, spotifyId))
        return artist
      },
    }),
    artists: t.connection(
      {
        type: 'Artist',
        description: 'Artists, newest first.',
        complexity: connectionComplexity,
        args: {
          stage: t.arg({ type: ArtistStage, description: 'Only artists that have come exactly this far.' }),
          search: t.arg.string({ description: 'Only artists whose name or other names contain this text.' }),
          readyFor: t.arg({ type: ArtistReadiness, description: 'Only artists whose next step is this one.' }),
          needsTask: t.arg({
            type: enums.TaskType,
            description: 'Only artists whose task of this stage was never attempted, or failed with attempts left.',
          }),
          notKnownBy: t.arg.string({ description: 'Only artists of which this source has told nothing yet.' }),
        },
        resolve: (_root, args, { client }) => {
          if (args.needsTask && !stages.has(args.needsTask)) {
            throw new InvalidInput(`needsTask: ${args.needsTask} is not a stage of artists`, {
              details: { field: 'needsTask' },
            })
          }
          return newestFirst(args, artists.id, ({ conditions, order, limit }) => {
            if (args.stage) conditions.push(eq(artists.stage, args.stage))
            if (args.search) conditions.push(containsText(args.search))
            if (args.readyFor) conditions.push(inArray(artists.id, READY[args.readyFor]))
            if (args.needsTask)
              conditions.push(inArray(artists.id, sql`(select id from find_artists_for_task(${args.needsTask}))`))
            if (args.notKnownBy) conditions.push(isUnknownTo(args.notKnownBy))
            return selectArtists(client)
              .where(and(...conditions))
              .orderBy(order)
              .limit(limit)
          })
        },
      },
      ...connectionOf('Artist'),
    ),
  }))

  builder.objectType('RerunArtist', {
    description: 'The answer to running a part of an artist again.',
    fields: (t) => ({
      artist: t.field({
        type: 'Artist',
        nullable: true,
        description: 'The artist; null when it was deleted meanwhile.',
        resolve: (result, _args, { loaders }) => loaders.artist(result.artistId),
      }),
      undone: t.field({
        type: [enums.TaskType],
        description: 'The stages that run again, the first one to run first.',
        resolve: ({ undone }) => undone.filter((stage) => stages.has(stage)),
      }),
    }),
  })
  builder.mutationField('rerunArtist', (t) =>
    t.field({
      type: errors.resultOf('RerunArtist'),
      description:
        'Runs a stage again together with everything that stands on it. What is on chain already stays as it is.',
      args: {
        artistId: t.arg.id({ required: true, description: 'The artist.' }),
        from: t.arg({ type: enums.TaskType, required: true, description: 'The stage to begin with.' }),
      },
      resolve: async (_root, args, { client }) => {
        const artistId = rowId(args.artistId, 'Artist', 'artistId')
        if (!stages.has(args.from))
          throw new InvalidInput(`from: ${args.from} is not a stage of artists`, { details: { field: 'from' } })
        return { artistId, undone: await rerunStage(client.pool, 'artist', artistId, args.from) }
      },
    }),
  )
}

function selectArtists({ database }: Client) {
  return database
    .select(artistColumns)
    .from(artists)
    .leftJoin(pkpAccounts, eq(pkpAccounts.artistId, artists.id))
    .leftJoin(lensAccounts, eq(lensAccounts.artistId, artists.id))
    .$dynamic()
}

function isUnknownTo(source: string): SQL {
  return sql`not exists (select from artist_metadata m where m.artist_id = ${artists.id} and m.source = ${source})`
}

function containsText(search: string): SQL {
  const pattern = `%${search.replaceAll('\0', '').replace(/[\\%_]/g, '\\$&')}%`
  const inAliases = sql`exists (select from jsonb_array_elements_text(${artists.aliases}) alias where alias ilike ${pattern})`
  return sql`(${ilike(artists.name, pattern)} or ${inAliases})`
}
