import { openAsBlob } from 'node:fs'
import { z } from 'zod'
import { NotFound } from '../../errors.ts'
import { defineProvider, type ProviderDeps } from '../capability.ts'
import type { Storage } from './contract.ts'
import { fetchStored } from './fetch.ts'
import { assertStorable } from './file.ts'

const DATA_ITEM = /^[\w-]{43}$/
const Uploaded = z.object({ dataitem_id: z.string().regex(DATA_ITEM) })

const environment = z.object({
  LOAD_NETWORK_KEY: z.string().meta({ description: 'access key of load.network (`load_acc_…`)', isSecret: true }),
  LOAD_NETWORK_URL: z
    .url()
    .default('https://load-s3-agent.load.network')
    .meta({ description: 'load.network’s upload agent' }),
  LOAD_NETWORK_GATEWAY_URL: z
    .url()
    .default('https://gateway.s3-node-1.load.network')
    .meta({ description: 'load.network’s gateway, for reading' }),
  LOAD_NETWORK_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(262_144_000)
    .meta({ description: 'largest file the upload agent takes' }),
  LOAD_NETWORK_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(300_000)
    .meta({ description: 'time limit of an upload or a fetch' }),
})

/**
 * load.network's S3 agent: files become signed data items, found again by their id and by the tags `Content-Type`,
 * `File-Name` and `SHA-256`. A second copy of the same bytes harms nobody, so an upload may be repeated.
 */
export const loadNetwork = defineProvider({
  name: 'load-network',
  environment,
  create: (settings, deps) => createLoadNetwork(settings, deps),
})

function createLoadNetwork(settings: z.output<typeof environment>, { http, download }: ProviderDeps): Storage {
  const maxBytes = settings.LOAD_NETWORK_MAX_BYTES
  const timeoutMs = settings.LOAD_NETWORK_TIMEOUT_MS
  const urlOf = (id: string) => `${settings.LOAD_NETWORK_GATEWAY_URL.replace(/\/+$/, '')}/resolve/${id}`
  return {
    maxBytes,
    async store(file, { signal }) {
      await assertStorable('load.network', file, maxBytes)
      const { sha256, sizeBytes, contentType } = file
      const form = new FormData()
      form.set('file', await openAsBlob(file.path, { type: contentType }), file.name)
      form.set('content_type', contentType)
      form.set('tags', JSON.stringify([tag('File-Name', file.name), tag('SHA-256', sha256)]))
      const { dataitem_id: id } = await http.json(`${settings.LOAD_NETWORK_URL.replace(/\/+$/, '')}/upload`, Uploaded, {
        method: 'POST',
        headers: { authorization: `Bearer ${settings.LOAD_NETWORK_KEY}` },
        body: form,
        idempotent: true,
        timeoutMs,
        totalMs: timeoutMs * 2,
        signal,
      })
      return { provider: 'load-network', id, url: urlOf(id), sizeBytes, contentType, sha256 }
    },
    async retrieve(id, path, { signal }) {
      if (!DATA_ITEM.test(id)) throw new NotFound('load.network: expected a data item’s id of 43 characters')
      return fetchStored(download, urlOf(id), path, { maxBytes, timeoutMs, signal })
    },
  }
}

function tag(key: string, value: string): { key: string; value: string } {
  return { key, value }
}
