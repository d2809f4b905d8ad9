import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { and, eq } from 'drizzle-orm'
import type { Hex } from 'viem'
import { z } from 'zod'
import { buildConditions, hashConditions } from '../../../client/conditions.ts'
import { MANIFEST_KIND, MANIFEST_VERSION, type ManifestDraft } from '../../../client/manifest.ts'
import { encryptions } from '../../db/publication-tables.ts'
import { karaokeSegments } from '../../db/tables.ts'
import type { Artifact } from '../../engine/artifact.ts'
import type { Context } from '../../engine/context.ts'
import { Blocked } from '../../errors.ts'
import { sealSong, writeManifest } from '../../providers/encryption/seal-song.ts'
import { deployUnlock } from '../artist/deploy-unlock.ts'
import { announceClip, digest, Emitted, recordClip } from './announce.ts'
import { clip } from './clip.ts'
import { enhance } from './enhance.ts'
import { publish } from './publish.ts'
import { PublishedFile, publishFile, recordPublished } from './published-file.ts'
import { RegisteredClip } from './registered-clip.ts'
import { type Track, trackStage } from './subject.ts'

const Sealed = z.object({
  /** What the content key is kept under. The key itself is in no output. */
  keyId: z.string(),
  network: z.string(),
  /** Where the content key is asked for. */
  gateUrl: z.url(),
  contentSha256: z.string(),
  ciphertext: PublishedFile,
  manifest: PublishedFile,
  lock: z.object({ address: z.string(), chainId: z.number().int().positive() }),
  conditions: z.array(z.record(z.string(), z.unknown())),
  conditionsHash: z.string(),
})

const Encrypted = Sealed.extend({
  clipHash: z.string(),
  encrypted: Emitted,
  /** The clip's own events, where they were to wait for the encryption. */
  clip: RegisteredClip.nullable(),
})

/** Encrypts the full enhanced accompaniment for the holders of a key to the artist's lock, and announces it on chain. */
export const encrypt = trackStage({
  name: 'encrypt',
  description: "Encrypts the full song for holders of a key to the artist's lock, and announces it on chain",
  after: [enhance, clip, publish],
  requires: [deployUnlock],
  output: Encrypted,
  canSkip: true,
  queue: 'lookup',
  weight: 2,
  async run({ enhance, clip, publish }, context) {
    if (clip === null || publish === null) return context.skip('the track has no published clip')
    const { subject, config, signal } = context
    const { publication } = context.providers
    if (publication.unavailableReason !== null) return context.skip(publication.unavailableReason)
    if (subject.lock === null)
      throw new Blocked(
        'the artist has no lock, so nobody could ever open the song: run deploy_unlock of the artist first',
      )
    const clipHash = publication.clipHash(subject.catalogId, clip.startMs)
    const lock = { address: subject.lock.address.toLowerCase(), chainId: subject.lock.chainId }
    // The same song for the same lock is sealed once, whatever crashes and however often it is asked for.
    const name = digest({ lock, sha256: enhance.audio.sha256, generation: subject.encryptionGeneration })
    const sealed = await context.once(`seal ${name}`, () => seal(context, enhance.audio, lock, clipHash))
    context.progress(0.8)
    const announced = config.CLIP_EMISSION === 'after-encryption' ? await announceClip(context, clip, publish) : null
    const segment = {
      clipHash,
      catalogId: subject.catalogId,
      encryptedFullUri: sealed.ciphertext.uri,
      manifestUri: sealed.manifest.uri,
      lockAddress: lock.address as Hex,
      lockChainId: lock.chainId,
      metadataUri: publish.metadata.uri,
    }
    const encrypted = await context.once(`announce ${digest(segment)}`, (idempotencyKey) =>
      publication.encryptSegment(segment, { idempotencyKey, alsoAsSong: config.EMIT_SONG_ENCRYPTED, signal }),
    )
    return { ...sealed, clipHash, encrypted, clip: announced }
  },
  async record(output, transaction, track) {
    const { ciphertext, manifest, lock } = output
    await recordPublished(transaction, track.id, [ciphertext, manifest])
    if (output.clip) await recordClip(transaction, track.id, output.clip)
    await transaction
      .update(karaokeSegments)
      .set({
        encryptedFullCid: ciphertext.cid,
        encryptedFullUrl: ciphertext.uri,
        encryptionAccs: output.conditions,
        encryptionManifestUrl: manifest.uri,
        updatedAt: new Date(),
      })
      .where(and(eq(karaokeSegments.trackId, track.id), eq(karaokeSegments.segmentIndex, 0)))
    const row = {
      keyId: output.keyId,
      network: output.network,
      contentSha256: output.contentSha256,
      ciphertextSha256: ciphertext.file.sha256,
      ciphertextUri: ciphertext.uri,
      manifestSha256: manifest.file.sha256,
      manifestUri: manifest.uri,
      lockAddress: lock.address,
      lockChainId: lock.chainId,
      conditions: output.conditions,
      conditionsHash: output.conditionsHash,
      chainId: output.encrypted.chainId,
      encryptedTx: output.encrypted.transactionHash,
      encryptedBlock: output.encrypted.blockNumber,
      encryptedAt: new Date(),
      // A proof is of one encryption only.
      proof: null,
      provedAt: null,
    }
    await transaction
      .insert(encryptions)
      .values({ trackId: track.id, segmentIndex: 0, ...row })
      .onConflictDoUpdate({ target: [encryptions.trackId, encryptions.segmentIndex], set: row })
  },
})

