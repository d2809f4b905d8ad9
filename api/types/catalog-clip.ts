import { resolveCursorConnection } from '@pothos/plugin-relay'
import { InvalidInput } from '../../worker/errors.ts'
import { gateUrlOf } from '../../worker/providers/encryption/gate-url.ts'
import type { CatalogClip, CatalogLock, CatalogSegment } from '../catalog.ts'
import type { ApiContext } from '../context.ts'
import { connectionComplexity, connectionOf } from '../newest-first.ts'
import type { SchemaParts } from '../parts.ts'
import { parseAddress, parseHash } from './catalog-address.ts'
import { instantOf } from './catalog-time.ts'

/** Clips on chain and their encrypted songs, joined with the tracks they come from. */
export function defineCatalogClip({ builder }: SchemaParts): void {
  builder.objectType('CatalogClip', {
    description: 'A clip as it stands on chain, as of the block that `catalogStatus` names.',
    fields: (t) => ({
      hash: t.string({
        description: 'Its name on chain: the keccak256 of catalogue id and start.',
        resolve: (clip) => clip.id,
      }),
      isRegistered: t.exposeBoolean('isRegistered', {
        description: 'Whether it has been registered; its files or its encrypted song may come first.',
      }),
      isEnabled: t.exposeBoolean('isEnabled', { description: 'Whether its publisher shows it.' }),
      catalogId: t.string({
        nullable: true,
        description: "The track's id in the outside catalogue, or one of ours; null until an event names it.",
        resolve: (clip) => clip.spotifyTrackId,
      }),
      grc20WorkId: t.exposeString('grc20WorkId', {
        nullable: true,
        description: 'Id of the work in the metadata space; null until registered, and while it has none.',
      }),
      startMs: t.exposeInt('startMs', {
        nullable: true,
        description: 'Where it begins, in milliseconds from the start of the song; null until registered.',
      }),
      endMs: t.exposeInt('endMs', {
        nullable: true,
        description: 'Where it ends, in milliseconds from the start of the song; null until registered.',
      }),
      audioUri: t.string({
        nullable: true,
        description: "Where the clip's audio is; null until announced.",
        resolve: (clip) => clip.instrumentalUri,
      }),
      timingUri: t.string({
        nullable: true,
        description: 'Where its word timings are; null until announced, and for a song without lyrics.',
        resolve: (clip) => clip.alignmentUri || null,
      }),
      metadataUri: t.exposeString('metadataUri', {
        nullable: true,
        description: 'Where its description is; null while none is named.',
      }),
      translationCount: t.exposeInt('translationCount', {
        nullable: true,
        description: 'Translations published with it; null until announced.',
      }),
      registeredBy: t.exposeString('registeredBy', {
        nullable: true,
        description: 'Address that registered it; null until registered.',
      }),
      registeredAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was registered first; null until then.',
        resolve: (clip) => instantOf(clip.registeredAt),
      }),
      registeredAtBlock: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The block that registered it first; null until then.',
        resolve: (clip) => clip.registeredAtBlock,
      }),
      encryption: t.field({
        type: 'CatalogSegment',
        nullable: true,
        description: 'Its encrypted full song; null until there is one.',
        resolve: (clip) => clip.segments[0],
      }),
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'The track here that it was made from; null when it was published by somebody else.',
        resolve: async (clip, _args, { loaders }) => {
          const published = await loaders.publishedByHash(clip.id)
          return published && loaders.track(published.trackId)
        },
      }),
    }),
  })

  builder.objectType('CatalogSegment', {
    description: 'An encrypted full song on chain, and the lock whose keys open it.',
    fields: (t) => ({
      catalogId: t.string({
        description: "The track's id in the outside catalogue, or one of ours.",
        resolve: (segment: CatalogSegment) => segment.spotifyTrackId,
      }),
      ciphertextUri: t.string({
        description: 'Where the ciphertext is.',
        resolve: (segment) => segment.encryptedFullUri,
      }),
      manifestUri: t.exposeString('manifestUri', { description: 'Where the manifest is that says how to open it.' }),
      keyGateUrl: t.string({
        nullable: true,
        description:
          'Where this server gives out its content key, whatever the manifest says; null for a song of somebody else.',
        resolve: async (segment, _args, { loaders, publicUrl }) =>
          (await loaders.publishedByHash(segment.id)) && gateUrlOf(publicUrl),
      }),
      metadataUri: t.exposeString('metadataUri', { description: 'Where its description is; empty when it has none.' }),
      lockAddress: t.exposeString('lockAddress', { description: 'Address of the lock.' }),
      lockChainId: t.exposeInt('lockChainId', { description: 'EIP-155 id of the chain the lock lives on.' }),
      lock: t.field({
        type: 'CatalogLock',
        nullable: true,
        description:
          'The lock and its terms; null while the catalog does not know it, and for a lock on a chain that is not followed.',
        resolve: (segment, _args, context) => lockOf(segment, context),
      }),
      opensFor: t.boolean({
        description: 'Whether a wallet holds a key that is valid now; false where the catalog does not know the lock.',
        args: { wallet: t.arg.string({ required: true, description: 'Address of the wallet.' }) },
        resolve: async (segment, { wallet }, context) => {
          const pair = `${segment.lockAddress}:${parseAddress(wallet, 'wallet')}`
          return (await isFollowed(segment, context)) && ((await context.catalog.opens(pair)) ?? false)
        },
      }),
      encryptedAt: t.field({
        type: 'DateTime',
        description: 'When it was last encrypted.',
        resolve: (segment) => new Date(segment.encryptedAt * 1000),
      }),
      encryptedAtBlock: t.field({
        type: 'SafeInt',
        description: 'The block of the last encryption.',
        resolve: (segment) => segment.encryptedAtBlock,
      }),
    }),
  })

  builder.objectField('Track', 'catalogClip', (t) =>
    t.field({
      type: 'CatalogClip',
      nullable: true,
      description:
        'Its clip as it stands on chain; null until the catalog shows it, which may be a moment after it was registered.',
      complexity: 5,
      resolve: async (track, _args, { loaders, catalog }) => {
        const published = await loaders.publishedByTrack(track.id)
        return published && catalog.isThere ? catalog.clip(published.clipHash) : null
      },
    }),
  )

  builder.queryFields((t) => ({
    catalogClip: t.field({
      type: 'CatalogClip',
      nullable: true,
      description: 'One clip on chain; null when the catalog has none of that name.',
      complexity: 5,
      args: { hash: t.arg.string({ required: true, description: '0x and 64 hexadecimal digits.' }) },
      resolve: (_root, { hash }, { catalog }) => catalog.clip(parseHash(hash, 'hash')),
    }),
    catalogClips: t.connection(
      {
        type: 'CatalogClip',
        nullable: true,
        description: 'Clips registered on chain, newest first. Null with an error while the catalog does not answer.',
        complexity: connectionComplexity,
        args: {
          isEnabled: t.arg.boolean({ description: 'Only clips that are shown, or only those that are not.' }),
          catalogId: t.arg.string({ description: 'Only clips of this track.' }),
        },
        resolve: (_root, args, { catalog }) =>
          resolveCursorConnection<Promise<CatalogClip[]>>(
            { args, defaultSize: 20, maxSize: 100, toCursor: (clip) => `${clip.registeredAtBlock}.${clip.id}` },
            ({ before, after, limit, inverted }) => {
              if (inverted || before) throw new InvalidInput('catalogClips is read forwards: give first and after')
              const filter: Record<string, unknown> = {}
              if (typeof args.isEnabled === 'boolean') filter.isEnabled = args.isEnabled
              if (args.catalogId?.includes('\0'))
                throw new InvalidInput('catalogId: expected text without a zero byte', {
                  details: { field: 'catalogId' },
                })
              if (args.catalogId) filter.spotifyTrackId = args.catalogId
              return catalog.clips(filter, after ? parseCursor(after) : null, limit)
            },
          ),
      },
      ...connectionOf('CatalogClip'),
    ),
  }))
}

/** The lock that a segment names. Locks of different chains may have the same address. */
export async function lockOf(segment: CatalogSegment, context: ApiContext): Promise<CatalogLock | undefined> {
  return (await isFollowed(segment, context)) ? await context.catalog.lock(segment.lockAddress) : undefined
}

async function isFollowed({ lockChainId }: CatalogSegment, { chains }: ApiContext): Promise<boolean> {
  return chains === null || lockChainId === (await chains.locks.id())
}

function parseCursor(cursor: string) {
  const match = /^([0-9]{1,15})\.(0x[0-9a-f]{64})$/.exec(cursor)
  if (!match)
    throw new InvalidInput(`expected a cursor from an earlier page, got ${JSON.stringify(cursor.slice(0, 100))}`)
  return { registeredAtBlock: Number(match[1]), id: match[2] }
}
