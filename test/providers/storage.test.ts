import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { archive } from '../../worker/providers/archive/index.ts'
import type { StorableFile, Storage } from '../../worker/providers/storage/contract.ts'
import { storage } from '../../worker/providers/storage/index.ts'
import { chosen } from '../support/provider.ts'
import { startS3 } from '../support/s3.ts'
import { startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-storage-'))
})

async function makeFile(bytes: Uint8Array, name = 'song ü.flac'): Promise<StorableFile> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path, sha256, sizeBytes: bytes.length, contentType: 'audio/flac', name }
}

/** A service that keeps uploads in memory, in Grove's wire format. */
async function startGrove(): Promise<Vendor> {
  const files = new Map<string, { body: Buffer; polls: number }>()
  const vendor: Vendor = await startVendor({
    'POST /': ({ body }) => {
      const key = createHash('sha256').update(body).digest('hex')
      files.set(key, { body, polls: 0 })
      const url = `${vendor.url}/${key}`
      return {
        json: [{ storage_key: key, uri: `lens://${key}`, gateway_url: url, status_url: `${vendor.url}/status/${key}` }],
      }
    },
    'GET /status/*': (_request, [key]) => {
      const file = files.get(key)
      if (!file) return { status: 404, json: { message: 'not found' } }
      return { json: { storage_key: key, status: file.polls++ > 0 ? 'done' : 'new', progress: 0 } }
    },
    'GET /*': (_request, [key]) => {
      const file = files.get(key)
      return file ? { headers: { 'content-type': 'audio/flac' }, body: file.body } : { status: 404 }
    },
  })
  return vendor
}

/** The upload agent and the gateway of load.network in one. */
async function startLoadNetwork(): Promise<Vendor> {
  const files = new Map<string, Buffer>()
  return startVendor({
    'POST /upload': async (request) => {
      if (request.headers.authorization !== 'Bearer load_acc_secret')
        return { status: 401, json: { error: 'unauthorized' } }
      const form = await request.form()
      const file = form.get('file')
      if (!(file instanceof File) || form.get('content_type') !== file.type)
        return { status: 400, json: { error: 'no file' } }
      const body = Buffer.from(await file.arrayBuffer())
      const id = createHash('sha256').update(body).digest('base64url')
      files.set(id, body)
      return { json: { dataitem_id: id, success: true } }
    },
    'GET /resolve/*': (_request, [id]) => {
      const body = files.get(id)
      return body ? { body } : { status: 404 }
    },
  })
}

interface Setup extends AsyncDisposable {
  readonly storage: Storage
  readonly vendor: Vendor | null
}

const setups: Record<string, () => Promise<Setup>> = {
  embedded: async () => {
    const environment = { REFRAIN_DATA_DIR: folder, STORAGE_URL: 'https://refrain.test/ipfs/' }
    return { storage: chosen(storage, environment), vendor: null, [Symbol.asyncDispose]: async () => {} }
  },
  grove: async () => {
    const vendor = await startGrove()
    const made = chosen(storage, { STORAGE_PROVIDER: 'grove', GROVE_URL: vendor.url })
    return { storage: made, vendor, [Symbol.asyncDispose]: vendor.close }
  },
  'load-network': async () => {
    const vendor = await startLoadNetwork()
    const made = chosen(storage, {
      STORAGE_PROVIDER: 'load-network',
      LOAD_NETWORK_KEY: 'load_acc_secret',
      LOAD_NETWORK_URL: vendor.url,
      LOAD_NETWORK_GATEWAY_URL: vendor.url,
      LOAD_NETWORK_MAX_BYTES: '1000000',
    })
    return { storage: made, vendor, [Symbol.asyncDispose]: vendor.close }
  },
  s3: async () => {
    const server = await startS3()
    const made = chosen(storage, { STORAGE_PROVIDER: 's3', ...server.environment, AWS_S3_PREFIX: 'songs/' })
    return { storage: made, vendor: null, [Symbol.asyncDispose]: server.close }
  },
}

