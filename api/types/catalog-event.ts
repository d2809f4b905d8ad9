import type { CatalogEvent, CatalogFilter } from '../catalog-feed.ts'
import type { ApiContext } from '../context.ts'
import type { SchemaParts } from '../parts.ts'
import { parseAddress } from './catalog-address.ts'
import { lockOf } from './catalog-clip.ts'

const KINDS = {
  clip_registered: 'A clip was registered.',
  clip_processed: 'The files of a clip were announced.',
  segment_encrypted: 'The full song of a clip was encrypted for a lock.',
  clip_toggled: 'A clip was shown or hidden.',
  lock_created: 'A lock was created.',
  lock_pricing_changed: 'The price of a lock changed.',
  lock_config_changed: 'Duration or number of the keys of a lock changed.',
  lock_upgraded: 'A lock took a newer contract.',
  lock_metadata_changed: 'The name of a lock changed.',
  key_purchased: 'A key was issued.',
  key_transferred: 'A key changed hands, or was burned.',
  key_extended: 'A key was extended.',
  key_expiration_changed: 'The end of a key was changed.',
  key_canceled: 'A key was canceled.',
  key_expired: 'A key ended because all of its time was given to another. One that runs out tells nothing.',
}

/** What happens on chain, as it is learned, and what a re-organisation takes back. */
export function defineCatalogEvent({ builder }: SchemaParts): void {
  const Kind = builder.enumType('CatalogEventKind', {
    description: 'What can happen on chain.',
    values: Object.fromEntries(
      Object.entries(KINDS).map(([value, description]) => [value.toUpperCase(), { value, description }]),
    ),
  })
  const Event = builder.objectRef<CatalogEvent>('CatalogEvent').implement({
    description: 'Something that happened on chain, or was taken back by a re-organisation of it.',
    fields: (t) => ({
      seq: t.field({
        type: 'SafeInt',
        description: 'Position in the history: pass the last one as `after` to go on from there.',
        resolve: (event) => event.seq,
      }),
      kind: t.field({ type: Kind, description: 'What happened.', resolve: (event) => event.kind }),
      isRetracted: t.boolean({
        description: 'True when this takes back an earlier event, whose block is not part of the chain any more.',
        resolve: (event) => event.retracts !== null,
      }),
      retracts: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The `seq` of the event that is taken back; null for one that happened.',
        resolve: (event) => event.retracts,
      }),
      block: t.field({ type: 'SafeInt', description: 'Its block.', resolve: (event) => event.blockNumber }),
      logIndex: t.exposeInt('logIndex', { description: "Its place among the block's logs." }),
      at: t.field({ type: 'DateTime', description: 'Time of the block.', resolve: (event) => event.blockAt }),
      transactionHash: t.exposeString('transactionHash', { description: 'Its transaction.' }),
      clip: t.field({
        type: 'CatalogClip',
        nullable: true,
        description:
          'The clip as it stands now; null for events of locks and keys, and when it is gone with what made it.',
        resolve: ({ clipHash }, _args, { catalog }) => (clipHash ? catalog.clip(clipHash) : null),
      }),
      clipHash: t.exposeString('clipHash', {
        nullable: true,
        description: 'The clip; null for events of locks and keys.',
      }),
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track here that the clip was made from; null when there is none.',
        resolve: async ({ clipHash }, _args, { loaders }) => {
          const published = clipHash ? await loaders.publishedByHash(clipHash) : undefined
          return published && loaders.track(published.trackId)
        },
      }),
      lockAddress: t.exposeString('lockAddress', {
        nullable: true,
        description: 'The lock; null where none takes part.',
      }),
      lock: t.field({
        type: 'CatalogLock',
        nullable: true,
        description: 'The lock as it stands now; null where none takes part, or the catalog does not know it.',
        resolve: async ({ clipHash, lockAddress }, _args, context) => {
          const segment = clipHash && lockAddress ? (await context.catalog.clip(clipHash))?.segments[0] : undefined
          if (segment?.lockAddress === lockAddress) return segment && lockOf(segment, context)
          return lockAddress ? context.catalog.lock(lockAddress) : null
        },
      }),
      tokenId: t.exposeString('tokenId', {
        nullable: true,
        description: 'The key, within its lock; null for all but events of keys.',
      }),
      from: t.exposeString('from', {
        nullable: true,
        description: 'Who held the key before, the zero address when it was issued; null for all but events of keys.',
      }),
      to: t.exposeString('to', {
        nullable: true,
        description:
          'Who holds the key afterwards, the zero address when it was burned; null for all but events of keys.',
      }),
    }),
  })

  const after = 'Go on after this `seq`, 0 for the whole history; absent to begin with what happens next.'
  const reorg = 'None left out and none twice; what a re-organisation takes back comes as an event with `isRetracted`.'
  builder.subscriptionFields((t) => ({
    catalogEvents: t.field({
      type: Event,
      description: `What happens on chain. ${reorg}`,
      args: {
        kinds: t.arg({ type: [Kind], description: 'Only these kinds; absent for all.' }),
        lock: t.arg.string({ description: 'Only events in which this lock takes part.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: (_root, { kinds, lock, after }, context) =>
        events({ kinds: kinds ?? null, lockAddress: lock ? parseAddress(lock, 'lock') : null }, after, context),
      resolve: current,
    }),
    clipRegistered: t.field({
      type: Event,
      description: `Clips that are registered on chain. ${reorg}`,
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, { after }, context) => events({ kinds: ['clip_registered'] }, after, context),
      resolve: current,
    }),
    segmentEncrypted: t.field({
      type: Event,
      description: `Full songs that are encrypted for a lock. ${reorg}`,
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, { after }, context) => events({ kinds: ['segment_encrypted'] }, after, context),
      resolve: current,
    }),
    keyPurchased: t.field({
      type: Event,
      description: `Keys that are issued. ${reorg}`,
      args: {
        lock: t.arg.string({ description: 'Only keys of this lock.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: (_root, { lock, after }, context) =>
        events({ kinds: ['key_purchased'], lockAddress: lock ? parseAddress(lock, 'lock') : null }, after, context),
      resolve: current,
    }),
  }))
}

function events(filter: CatalogFilter, after: number | null | undefined, { catalog, catalogFeed }: ApiContext) {
  // Without a chain nothing would ever come.
  catalog.assertThere()
  return catalogFeed.events(filter, after ?? null)
}

/** Between two events the catalog moves on. */
function current(
  event: CatalogEvent,
  _args: object,
  { catalog }: { readonly catalog: { refresh(): void } },
): CatalogEvent {
  catalog.refresh()
  return event
}
