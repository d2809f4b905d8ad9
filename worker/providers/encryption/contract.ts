import type { AccessControlConditions, Lock } from '../../../client/conditions.ts'
import type { KeyAccess } from '../../../client/manifest.ts'
import type { KeptKey } from './kept-key.ts'

export interface KeyRequest {
  /** The artist's lock. */
  readonly lock: Lock
  /** Must be exactly those of the lock: anything else is refused before a key exists. */
  readonly conditions: AccessControlConditions
  readonly signal: AbortSignal
}

/** A fresh content key and what a manifest says about it. */
export interface ProtectedKey {
  /** 32 bytes, for one file. Never leaves the process that encrypts: no output, log or row holds it. */
  readonly contentKey: Uint8Array<ArrayBuffer>
  readonly access: KeyAccess
}

/** Who asks for a key: a signed message that the key gate has read and found right. */
export interface ReleaseProof {
  readonly message: string
  readonly signature: string
}

/** Keeps content keys for those who meet the conditions. */
export interface Encryption {
  readonly network: KeyAccess['network']
  /** The most that `protect` costs, in millionths of a US dollar. */
  readonly usdMicrosPerKey: number
  /**
   * Makes a content key under a new id and hands it over for keeping. Every call makes another one: a key that was never used
   * stays behind after a crash, and opens nothing.
   *
   * @throws InvalidInput when the conditions are not exactly those of the lock; Blocked when there is nobody to keep it
   */
  protect(request: KeyRequest): Promise<ProtectedKey>
  /**
   * The content key of a kept key, for a proof that the key gate accepts. A network of its own checks the proof and the
   * conditions once more.
   *
   * @throws Blocked when the network refuses, with its reason in `details.reason`; ProviderUnavailable while it does not answer
   */
  release(
    kept: KeptKey,
    proof: ReleaseProof,
    options: { readonly signal: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>
}