for (const [name, setUp] of Object.entries(setups)) {
  test(`${name}: what was stored comes back byte for byte, also after storing it twice`, async () => {
    await using at = await setUp()
    const file = await makeFile(Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251)))
    const stored = await at.storage.store(file, { signal })
    expect(stored).toMatchObject({
      provider: name,
      sizeBytes: 70_000,
      contentType: 'audio/flac',
      sha256: file.sha256,
    })
    expect(stored.url).toContain(stored.id)
    await at.storage.store(file, { signal })
    await rm(file.path)
    const path = join(folder, 'back')
    expect(await at.storage.retrieve(stored.id, path, { signal })).toEqual({ sizeBytes: 70_000, sha256: file.sha256 })
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(file.sha256)
  })

  test(`${name}: a file that is not there is NotFound and leaves nothing behind`, async () => {
    await using at = await setUp()
    for (const id of ['a'.repeat(64), 'a'.repeat(43), '../../etc/passwd', '']) {
      const path = join(folder, 'back')
      await expect(at.storage.retrieve(id, path, { signal })).rejects.toMatchObject({ kind: 'NOT_FOUND' })
    }
    expect(await readdir(folder)).toEqual([])
  })

  test(`${name}: an empty file and one that changed since it was described are refused`, async () => {
    await using at = await setUp()
    await expect(at.storage.store(await makeFile(Buffer.alloc(0)), { signal })).rejects.toMatchObject({
      kind: 'INVALID_INPUT',
    })
    const file = await makeFile(Buffer.from('abc'))
    await expect(at.storage.store({ ...file, sizeBytes: 4 }, { signal })).rejects.toThrow('the file changed')
    expect(at.vendor?.requests ?? []).toHaveLength(0)
  })

  test(`${name}: a file above the limit is refused before anything is sent, and the message names both sizes`, async () => {
    await using at = await setUp()
    const { maxBytes } = at.storage
    if (maxBytes === null) return
    const file = await makeFile(Buffer.from('abc'))
    await truncate(file.path, maxBytes + 1)
    const error = at.storage.store({ ...file, sizeBytes: maxBytes + 1 }, { signal })
    await expect(error).rejects.toThrow(/takes at most .* MB/)
    expect(at.vendor?.requests ?? []).toHaveLength(0)
  })

  test(`${name}: an abort is honoured`, async () => {
    await using at = await setUp()
    const aborted = AbortSignal.abort(new Error('canceled'))
    await expect(at.storage.store(await makeFile(Buffer.from('abc')), { signal: aborted })).rejects.toThrow('canceled')
    await expect(at.storage.retrieve('a'.repeat(43), join(folder, 'x'), { signal: aborted })).rejects.toThrow(
      /canceled|43/,
    )
  })
}

test('embedded: bytes with another hash than described are refused, and a damaged file is noticed', async () => {
  await using at = await setups.embedded()
  const file = await makeFile(Buffer.from('abc'))
  await expect(at.storage.store({ ...file, sha256: '0'.repeat(64) }, { signal })).rejects.toThrow('another SHA-256')
  const { id } = await at.storage.store(file, { signal })
  await writeFile(join(folder, 'storage', file.sha256.slice(0, 2), file.sha256), 'abd')
  await expect(at.storage.retrieve(id, join(folder, 'back'), { signal })).rejects.toThrow('damaged')
  expect((await readdir(folder)).sort()).toEqual([file.name, 'storage'])
})

test('grove: the key that the service gave is polled until stored; failures and faults are told apart', async () => {
  await using at = await setups.grove()
  const vendor = at.vendor!
  const file = await makeFile(Buffer.from('abc'))
  vendor.inject('POST /', { status: 500 }, { status: 429, headers: { 'retry-after': '0' } }, 'truncate')
  await at.storage.store(file, { signal })
  const uploads = vendor.requests.filter(({ method }) => method === 'POST')
  expect(uploads).toHaveLength(4)
  expect(uploads[3].body.toString()).toBe('abc')
  expect(uploads[3].headers).toMatchObject({ 'content-type': 'audio/flac', 'content-length': '3' })
  expect(uploads[3].query.get('chain_id')).toBe('37111')

  vendor.inject('GET /status/*', { json: { status: 'error_upload' } })
  await expect(at.storage.store(file, { signal })).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  vendor.inject('POST /', { json: [] })
  await expect(at.storage.store(file, { signal })).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  vendor.inject('POST /', { json: [{ storage_key: '../../x', uri: 'lens://x' }] })
  await expect(at.storage.store(file, { signal })).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
})

