import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import { z } from 'zod'
import type { Transaction } from '../../db/client.ts'
import { publishedClips } from '../../db/publication-tables.ts'
import type { Context } from '../../engine/context.ts'
import type { PublishedFile } from './published-file.ts'
import type { Track } from './subject.ts'

export const Emitted = z.object({
  chainId: z.number().int().positive(),
  transactionHash: z.string(),
  blockNumber: z.number().int().min(0),
})

interface ClipBounds {
  readonly startMs: number
  readonly endMs: number
}

interface PublishedParts {
  readonly clip: PublishedFile
  readonly timing: PublishedFile | null
  readonly metadata: PublishedFile
  readonly translationCount: number
}

/** Emits ClipRegistered and ClipProcessed, each once for its content: what has changed since is announced anew. */
export async function announceClip(context: Context<Track>, { startMs, endMs }: ClipBounds, published: PublishedParts) {
  const { subject, signal } = context
  const { publication } = context.providers
  const { catalogId } = subject
  const registration = {
    catalogId,
    startMs,
    endMs,
    grc20WorkId: subject.grc20WorkId,
    metadataUri: published.metadata.uri,
  }
  const registered = await context.once(`register ${digest(registration)}`, (idempotencyKey) =>
    publication.registerClip(registration, { idempotencyKey, signal }),
  )
  const clipHash = publication.clipHash(catalogId, startMs)
  const files = {
    clipHash,
    instrumentalUri: published.clip.uri,
    alignmentUri: published.timing?.uri ?? '',
    translationCount: published.translationCount,
    metadataUri: published.metadata.uri,
  }
  const processed = await context.once(`process ${digest(files)}`, (idempotencyKey) =>
    publication.processClip(files, { idempotencyKey, signal }),
  )
  return { catalogId, clipHash, registered, processed }
}

/** Writes down where the events of a clip are. */
export async function recordClip(
  transaction: Transaction,
  trackId: number,
  clip: {
    readonly catalogId: string
    readonly clipHash: string
    readonly registered: z.output<typeof Emitted>
    readonly processed: z.output<typeof Emitted>
  },
): Promise<void> {
  const row = {
    catalogId: clip.catalogId,
    clipHash: clip.clipHash as Hex,
    chainId: clip.registered.chainId,
    registeredTx: clip.registered.transactionHash,
    registeredBlock: clip.registered.blockNumber,
    processedTx: clip.processed.transactionHash,
    processedBlock: clip.processed.blockNumber,
  }
  await transaction
    .insert(publishedClips)
    .values({ trackId, segmentIndex: 0, ...row })
    .onConflictDoUpdate({ target: [publishedClips.trackId, publishedClips.segmentIndex], set: row })
}

/** Names content, so that other content is another effect. */
export function digest(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32)
}
