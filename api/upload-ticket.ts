import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../worker/db/client.ts'
import { uploads } from '../worker/db/tables.ts'
import { line, parseInput } from './input.ts'

/** An announced upload, with the token that opens it; only the token's hash is kept. */
export interface UploadTicket {
  readonly id: string
  readonly token: string
  readonly expiresAt: Date
}

/**
 * Announces a file.
 *
 * @throws InvalidInput for an empty or too large file, or one that is neither audio nor video
 */
export async function createUpload(
  database: Database,
  input: { name: string; contentType: string; sizeBytes: number; sha256?: string | null | undefined },
  maxSizeBytes: number,
): Promise<UploadTicket> {
  const upload = parseInput(
    z.object({
      name: line(255),
      contentType: z
        .string()
        .toLowerCase()
        .regex(
          /^(audio\/|video\/)[\w.+-]+$|^application\/(octet-stream|ogg)$/,
          'expected audio/…, video/… or application/octet-stream',
        ),
      sizeBytes: z
        .number()
        .int()
        .min(1, 'the file is empty')
        .max(maxSizeBytes, `larger than the limit of ${maxSizeBytes} bytes`),
      sha256: z
        .string()
        .toLowerCase()
        .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
        .nullish(),
    }),
    input,
  )
  const token = randomBytes(32).toString('base64url')
  const [row] = await database
    .insert(uploads)
    .values({
      name: upload.name,
      contentType: upload.contentType,
      sizeBytes: upload.sizeBytes,
      expectedSha256: upload.sha256 ?? null,
      tokenSha256: sha256(token).toString('hex'),
    })
    .returning({ id: uploads.id, expiresAt: uploads.expiresAt })
  return { ...row, token }
}

/** Compares a token with the kept hash, in a time that tells nothing about either. */
export function isToken(token: string, tokenSha256: string): boolean {
  const expected = Buffer.from(tokenSha256, 'hex')
  return expected.length === 32 && timingSafeEqual(sha256(token), expected)
}

/** Compares two secrets of any length, in a time that tells nothing about either. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected))
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()
