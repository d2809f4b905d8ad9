import { openAsBlob } from 'node:fs'
import { z } from 'zod'
import { NotFound, ProviderRejected, ProviderUnavailable } from '../../errors.ts'
import { wait } from '../../net/wait.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import type { Storage } from './contract.ts'
import { fetchStored } from './fetch.ts'
import { assertStorable } from './file.ts'

const MAX_BYTES = 125_000_000
const FAILED = /^(error_|unauthorized)/

const Uploaded = z
  .array(z.object({ storage_key: z.string().regex(/^[\w-]+$/), uri: z.string(), gateway_url: z.url().optional() }))
  .min(1)
const Status = z.object({ status: z.string() })

const environment = z.object({
  GROVE_URL: z.url().default('https://api.grove.storage').meta({ description: 'Grove’s API' }),
  GROVE_CHAIN_ID: z.coerce
    .number()
    .int()
    .positive()
    .default(37111)
    .meta({ description: 'chain that the files’ access rule names; 232 is Lens mainnet, 37111 its testnet' }),
  GROVE_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(300_000)
    .meta({ description: 'time limit of an upload, and of the wait until the file can be fetched' }),
})

/**
 * Grove, the storage of Lens. Files are immutable and public; anybody with the key reads them.
 * An upload has no idempotency key, but a second copy of the same bytes costs nothing and harms nobody, so it may be repeated.
 */
export const grove = defineProvider({
  name: 'grove',
  environment,
  create: (settings, deps) => createGrove(settings, deps),
})

function createGrove(settings: z.output<typeof environment>, { http, download }: ProviderDeps): Storage {
  const base = settings.GROVE_URL.replace(/\/+$/, '')
  const timeoutMs = settings.GROVE_TIMEOUT_MS
  return {
    maxBytes: MAX_BYTES,
    async store(file, { signal }) {
      await assertStorable('Grove', file, MAX_BYTES)
      const [uploaded] = await http.json(`${base}/?chain_id=${settings.GROVE_CHAIN_ID}`, Uploaded, {
        method: 'POST',
        headers: { 'content-type': file.contentType },
        body: await openAsBlob(file.path, { type: file.contentType }),
        idempotent: true,
        timeoutMs,
        totalMs: timeoutMs * 2,
        signal,
      })
      if (!uploaded) throw new ProviderRejected('grove', 'expected the key of the stored file, got an empty list')
      const id = uploaded.storage_key
      await waitUntilStored(id, signal)
      const { sha256, sizeBytes, contentType } = file
      return { provider: 'grove', id, url: uploaded.gateway_url ?? `${base}/${id}`, sizeBytes, contentType, sha256 }
    },
    async retrieve(id, path, { signal }) {
      if (!/^[\w-]+$/.test(id)) throw new NotFound('grove: expected a storage key of letters and digits')
      return fetchStored(download, `${base}/${id}`, path, { maxBytes: MAX_BYTES, timeoutMs, signal })
    },
  }

  async function waitUntilStored(id: string, signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (true) {
      const { status } = await http.json(`${base}/status/${id}`, Status, { signal })
      if (status === 'done' || status === 'available') return
      if (FAILED.test(status))
        throw new ProviderRejected('grove', `expected the file to be stored, got status ${status}`)
      if (performance.now() > deadlineMs) {
        throw new ProviderUnavailable(
          'grove',
          `the file was not stored within ${timeoutMs / 1000} s (status ${status})`,
        )
      }
      await wait(500, signal)
    }
  }
}
