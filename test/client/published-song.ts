import { toBase64 } from '../../client/bytes.ts'
import { buildConditions, hashConditions } from '../../client/conditions.ts'
import { createEncryption } from '../../client/encrypt.ts'
import {
  ALGORITHM,
  bindingOf,
  type Content,
  MANIFEST_KIND,
  MANIFEST_VERSION,
  type Manifest,
  type ManifestDraft,
} from '../../client/manifest.ts'
import { bytesOf, collect, inPieces, seeded, sha256Of } from './random-bytes.ts'

export const LOCK = { address: '0xe34fc1e6ba30da5f67a7aff9e7d6e21b3b0e1111', chainId: 8453 }
export const CLIP_HASH = `0x${'ab'.repeat(32)}`

/** A manifest without its encrypted file. */
export async function draftOf(
  song: Uint8Array,
  access: { keyId: string; gateUrl: string },
  lock = LOCK,
): Promise<ManifestDraft> {
  const accessControlConditions = buildConditions(lock)
  return {
    version: MANIFEST_VERSION,
    kind: MANIFEST_KIND,
    content: {
      kind: 'enhanced instrumental, full',
      contentType: 'audio/flac',
      sizeBytes: song.length,
      sha256: sha256Of(song),
    },
    song: { title: 'Ein Stück “für” 日本', artist: 'Somebody', clipHash: CLIP_HASH, trackId: '4uLU6hMCjMI75M1A2tKUQC' },
    lock,
    accessControlConditions,
    conditionsHash: await hashConditions(accessControlConditions),
    encryption: { algorithm: ALGORITHM, network: 'embedded', ...access },
  }
}

export interface PublishedSong {
  readonly song: Uint8Array<ArrayBuffer>
  readonly contentKey: Uint8Array<ArrayBuffer>
  readonly file: Uint8Array<ArrayBuffer>
  readonly manifest: Manifest
}

/** An encrypted song with its manifest, of small chunks. @param change what the manifest says falsely about the song */
export async function publishSong(
  gateUrl: string,
  sizeBytes = 1000,
  change: Partial<Content> = {},
): Promise<PublishedSong> {
  const song = bytesOf(sizeBytes)
  const contentKey = bytesOf(32, seeded(99))
  const honest = await draftOf(song, { keyId: '0b0e1a3c-1111-4222-8333-444455556666', gateUrl })
  const draft = { ...honest, content: { ...honest.content, ...change } }
  const encryption = await createEncryption({
    contentKey,
    sizeBytes: song.length,
    binding: await bindingOf(draft),
    chunkBytes: 64,
  })
  const file = await collect(encryption.encrypt(inPieces(song)))
  return {
    song,
    contentKey,
    file,
    manifest: {
      ...draft,
      ciphertext: {
        uris: ['../files/song.enc'],
        sizeBytes: file.length,
        sha256: sha256Of(file),
        chunkBytes: 64,
        header: toBase64(encryption.headerBytes),
      },
    },
  }
}
