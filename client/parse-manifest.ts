import { areEqual, type Bytes, fromBase64 } from './bytes.ts'
import { conditionsFault, hashConditions } from './conditions.ts'
import { UnlockError } from './errors.ts'
import { ciphertextBytes, HEADER_BYTES, type Header, parseHeader } from './header.ts'
import {
  ALGORITHM,
  bindingOf,
  type KeyAccess,
  MANIFEST_KIND,
  MANIFEST_VERSION,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from './manifest.ts'

/** A manifest that agrees with itself, and the header of its encrypted file. */
export interface ReadManifest {
  readonly manifest: Manifest
  readonly header: Header
  readonly headerBytes: Bytes
}

/**
 * Reads a manifest and checks all that can be checked without the key: its form, that its conditions are exactly those of its
 * lock, and that the encrypted file's header was made for this manifest.
 *
 * @throws UnlockError BAD_MANIFEST or MANIFEST_CHANGED; the message names the field
 */
export async function readManifest(text: string): Promise<ReadManifest> {
  const manifest = parseManifest(text)
  const { ciphertext } = manifest
  const headerBytes = fromBase64(ciphertext.header)
  if (headerBytes?.length !== HEADER_BYTES) {
    throw bad('ciphertext.header', `${HEADER_BYTES} bytes in base64`, ciphertext.header)
  }
  const header = parseHeader(headerBytes)
  if (
    header.sizeBytes !== manifest.content.sizeBytes ||
    header.chunkBytes !== ciphertext.chunkBytes ||
    ciphertextBytes(header) !== ciphertext.sizeBytes
  ) {
    throw new UnlockError('MANIFEST_CHANGED', "the manifest's sizes are not those in the encrypted file's header")
  }
  const fault = conditionsFault(manifest.accessControlConditions, manifest.lock)
  if (fault) throw new UnlockError('MANIFEST_CHANGED', `accessControlConditions: ${fault}`)
  if ((await hashConditions(manifest.accessControlConditions)) !== manifest.conditionsHash) {
    throw new UnlockError('MANIFEST_CHANGED', 'conditionsHash is not the hash of the access conditions')
  }
  if (!areEqual(await bindingOf(manifest), header.binding)) {
    throw new UnlockError('MANIFEST_CHANGED', 'the encrypted file was made for a manifest with other contents')
  }
  return { manifest, header, headerBytes }
}

/**
 * Reads a manifest's JSON. Fields that are missing, of another form or not known are errors.
 *
 * @throws UnlockError BAD_MANIFEST
 */
export function parseManifest(text: string): Manifest {
  if (text.length > MAX_MANIFEST_BYTES) {
    throw new UnlockError('BAD_MANIFEST', `expected at most ${MAX_MANIFEST_BYTES} characters, got ${text.length}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new UnlockError('BAD_MANIFEST', `expected JSON, got text beginning with ${show(text.slice(0, 40))}`, {
      cause,
    })
  }
  const names = [
    'version',
    'kind',
    'content',
    'song',
    'lock',
    'accessControlConditions',
    'conditionsHash',
    'encryption',
    'ciphertext',
  ] as const
  const top = fields(value, 'the manifest', names)
  const content = fields(top.content, 'content', ['kind', 'contentType', 'sizeBytes', 'sha256'])
  const song = fields(top.song, 'song', ['title', 'artist', 'clipHash', 'trackId'])
  const lock = fields(top.lock, 'lock', ['address', 'chainId'])
  const ciphertext = fields(top.ciphertext, 'ciphertext', ['uris', 'sizeBytes', 'sha256', 'chunkBytes', 'header'])
  return {
    version: exactly(top.version, 'version', MANIFEST_VERSION),
    kind: exactly(top.kind, 'kind', MANIFEST_KIND),
    content: {
      kind: exactly(content.kind, 'content.kind', 'enhanced instrumental, full'),
      contentType: matching(content.contentType, 'content.contentType', /^[\w.+-]+\/[\w.+-]+$/, 'a MIME type'),
      sizeBytes: whole(content.sizeBytes, 'content.sizeBytes'),
      sha256: hash(content.sha256, 'content.sha256'),
    },
    song: {
      title: words(song.title, 'song.title'),
      artist: words(song.artist, 'song.artist'),
      clipHash: matching(song.clipHash, 'song.clipHash', /^0x[0-9a-f]{64}$/, '0x and 64 hexadecimal digits'),
      trackId: song.trackId === null ? null : words(song.trackId, 'song.trackId'),
    },
    lock: {
      address: matching(lock.address, 'lock.address', /^0x[0-9a-f]{40}$/, 'an address in lower case'),
      chainId: whole(lock.chainId, 'lock.chainId'),
    },
    // The only form there is follows from the lock: readManifest compares the whole.
    accessControlConditions: top.accessControlConditions as Manifest['accessControlConditions'],
    conditionsHash: hash(top.conditionsHash, 'conditionsHash'),
    encryption: keyAccess(top.encryption),
    ciphertext: {
      uris: addresses(ciphertext.uris, 'ciphertext.uris'),
      sizeBytes: whole(ciphertext.sizeBytes, 'ciphertext.sizeBytes'),
      sha256: hash(ciphertext.sha256, 'ciphertext.sha256'),
      chunkBytes: whole(ciphertext.chunkBytes, 'ciphertext.chunkBytes'),
      header: words(ciphertext.header, 'ciphertext.header'),
    },
  }
}

function keyAccess(value: unknown): KeyAccess {
  const isLit = typeof value === 'object' && value !== null && 'network' in value && value.network === 'lit-chipotle'
  const names = ['algorithm', 'keyId', 'network', 'gateUrl'] as const
  const common = fields(value, 'encryption', isLit ? [...names, 'sealedKey', 'actionCid'] : names)
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
  const access = {
    algorithm: exactly(common.algorithm, 'encryption.algorithm', ALGORITHM),
    keyId: matching(common.keyId, 'encryption.keyId', uuid, 'a UUID'),
    gateUrl: matching(common.gateUrl, 'encryption.gateUrl', /^https?:\/\/[^\s?#]*[^\s?#/]$/, 'an HTTP address'),
  }
  if (!isLit) return { ...access, network: exactly(common.network, 'encryption.network', 'embedded') }
  const { sealedKey, actionCid } = common as Record<'sealedKey' | 'actionCid', unknown>
  return {
    ...access,
    network: 'lit-chipotle',
    sealedKey: words(sealedKey, 'encryption.sealedKey', 20_000),
    actionCid: matching(actionCid, 'encryption.actionCid', /^[A-Za-z0-9]{30,100}$/, 'a CID'),
  }
}

/** An object with exactly these fields. */
function fields<Name extends string>(value: unknown, where: string, names: readonly Name[]): Record<Name, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(where, 'an object', value)
  const missing = names.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) throw new UnlockError('BAD_MANIFEST', `${where}: the field ${missing} is missing`)
  const unknown = Object.keys(value).find((name) => !names.includes(name as Name))
  if (unknown !== undefined) throw new UnlockError('BAD_MANIFEST', `${where}: the field ${show(unknown)} is not known`)
  return value as Record<Name, unknown>
}

function exactly<Value extends string | number>(value: unknown, where: string, expected: Value): Value {
  if (value !== expected) throw bad(where, show(expected), value)
  return expected
}

function matching(value: unknown, where: string, pattern: RegExp, expected: string): string {
  if (typeof value !== 'string' || value.length > 2_000 || !pattern.test(value)) throw bad(where, expected, value)
  return value
}

function hash(value: unknown, where: string): string {
  return matching(value, where, /^[0-9a-f]{64}$/, '64 hexadecimal digits')
}

function words(value: unknown, where: string, longest = 1_000): string {
  if (typeof value !== 'string' || value === '' || value.length > longest) {
    throw bad(where, `text of 1 to ${longest} characters`, value)
  }
  return value
}

function whole(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad(where, 'a whole number', value)
  return value
}

function addresses(value: unknown, where: string): [string, ...string[]] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 20) throw bad(where, '1 to 20 addresses', value)
  const [first, ...others] = value.map((one, index) => words(one, `${where}[${index}]`))
  return [first, ...others]
}

function bad(where: string, expected: string, came: unknown): UnlockError {
  return new UnlockError('BAD_MANIFEST', `${where}: expected ${expected}, got ${show(came)}`)
}

const show = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 100))
