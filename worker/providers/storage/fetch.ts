import { AppError, NotFound } from '../../errors.ts'
import type { Download } from '../../net/download.ts'
import type { Retrieved } from './contract.ts'

/** Fetches a stored file from a public gateway. @throws NotFound when the gateway does not know it (404, 410) */
export async function fetchStored(
  download: Download,
  url: string,
  path: string,
  options: { readonly maxBytes: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Retrieved> {
  try {
    const { sizeBytes, sha256 } = await download(url, path, { ...options, idleTimeoutMs: 30_000 })
    return { sizeBytes, sha256 }
  } catch (error) {
    if (error instanceof AppError && (error.details.status === 404 || error.details.status === 410)) {
      throw new NotFound('the storage service has no such file (any more)', { cause: error })
    }
    throw error
  }
}
