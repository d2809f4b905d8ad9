import type { Bytes } from './bytes.ts'
import { canonicalJson } from './canonical-json.ts'
import type { AccessControlConditions, Lock } from './conditions.ts'

export const MANIFEST_KIND = 'refrain/encrypted-song'
export const MANIFEST_VERSION = 1
export const ALGORITHM = 'AES-256-GCM chunks, HKDF-SHA-256'
/** Far above what a manifest needs. */
export const MAX_MANIFEST_BYTES = 262_144

/** What is encrypted. */
export interface Content {
  readonly kind: 'enhanced instrumental, full'
  /** MIME type of the song: `audio/flac`. */
  readonly contentType: string
  readonly sizeBytes: number
  /** SHA-256 of the song, 64 hexadecimal digits. */
  readonly sha256: string
}

export interface Song {
  readonly title: string
  readonly artist: string
  /** The clip it belongs to on chain: `0x` and 64 hexadecimal digits. */
  readonly clipHash: string
  /** Spotify's id of the track; null when it has none. */
  readonly trackId: string | null
}

/** Who keeps the content key, and where it is asked for. */
export interface KeyAccess {
  readonly algorithm: typeof ALGORITHM
  /** UUID under which the key is kept. */
  readonly keyId: string
  /** `embedded`: the key gate keeps the key. `lit-chipotle`: it passes requests on to Lit Protocol, which alone can open it. */
  readonly network: 'embedded' | 'lit-chipotle'
  /** `POST <gateUrl>/nonce` and `POST <gateUrl>/release`. No slash at the end. */
  readonly gateUrl: string
  /** The content key as Lit Protocol encrypted it; `lit-chipotle` only. */
  readonly sealedKey?: string
  /** CID of the action that opens it; `lit-chipotle` only. */
  readonly actionCid?: string
}

/** The encrypted file. */
export interface Ciphertext {
  /** Where it can be fetched, best first; may be relative to the manifest's own address. */
  readonly uris: readonly [string, ...string[]]
  readonly sizeBytes: number
  readonly sha256: string
  readonly chunkBytes: number
  /** Its first 116 bytes, in base64. */
  readonly header: string
}

/** All of a manifest that the encrypted file is bound to: any change of it is found out. */
export interface ManifestDraft {
  readonly version: typeof MANIFEST_VERSION
  readonly kind: typeof MANIFEST_KIND
  readonly content: Content
  readonly song: Song
  readonly lock: Lock
  readonly accessControlConditions: AccessControlConditions
  /** `hashConditions` of these. */
  readonly conditionsHash: string
  readonly encryption: KeyAccess
}

/** What lies beside an encrypted song and says how to open it. */
export interface Manifest extends ManifestDraft {
  readonly ciphertext: Ciphertext
}

/** SHA-256 of the canonical JSON of everything but `ciphertext`: it stands in the header that every chunk's tag covers. */
export async function bindingOf(manifest: ManifestDraft): Promise<Bytes> {
  const { ciphertext: _, ...bound } = manifest as Partial<Manifest>
  const text = new TextEncoder().encode(canonicalJson(bound))
  return new Uint8Array(await crypto.subtle.digest('SHA-256', text))
}
