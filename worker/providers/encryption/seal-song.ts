import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type Bytes, toBase64 } from '../../../client/bytes.ts'
import { createEncryption } from '../../../client/encrypt.ts'
import { bindingOf, type Ciphertext, type Manifest, type ManifestDraft } from '../../../client/manifest.ts'
import { readManifest } from '../../../client/parse-manifest.ts'
import { InvalidInput } from '../../errors.ts'
import { receive } from '../../net/receive.ts'

/** An encrypted file that has no address yet. */
export type SealedSong = Omit<Ciphertext, 'uris'>

/**
 * Encrypts a song from file to file, in the memory of a few chunks. The target appears only when whole.
 *
 * @param options.draft the manifest as it will be published: the encrypted file is bound to every word of it
 * @throws InvalidInput when the file is not the one the draft describes
 */
export async function sealSong(options: {
  readonly from: string
  readonly to: string
  readonly contentKey: Bytes
  readonly draft: ManifestDraft
  readonly signal: AbortSignal
}): Promise<SealedSong> {
  const { from, to, contentKey, draft, signal } = options
  const { sizeBytes, sha256 } = draft.content
  const encryption = await createEncryption({ contentKey, sizeBytes, binding: await bindingOf(draft) })
  const received = await receive(encryption.encrypt(readSong(from, sizeBytes, sha256)), to, {
    maxBytes: encryption.sizeBytes,
    expectedBytes: encryption.sizeBytes,
    signal,
  })
  return {
    sizeBytes: received.sizeBytes,
    sha256: received.sha256,
    chunkBytes: encryption.header.chunkBytes,
    header: toBase64(encryption.headerBytes),
  }
}

/**
 * The text of the whole manifest, read back once by the same rules that players have.
 *
 * @throws InvalidInput when no player would accept it, as for a title that is too long
 */
export async function writeManifest(draft: ManifestDraft, ciphertext: Ciphertext): Promise<string> {
  const manifest: Manifest = { ...draft, ciphertext }
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  try {
    await readManifest(text)
  } catch (cause) {
    throw new InvalidInput(`the manifest cannot be published: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
  return text
}

/** Reads a song and compares it with what it was said to be. Opened when somebody reads: an error before that has no listener. */
async function* readSong(path: string, sizeBytes: number, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let size = 0
  for await (const part of createReadStream(path, { highWaterMark: 1 << 18 })) {
    size += part.length
    if (size > sizeBytes) throw new InvalidInput(`expected a song of ${sizeBytes} bytes, got more`)
    hash.update(part)
    yield part
  }
  const came = hash.digest('hex')
  if (size === sizeBytes && came === sha256) return
  throw new InvalidInput(`expected a song of ${sizeBytes} bytes with SHA-256 ${sha256}, got ${size} bytes with ${came}`)
}