async function seal(
  context: Context<Track>,
  song: Artifact,
  lock: { readonly address: string; readonly chainId: number },
  clipHash: string,
): Promise<z.output<typeof Sealed>> {
  const { subject, providers, workspacePath, signal } = context
  const { encryption } = providers
  if (encryption.usdMicrosPerKey > 0) await context.spend(encryption.usdMicrosPerKey, 'a content key')
  const conditions = buildConditions(lock)
  const { contentKey, access } = await encryption.protect({ lock, conditions, signal })
  const draft: ManifestDraft = {
    version: MANIFEST_VERSION,
    kind: MANIFEST_KIND,
    content: {
      kind: 'enhanced instrumental, full',
      contentType: song.contentType,
      sizeBytes: song.sizeBytes,
      sha256: song.sha256,
    },
    song: {
      title: subject.title,
      artist: subject.artists.join(', '),
      clipHash,
      trackId: subject.spotifyTrackId,
    },
    lock,
    accessControlConditions: conditions,
    conditionsHash: await hashConditions(conditions),
    encryption: access,
  }
  const path = join(workspacePath, 'song.enc')
  const file = await sealSong({ from: await context.open(song), to: path, contentKey, draft, signal })
  context.progress(0.4)
  const deliverable = { isDeliverable: true }
  const encrypted = await context.keep(path, { name: 'song.enc', contentType: 'application/octet-stream' })
  const ciphertext = await publishFile(context, 'ciphertext', encrypted, deliverable)
  context.progress(0.6)
  const addresses = [ciphertext.archive?.url, ciphertext.storage.url].filter(
    (url) => url !== undefined && URL.canParse(url),
  )
  // `ipfs://` is where everybody finds what this server serves by its content id.
  const [first = ciphertext.uri, ...others] = [...new Set([...addresses, `ipfs://${ciphertext.cid}`])] as string[]
  const manifestPath = join(workspacePath, 'manifest.json')
  await writeFile(manifestPath, await writeManifest(draft, { ...file, uris: [first, ...others] }))
  const described = await context.keep(manifestPath, { name: 'manifest.json', contentType: 'application/json' })
  return {
    keyId: access.keyId,
    network: access.network,
    gateUrl: access.gateUrl,
    contentSha256: song.sha256,
    ciphertext,
    manifest: await publishFile(context, 'manifest', described, deliverable),
    lock,
    conditions: conditions.map((condition) => ({ ...condition })),
    conditionsHash: draft.conditionsHash,
  }
}
