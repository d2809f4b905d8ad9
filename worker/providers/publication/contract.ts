import type { Address, Hash, Hex } from 'viem'

/** A clip as the catalog on chain names it. */
export interface ClipRegistration {
  /** The track's id in the outside catalogue, or one of Refrain's own where it has none. */
  readonly catalogId: string
  readonly startMs: number
  readonly endMs: number
  /** Id of the work in the metadata space. */
  readonly grc20WorkId: string
  readonly metadataUri: string
}

/** What of a clip is published. */
export interface ClipFiles {
  readonly clipHash: Hex
  readonly instrumentalUri: string
  /** Where the word timings are; empty for a song without lyrics. */
  readonly alignmentUri: string
  readonly translationCount: number
  readonly metadataUri: string
}

/** The encrypted full song of a clip, and the lock whose keys open it. */
export interface SegmentEncryption {
  readonly clipHash: Hex
  readonly catalogId: string
  readonly encryptedFullUri: string
  readonly manifestUri: string
  readonly lockAddress: Address
  readonly lockChainId: number
  readonly metadataUri: string
}

/** Where an event is on chain. */
export interface Emitted {
  readonly chainId: number
  readonly transactionHash: Hash
  readonly blockNumber: number
}

interface Once {
  /** The same key again is the same transaction. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** Announces clips and encrypted songs where everybody can find them. */
export interface Publication {
  /** Why nothing can be announced at all, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /** The id under which a clip is announced: of the track's id and the clip's start. */
  clipHash(catalogId: string, startMs: number): Hex
  /** @throws ProviderRejected when the contract refuses it */
  registerClip(clip: ClipRegistration, options: Once): Promise<Emitted>
  processClip(files: ClipFiles, options: Once): Promise<Emitted>
  /** @param options.alsoAsSong emits SongEncrypted too, for readers that know the older name only */
  encryptSegment(segment: SegmentEncryption, options: Once & { readonly alsoAsSong: boolean }): Promise<Emitted>
}
