import { openAsBlob } from 'node:fs'
import { z } from 'zod'
import { AppError, InvalidInput, NotFound } from '../../errors.ts'
import { hashFile } from '../../net/hash-file.ts'
import { type Bucket, presign } from '../../net/presign.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import { cidOf, sha256Of } from './cid.ts'
import type { Storage } from './contract.ts'
import { assertStorable } from './file.ts'

/** What one PUT may carry. */
const MAX_BYTES = 5_000_000_000
/** Long enough for an upload of that size, short enough for a URL that must not leak. */
const URL_LIFE_SECONDS = 3_600

const environment = z.object({
  AWS_S3_BUCKET: z.string().meta({ description: 'bucket of an S3-compatible service' }),
  AWS_REGION: z.string().default('us-east-1').meta({ description: 'region of the bucket' }),
  AWS_S3_ENDPOINT: z
    .url()
    .optional()
    .meta({ description: 'address of the S3-compatible service; unset is Amazon’s in the region' }),
  AWS_S3_PREFIX: z
    .string()
    .regex(/^[\w./-]*$/, 'expected letters, digits and ./-_')
    .default('')
    .meta({ description: 'folder within the bucket' }),
  AWS_S3_PUBLIC_URL: z
    .url()
    .optional()
    .meta({ description: 'where the bucket is read without credentials, such as a CDN; unset is the service itself' }),
  AWS_S3_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(600_000)
    .meta({ description: 'time limit of an upload or a fetch' }),
  AWS_ACCESS_KEY_ID: z.string().meta({ description: 'access key id', isSecret: true }),
  AWS_SECRET_ACCESS_KEY: z
    .string()
    .default('')
    .meta({ description: 'secret access key; some services take an empty one', isSecret: true }),
})

/**
 * S3 and what speaks its language: objects are named by the content id of their bytes. Requests carry their signature in the
 * address and the file as a plain body with its length, which every such service understands.
 */
export const s3 = defineProvider({
  name: 's3',
  environment,
  create: (settings, deps) => createS3(settings, deps),
})

function createS3(settings: z.output<typeof environment>, { http }: ProviderDeps): Storage {
  const bucket: Bucket = {
    endpoint: settings.AWS_S3_ENDPOINT ?? `https://s3.${settings.AWS_REGION}.amazonaws.com`,
    bucket: settings.AWS_S3_BUCKET,
    region: settings.AWS_REGION,
    accessKeyId: settings.AWS_ACCESS_KEY_ID,
    secretAccessKey: settings.AWS_SECRET_ACCESS_KEY,
  }
  const prefix = settings.AWS_S3_PREFIX.replace(/^\/+|\/+$/g, '')
  const keyOf = (cid: string) => (prefix ? `${prefix}/${cid}` : cid)
  const publicUrl = (settings.AWS_S3_PUBLIC_URL ?? `${bucket.endpoint.replace(/\/+$/, '')}/${bucket.bucket}`).replace(
    /\/+$/,
    '',
  )
  const limits = { timeoutMs: settings.AWS_S3_TIMEOUT_MS, totalMs: settings.AWS_S3_TIMEOUT_MS * 2 }
  return {
    maxBytes: MAX_BYTES,
    async store(file, { signal }) {
      await assertStorable('S3', file, MAX_BYTES)
      const { sha256, sizeBytes, contentType } = file
      // The name promises the content: bytes of another hash must not come under it.
      if ((await hashFile(file.path, signal)) !== sha256)
        throw new InvalidInput(`${file.name}: its bytes have another SHA-256 than described`)
      const id = cidOf(sha256)
      await http.request(presign(bucket, 'PUT', keyOf(id), URL_LIFE_SECONDS), {
        method: 'PUT',
        headers: { 'content-type': contentType },
        body: await openAsBlob(file.path, { type: contentType }),
        ...limits,
        signal,
      })
      return { provider: 's3', id, url: `${publicUrl}/${keyOf(id)}`, sizeBytes, contentType, sha256 }
    },
    async retrieve(id, path, { signal }) {
      signal.throwIfAborted()
      const sha256 = sha256Of(id)
      if (sha256 === null) throw new NotFound('S3: expected the content id of a stored file')
      try {
        const saved = await http.save(presign(bucket, 'GET', keyOf(id), URL_LIFE_SECONDS), path, {
          maxBytes: MAX_BYTES,
          ...limits,
          signal,
        })
        return { sizeBytes: saved.sizeBytes, sha256: saved.sha256 }
      } catch (error) {
        if (error instanceof AppError && error.details.status === 404)
          throw new NotFound(`S3: the bucket has no file ${id}`, { cause: error })
        throw error
      }
    },
  }
}
