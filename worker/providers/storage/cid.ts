import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

/** Multicodec of plain bytes, and of SHA-256. */
const RAW = 0x55
const SHA2_256 = 0x12

/** The content id of a file by the SHA-256 of its bytes: CIDv1, raw, in base 32, as in `bafkrei…`. */
export function cidOf(sha256: string): string {
  return CID.createV1(RAW, create(SHA2_256, Buffer.from(sha256, 'hex'))).toString()
}

/** The SHA-256, in hexadecimal, that a content id of that form stands for; null for any other text. */
export function sha256Of(cid: string): string | null {
  try {
    const { version, code, multihash } = CID.parse(cid)
    if (version !== 1 || code !== RAW || multihash.code !== SHA2_256 || multihash.digest.length !== 32) return null
    return Buffer.from(multihash.digest).toString('hex')
  } catch {
    return null
  }
}