test('load-network: a refused key is a rejection without the key in it; tags carry name and hash', async () => {
  await using at = await setups['load-network']()
  const vendor = at.vendor!
  const file = await makeFile(Buffer.from('abc'))
  await at.storage.store(file, { signal })
  const form = await vendor.requests[0].form()
  expect(JSON.parse(String(form.get('tags')))).toEqual([
    { key: 'File-Name', value: 'song ü.flac' },
    { key: 'SHA-256', value: file.sha256 },
  ])
  vendor.inject('POST /upload', { status: 401, json: { error: 'load_acc_secret is not valid' } })
  const error = await at.storage.store(file, { signal }).catch((error: unknown) => error)
  expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(String(error)).not.toContain('load_acc_secret')
})

test('embedded: the id is the content id that any IPFS tool gives the same bytes as one raw block', async () => {
  await using at = await setups.embedded()
  const { id, url } = await at.storage.store(await makeFile(Buffer.from('hello world')), { signal })
  expect(id).toBe('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')
  expect(url).toBe(`https://refrain.test/ipfs/${id}`)
})

test('storage and archive are two places: what is emptied from one is still in the other', async () => {
  const environment = { REFRAIN_DATA_DIR: folder }
  const file = await makeFile(Buffer.from('abc'))
  const kept = await chosen(archive, environment).store(file, { signal })
  const passing = await chosen(storage, environment).store(file, { signal })
  expect(passing.id).toBe(kept.id)
  await rm(join(folder, 'storage'), { recursive: true })
  const back = join(folder, 'back')
  await expect(chosen(storage, environment).retrieve(kept.id, back, { signal })).rejects.toMatchObject({
    kind: 'NOT_FOUND',
  })
  expect(await chosen(archive, environment).retrieve(kept.id, back, { signal })).toMatchObject({ sha256: file.sha256 })
})

test('s3: a large file arrives with exactly its bytes and is fetched by range from its public address', async () => {
  const server = await startS3()
  try {
    const made = chosen(storage, { STORAGE_PROVIDER: 's3', ...server.environment })
    const bytes = Buffer.alloc(6_291_456, 'karaoke ')
    const { url, id } = await made.store(await makeFile(bytes), { signal })
    expect(url).toBe(`${server.environment.AWS_S3_ENDPOINT}/${server.environment.AWS_S3_BUCKET}/${id}`)
    const head = await fetch(url, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe('6291456')
    expect(head.headers.get('content-type')).toBe('audio/flac')
    const part = await fetch(url, { headers: { range: 'bytes=8-14' } })
    expect([part.status, await part.text()]).toEqual([206, 'karaoke'])
  } finally {
    await server.close()
  }
})

test('s3: bytes with another hash than described are refused, and an unknown access key is a rejection that does not show it', async () => {
  const server = await startS3()
  try {
    const file = await makeFile(Buffer.from('abc'))
    const right = chosen(storage, { STORAGE_PROVIDER: 's3', ...server.environment })
    await expect(right.store({ ...file, sha256: '0'.repeat(64) }, { signal })).rejects.toThrow('another SHA-256')
    const unknown = { AWS_ACCESS_KEY_ID: 'key-of-nobody', AWS_SECRET_ACCESS_KEY: 'secret-of-nobody' }
    const wrong = chosen(storage, { STORAGE_PROVIDER: 's3', ...server.environment, ...unknown })
    const error = await wrong.store(file, { signal }).catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
    expect(JSON.stringify(error) + String(error)).not.toMatch(/of-nobody|Signature=/)
  } finally {
    await server.close()
  }
})

test('s3: what is not configured is named', () => {
  const choice = storage.choose({ STORAGE_PROVIDER: 's3' })
  expect(choice.ok ? [] : choice.issues).toEqual([
    expect.stringContaining('AWS_S3_BUCKET is missing'),
    expect.stringContaining('AWS_ACCESS_KEY_ID is missing'),
  ])
})
