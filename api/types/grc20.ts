import { and, arrayContains } from 'drizzle-orm'
import { grc20Edits } from '../../worker/db/grc20-tables.ts'
import { ARTIST_PROPERTIES, WORK_PROPERTIES } from '../../worker/providers/space/grc20-space.ts'
import { connectionComplexity, connectionOf, newestFirst } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import {
  countGrc20,
  type EntityRow,
  editColumns,
  entityLoaders,
  type Grc20Counts,
  type ValueRow,
} from './grc20-rows.ts'

type EditRow = Pick<typeof grc20Edits.$inferSelect, keyof typeof editColumns>

const PROPERTY_NAMES = new Map(
  [...Object.values(ARTIST_PROPERTIES), ...Object.values(WORK_PROPERTIES)].map(({ id, name }) => [id, name]),
)

/** Artists and works as entities of the metadata space, and the edits that publish them. */
export function defineGrc20({ builder, pipelines }: SchemaParts): void {
  const Kind = builder.enumType('Grc20EditKind', {
    description: 'What an edit of the metadata space is for.',
    values: {
      SETUP: { value: 'setup', description: 'It gives the space properties, types and relations.' },
      MINT: { value: 'mint', description: 'It makes entities.' },
      UPDATE: { value: 'update', description: 'It changes entities.' },
    },
  })
  const Edit = builder.objectRef<EditRow>('Grc20Edit').implement({
    description: 'An edit of the metadata space: a file of GRC-20 operations that a chain records.',
    fields: (t) => ({
      editId: t.exposeString('editId', { description: 'Its id: 32 hexadecimal digits.' }),
      kind: t.field({ type: Kind, description: 'What it is for.', resolve: (edit) => edit.kind }),
      name: t.exposeString('name', { description: 'What it does, for people.' }),
      spaceId: t.exposeString('spaceId', { description: 'The space it belongs to.' }),
      cid: t.exposeString('cid', { description: 'Content id of its bytes: CIDv1, raw, SHA-256.' }),
      entityIds: t.stringList({
        description: 'Entities that it makes or changes.',
        resolve: (edit) => [...edit.entityIds],
      }),
      txHash: t.exposeString('txHash', { nullable: true, description: 'The transaction; null until confirmed.' }),
      chainId: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'EIP-155 id of the chain that records it; null until confirmed.',
        resolve: (edit) => edit.chainId,
      }),
      blockNumber: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The block of the transaction; null until confirmed.',
        resolve: (edit) => edit.blockNumber,
      }),
      createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (edit) => edit.createdAt }),
      confirmedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When its transaction was seen confirmed; null while it has not been.',
        resolve: (edit) => edit.confirmedAt,
      }),
      failedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was refused for good; null when it was not.',
        resolve: (edit) => edit.failedAt,
      }),
      errorMessage: t.exposeString('errorMessage', {
        nullable: true,
        description: 'Why it was refused; null when it was not.',
      }),
    }),
  })
  const Value = builder.objectRef<ValueRow>('Grc20Value').implement({
    description: 'One value of an entity.',
    fields: (t) => ({
      property: t.string({
        description: 'What it says, such as `ISNI`.',
        resolve: ({ propertyId }) => PROPERTY_NAMES.get(propertyId) ?? propertyId,
      }),
      propertyId: t.exposeString('propertyId', { description: 'Id of the property: 32 hexadecimal digits.' }),
      value: t.exposeString('value', { description: 'The value; a date as `2020-03-20`.' }),
    }),
  })
  const Entity = builder.objectRef<EntityRow>('Grc20Entity').implement({
    description: 'An artist or a work in the metadata space.',
    fields: (t) => ({
      entityId: t.exposeString('entityId', {
        nullable: true,
        description: 'Its id: 32 hexadecimal digits; null until minted.',
      }),
      spaceId: t.exposeString('spaceId', { nullable: true, description: 'The space it is in; null until minted.' }),
      mintedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When its transaction was seen confirmed; null until minted.',
        resolve: (entity) => entity.mintedAt,
      }),
      needsUpdate: t.exposeBoolean('needsUpdate', {
        description: 'Whether `values` have changed since they were published.',
      }),
      isUnderWay: t.exposeBoolean('isUnderWay', { description: 'Whether an edit of it waits for its confirmation.' }),
      cid: t.exposeString('cid', {
        nullable: true,
        description: 'Content id of the newest confirmed edit of it; null until minted.',
      }),
      txHash: t.exposeString('txHash', {
        nullable: true,
        description: 'Transaction of the newest confirmed edit of it; null until minted.',
      }),
      edit: t.field({
        type: Edit,
        nullable: true,
        description: 'The newest confirmed edit of it; null until minted.',
        resolve: ({ editId }, _args, { client }) => (editId ? entityLoaders(client).edit(editId) : null),
      }),
      values: t.field({
        type: [Value],
        description: 'What it says, as published now or by the next edit.',
        resolve: (entity) => entity.values,
      }),
    }),
  })
  const Counts = builder.objectRef<Grc20Counts>('Grc20Counts').implement({
    description: 'How much is in the metadata space, and how much waits.',
    fields: (t) => ({
      artists: t.exposeInt('artists', { description: 'Artists that are ready to be published, or are.' }),
      mintedArtists: t.exposeInt('mintedArtists', { description: 'Artists that are published.' }),
      changedArtists: t.exposeInt('changedArtists', { description: 'Artists that have changed since.' }),
      works: t.exposeInt('works', { description: 'Works that are ready to be published, or are.' }),
      mintedWorks: t.exposeInt('mintedWorks', { description: 'Works that are published.' }),
      changedWorks: t.exposeInt('changedWorks', { description: 'Works that have changed since.' }),
      openEdits: t.exposeInt('openEdits', { description: 'Edits that wait for their confirmation.' }),
      refusedEdits: t.exposeInt('refusedEdits', { description: 'Edits that were refused for good.' }),
    }),
  })

  if (pipelines.some(({ name }) => name === 'artist')) {
    builder.objectField('Artist', 'grc20', (t) =>
      t.field({
        type: Entity,
        nullable: true,
        description: 'What the metadata space says of it; null until there is something to say.',
        resolve: (artist, _args, { client }) => entityLoaders(client).ofArtist(artist.id),
      }),
    )
  }
  builder.objectField('Track', 'grc20', (t) =>
    t.field({
      type: Entity,
      nullable: true,
      description: 'What the metadata space says of its work; null until there is something to say.',
      resolve: (track, _args, { client }) => entityLoaders(client).ofTrack(track.id),
    }),
  )
  builder.queryFields((t) => ({
    grc20Edits: t.connection(
      {
        type: Edit,
        description: 'Edits of the metadata space, newest first.',
        complexity: connectionComplexity,
        args: { entityId: t.arg.string({ description: 'Only edits that make or change this entity.' }) },
        resolve: (_root, args, { client }) =>
          newestFirst(args, grc20Edits.id, ({ conditions, order, limit }) => {
            if (args.entityId) conditions.push(arrayContains(grc20Edits.entityIds, [args.entityId]))
            return client.database
              .select(editColumns)
              .from(grc20Edits)
              .where(and(...conditions))
              .orderBy(order)
              .limit(limit)
          }),
      },
      ...connectionOf('Grc20Edit'),
    ),
    grc20Counts: t.field({
      type: Counts,
      description: 'How much is in the metadata space, and how much waits.',
      complexity: 20,
      resolve: (_root, _args, { client }) => countGrc20(client),
    }),
  }))
}
