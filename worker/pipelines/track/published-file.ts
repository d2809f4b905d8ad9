import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Transaction } from '../../db/client.ts'
import { artifactLocations, artifacts, publishedFiles } from '../../db/tables.ts'
import { Artifact } from '../../engine/artifact.ts'
import type { Context } from '../../engine/context.ts'
import { cidOf } from '../../providers/storage/cid.ts'
import type { Stored } from '../../providers/storage/contract.ts'

export const KINDS = [
  'clip',
  'timing',
  'metadata',
  'ciphertext',
  'manifest',
  'source',
  'instrumental',
  'vocals',
] as const

const Address = z.object({ provider: z.string(), id: z.string(), url: z.string() })

/** A file where others can fetch it, with both its addresses. */
export const PublishedFile = z.object({
  kind: z.enum(KINDS),
  file: Artifact,
  /** CIDv1 of its bytes. */
  cid: z.string(),
  isDeliverable: z.boolean(),
  storage: Address,
  /** Null for what is on its way only, and for what the archive cannot take. */
  archive: Address.nullable(),
  /** The address to hand on: where it stays when it stays, and `ipfs://…` for what this server alone serves. */
  uri: z.string(),
})
export type PublishedFile = z.output<typeof PublishedFile>

/**
 * Puts an artifact where others can fetch it: into the storage, and a deliverable into the archive too.
 *
 * @param options.isDeliverable whether people rely on finding it again
 */
export async function publishFile(
  { providers, open, signal }: Pick<Context<unknown>, 'providers' | 'open' | 'signal'>,
  kind: PublishedFile['kind'],
  artifact: Artifact,
  { isDeliverable }: { readonly isDeliverable: boolean },
): Promise<PublishedFile> {
  const { name, sha256, sizeBytes, contentType } = artifact
  const file = { path: await open(artifact), name, sha256, sizeBytes, contentType }
  const storage = addressOf(await providers.storage.store(file, { signal }))
  const { maxBytes } = providers.archive
  const isArchived = isDeliverable && (maxBytes === null || sizeBytes <= maxBytes)
  const archive = isArchived ? addressOf(await providers.archive.store(file, { signal })) : null
  const cid = cidOf(sha256)
  return { kind, file: artifact, cid, isDeliverable, storage, archive, uri: uriOf((archive ?? storage).url, cid) }
}

/** Puts a published deliverable that is not in the archive there; both addresses are kept. */
export async function promoteFile(
  { providers, open, signal }: Pick<Context<unknown>, 'providers' | 'open' | 'signal'>,
  published: PublishedFile,
): Promise<PublishedFile> {
  const { name, sha256, sizeBytes, contentType } = published.file
  const file = { path: await open(published.file), name, sha256, sizeBytes, contentType }
  const archive = addressOf(await providers.archive.store(file, { signal }))
  return { ...published, archive, uri: uriOf(archive.url, published.cid) }
}

/** Writes down what is published and where it lies. */
export async function recordPublished(
  transaction: Transaction,
  trackId: number,
  files: readonly PublishedFile[],
): Promise<void> {
  // In one order everywhere: two tracks that publish the same bytes must not wait for each other.
  const ordered = files.toSorted((a, b) => (a.file.sha256 < b.file.sha256 ? -1 : 1))
  for (const { kind, file, isDeliverable, storage, archive } of ordered) {
    const { sha256, sizeBytes, contentType } = file
    await transaction.insert(artifacts).values({ sha256, sizeBytes, contentType }).onConflictDoNothing()
    const places = [
      { role: 'storage' as const, ...storage },
      ...(archive ? [{ role: 'archive' as const, ...archive }] : []),
    ]
    for (const { role, provider, id, url } of places) {
      const address = { externalId: id, url, storedAt: new Date() }
      await transaction
        .insert(artifactLocations)
        .values({ sha256, provider, role, ...address })
        .onConflictDoUpdate({
          target: [artifactLocations.sha256, artifactLocations.provider, artifactLocations.role],
          set: address,
        })
    }
    const row = { sha256, isDeliverable, publishedAt: new Date() }
    await transaction
      .insert(publishedFiles)
      .values({ trackId, kind, ...row })
      .onConflictDoUpdate({
        target: [publishedFiles.trackId, publishedFiles.kind],
        set: row,
        setWhere: sql`${publishedFiles.sha256} <> excluded.sha256 or ${publishedFiles.isDeliverable} <> excluded.is_deliverable`,
      })
  }
}

function addressOf({ provider, id, url }: Stored): z.output<typeof Address> {
  return { provider, id, url }
}

function uriOf(url: string, cid: string): string {
  return URL.canParse(url) ? url : `ipfs://${cid}`
}
