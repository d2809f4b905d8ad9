import { and, eq, sql } from 'drizzle-orm'
import { inTransaction } from '../../worker/db/client.ts'
import type { encryptions, publishedClips } from '../../worker/db/publication-tables.ts'
import { karaokeSegments } from '../../worker/db/tables.ts'
import { rerunStage } from '../../worker/engine/tasks.ts'
import { Blocked, NotFound } from '../../worker/errors.ts'
import { cidOf } from '../../worker/providers/storage/cid.ts'
import { rowId } from '../ids.ts'
import type { SchemaParts } from '../parts.ts'
import type { PublishedFileRow, StorageAddress } from '../published-files.ts'

type ClipRow = typeof publishedClips.$inferSelect
type EncryptionRow = typeof encryptions.$inferSelect

const KINDS = {
  clip: 'The public clip.',
  timing: "The clip's word timings.",
  metadata: "The clip's description.",
  ciphertext: 'The encrypted full song.',
  manifest: 'What says how the encrypted song is opened.',
  source: 'The file as it came.',
  instrumental: 'The accompaniment.',
  vocals: 'The vocals.',
}

/** What is published of a track: its files with their addresses, its events on chain, its encryption and the proof of it. */
export function definePublication({ builder, errors }: SchemaParts): void {
  const Kind = builder.enumType('PublishedKind', {
    description: 'What a published file is.',
    values: Object.fromEntries(
      Object.entries(KINDS).map(([value, description]) => [value.toUpperCase(), { value, description }]),
    ),
  })
  const AddressType = builder.objectRef<StorageAddress>('StorageAddress').implement({
    description: 'A place where a file lies.',
    fields: (t) => ({
      provider: t.exposeString('provider', { description: 'Who keeps it.' }),
      id: t.exposeString('id', { description: "The keeper's own name for it." }),
      url: t.exposeString('url', { description: 'Where it can be fetched; a path is one of this server.' }),
    }),
  })
  const Published = builder.objectRef<PublishedFileRow>('PublishedFile').implement({
    description: 'A file where others can fetch it. Readers prefer the archive, where it stays.',
    fields: (t) => ({
      kind: t.field({ type: Kind, description: 'What it is.', resolve: (file) => file.kind }),
      artifact: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The file itself; null only when that is being removed.',
        resolve: (file, _args, { loaders }) => loaders.artifact(file.sha256),
      }),
      cid: t.string({ description: 'Content id of its bytes, CIDv1.', resolve: (file) => cidOf(file.sha256) }),
      isDeliverable: t.exposeBoolean('isDeliverable', { description: 'Whether people rely on finding it again.' }),
      archive: t.field({
        type: AddressType,
        nullable: true,
        description: 'Where it stays; null for what is on its way only, and until it has been promoted.',
        resolve: (file) => file.archive,
      }),
      storage: t.field({
        type: AddressType,
        nullable: true,
        description: 'Where it was put first.',
        resolve: (file) => file.storage,
      }),
      publishedAt: t.field({
        type: 'DateTime',
        description: 'When it was published.',
        resolve: (file) => file.publishedAt,
      }),
    }),
  })
  const Violation = builder.objectRef<{ trackId: number; kind: string; reason: string }>('StorageViolation').implement({
    description: 'A deliverable that is not where it stays.',
    fields: (t) => ({
      track: t.field({
        type: 'Track',
        nullable: true,
        description: 'Whose it is.',
        resolve: (row, _args, { loaders }) => loaders.track(row.trackId),
      }),
      kind: t.field({ type: Kind, description: 'What it is.', resolve: (row) => row.kind }),
      reason: t.exposeString('reason', { description: 'What is wrong. The stage promote mends it.' }),
    }),
  })
  const ClipEvents = builder.objectRef<ClipRow>('ClipEvents').implement({
    description: 'Where the events of a clip are on chain.',
    fields: (t) => ({
      clipHash: t.exposeString('clipHash', { description: 'Its name on chain.' }),
      catalogId: t.exposeString('catalogId', { description: "The track's id in the catalog." }),
      chainId: t.exposeInt('chainId', { description: 'EIP-155 id of the chain.' }),
      registeredTransaction: t.exposeString('registeredTx', { description: 'The transaction of ClipRegistered.' }),
      registeredBlock: t.field({
        type: 'SafeInt',
        description: 'The block of ClipRegistered.',
        resolve: (row) => row.registeredBlock,
      }),
      processedTransaction: t.exposeString('processedTx', { description: 'The transaction of ClipProcessed.' }),
      processedBlock: t.field({
        type: 'SafeInt',
        description: 'The block of ClipProcessed.',
        resolve: (row) => row.processedBlock,
      }),
    }),
  })
  const Encryption = builder.objectRef<EncryptionRow>('SongEncryption').implement({
    description: 'How the full song is encrypted, for whom, and the proof that it opens for holders of a key only.',
    fields: (t) => ({
      keyId: t.exposeString('keyId', { description: 'What the content key is kept under. The key is never shown.' }),
      network: t.exposeString('network', { description: 'Who keeps the content key.' }),
      contentSha256: t.exposeString('contentSha256', { description: 'SHA-256 of the song that is encrypted.' }),
      ciphertextUri: t.exposeString('ciphertextUri', { description: 'Where the encrypted song is.' }),
      manifestUri: t.exposeString('manifestUri', { description: 'Where the manifest is.' }),
      lockAddress: t.exposeString('lockAddress', { description: 'The lock whose keys open it.' }),
      lockChainId: t.exposeInt('lockChainId', { description: 'The chain of the lock.' }),
      conditions: t.field({
        type: 'JSON',
        description: 'Who may have the key, as access control conditions.',
        resolve: (row) => row.conditions,
      }),
      conditionsHash: t.exposeString('conditionsHash', { description: 'SHA-256 of the conditions, in hexadecimal.' }),
      transactionHash: t.exposeString('encryptedTx', { description: 'The transaction of SegmentEncrypted.' }),
      block: t.field({
        type: 'SafeInt',
        description: 'The block of SegmentEncrypted.',
        resolve: (row) => row.encryptedBlock,
      }),
      encryptedAt: t.field({
        type: 'DateTime',
        description: 'When it was encrypted.',
        resolve: (row) => row.encryptedAt,
      }),
      proof: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Who opened it with a key, who was refused without, and what was decrypted; null until proven.',
        resolve: (row) => row.proof,
      }),
      provedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was proven; null until then.',
        resolve: (row) => row.provedAt,
      }),
    }),
  })

  builder.objectFields('Track', (t) => ({
    published: t.field({
      type: [Published],
      description: 'Its files that others can fetch.',
      resolve: async (track, _args, { loaders }) => (await loaders.publishedFiles(track.id)) ?? [],
    }),
    isPublished: t.boolean({
      description: 'Whether its clip has been registered on chain.',
      resolve: async (track, _args, { loaders }) => (await loaders.publishedByTrack(track.id)) !== undefined,
    }),
    isEncrypted: t.boolean({
      description: 'Whether its full song is encrypted and announced.',
      resolve: async (track, _args, { loaders }) => (await loaders.encryptionByTrack(track.id)) !== undefined,
    }),
  }))
  builder.objectFields('KaraokeSegment', (t) => ({
    clipEvents: t.field({
      type: ClipEvents,
      nullable: true,
      description: 'Where the events of its clip are on chain; null until it has been registered.',
      resolve: (segment, _args, { loaders }) => loaders.publishedByTrack(segment.trackId),
    }),
    encryption: t.field({
      type: Encryption,
      nullable: true,
      description: 'How the full song is encrypted; null until it is.',
      resolve: (segment, _args, { loaders }) => loaders.encryptionByTrack(segment.trackId),
    }),
  }))

  builder.queryField('storageViolations', (t) =>
    t.field({
      type: [Violation],
      description: 'Published deliverables that are not in the archive. Empty in a healthy system.',
      args: { first: t.arg.int({ defaultValue: 100, description: 'At most this many, up to 1000.' }) },
      complexity: ({ first }) => ({ field: 20, multiplier: Math.max(0, Math.min(first ?? 100, 1000)) }),
      resolve: async (_root, { first }, { client }) => {
        const { rows } = await client.pool.query(
          'select track_id as "trackId", kind, reason from storage_violations order by track_id, kind limit $1',
          [Math.max(0, Math.min(first ?? 100, 1000))],
        )
        return rows
      },
    }),
  )
  builder.mutationField('reencryptTrack', (t) =>
    t.field({
      type: errors.resultOf('RerunTrack', 'ReencryptTrackResult'),
      description:
        'Encrypts the full song anew with a fresh key: for a network that was retired, or a key that leaked.',
      args: { trackId: t.arg.id({ required: true, description: 'The track.' }) },
      resolve: async (_root, { trackId }, { client }) => {
        const id = rowId(trackId, 'Track', 'trackId')
        return await inTransaction(client, async (connection, transaction) => {
          const here = and(eq(karaokeSegments.trackId, id), eq(karaokeSegments.segmentIndex, 0))
          const [segment] = await transaction
            .select({ cid: karaokeSegments.encryptedFullCid })
            .from(karaokeSegments)
            .where(here)
          if (!segment) throw new NotFound(`track ${id} has no segment`)
          if (segment.cid === null)
            throw new Blocked(`track ${id} is not encrypted yet: runTrackEncrypt encrypts it for the first time`)
          // The subject comes first, as when a stage settles.
          const undone = await rerunStage(connection, 'track', id, 'encrypt')
          await transaction
            .update(karaokeSegments)
            .set({ encryptionGeneration: sql`${karaokeSegments.encryptionGeneration} + 1` })
            .where(here)
          return { trackId: id, undone }
        })
      },
    }),
  )
}
