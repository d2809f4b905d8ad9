import type { Hash } from 'viem'
import type { GraphId } from './grc20-space.ts'

/** Which space edits go to. */
export interface SpaceIdentity {
  readonly spaceId: GraphId
  /** The entity that stands for whoever writes there. */
  readonly authorId: GraphId
}

/** An edit as it is published. */
export interface PublishableEdit {
  /** The content id of the bytes: CIDv1, raw, SHA-256. */
  readonly cid: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** What it does, for people. */
  readonly name: string
}

/** Where an edit is recorded. */
export interface PublishedEdit {
  /** What the chain holds in place of the edit: its content id, in the form that the space wants. */
  readonly recordedAs: string
  readonly transactionHash: Hash
  readonly blockNumber: number
  readonly chainId: number
}

/** A space of the GRC-20 graph: edits are files, and a chain records in which order they count. */
export interface Space {
  /** Why nothing can be published at all, or null when it can. Decides `skipped` before any work. */
  readonly unavailableReason: string | null
  /** @throws ProviderUnavailable while the chain does not answer */
  identify(): Promise<SpaceIdentity>
  /**
   * Records an edit in the space, once for a key, and returns when the transaction is confirmed.
   *
   * @throws ProviderRejected when the space or the service before it refuses; ProviderUnavailable when trying later may help
   */
  publish(
    edit: PublishableEdit,
    options: { readonly idempotencyKey: string; readonly signal: AbortSignal },
  ): Promise<PublishedEdit>
}
