import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPublishingEngine, type PublishingEngine, sha256Hex } from './published-track.ts'

let engine: PublishingEngine
beforeEach(async () => {
  engine = await createPublishingEngine(null)
})
afterEach(() => engine?.close())

const PUBLISHED = `query ($id: ID!) { track(id: $id) { published {
  kind cid isDeliverable artifact { sha256 sizeBytes contentType } archive { provider id url } storage { provider id url }
} } }`
interface Published {
  readonly kind: string
  readonly cid: string
  readonly isDeliverable: boolean
  readonly artifact: { readonly sha256: string; readonly sizeBytes: number; readonly contentType: string }
  readonly archive: { readonly url: string } | null
  readonly storage: { readonly url: string } | null
}
async function published(id: number): Promise<Published[]> {
  const { track } = await engine.graphql<{ track: { published: Published[] } }>(PUBLISHED, { id: `Track:${id}` })
  return track.published
}
async function publishOne(environment: Record<string, string> = {}) {
  const { id } = await engine.addReadyTrack()
  await engine.startWorker(environment)
  await engine.untilIdle('artist')
  await engine.untilIdle('track')
  return id
}

test('deliverables are stored and archived, found by their content ids, and described by one document', async () => {
  const id = await publishOne()
  const files = await published(id)
  expect(files.map(({ kind, isDeliverable }) => [kind, isDeliverable])).toEqual([
    ['CLIP', true],
    ['METADATA', true],
    ['TIMING', true],
  ])
  for (const file of files) {
    expect(file.archive, file.kind).toMatchObject({ provider: 'embedded', id: file.cid, url: `/ipfs/${file.cid}` })
    expect(file.storage, file.kind).toMatchObject({ provider: 'embedded', id: file.cid })
    const response = await fetch(`${engine.api.url}/ipfs/${file.cid}`, {
      headers: { origin: 'https://player.example' },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    // A page reads a part of a file only where it may see which.
    expect(response.headers.get('access-control-expose-headers')).toContain('content-range')
    const preflight = await fetch(response.url, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://player.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'range',
      },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, 'range'])
    expect(response.headers.get('content-type')).toBe(file.artifact.contentType)
    expect(sha256Hex(new Uint8Array(await response.arrayBuffer()))).toBe(file.artifact.sha256)
  }
  const [clip, metadata, timing] = files
  const described = await (await fetch(`${engine.api.url}/ipfs/${metadata.cid}`)).json()
  expect(described).toMatchObject({
    format: 'refrain-clip',
    title: 'Lantern Road',
    artists: ['Mika Söderström'],
    clip: { startMs: 1000, endMs: 61_000, uri: `ipfs://${clip.cid}`, cid: clip.cid },
    timing: { uri: `ipfs://${timing.cid}` },
  })
  expect(await engine.query('select clip_url from karaoke_segments')).toEqual([{ clip_url: `ipfs://${clip.cid}` }])
})

test('source and stems go to the storage only where that is wanted, and never into the archive', async () => {
  const id = await publishOne({ STORE_INTERMEDIATES: 'true' })
  const passing = (await published(id)).filter((file) => !file.isDeliverable)
  expect(passing.map((file) => file.kind)).toEqual(['INSTRUMENTAL', 'SOURCE', 'VOCALS'])
  for (const file of passing) expect([file.archive, file.storage?.url]).toEqual([null, `/ipfs/${file.cid}`])
  expect(await engine.query('select * from storage_violations')).toEqual([])
})

test('a deliverable that is not in the archive is reported, and promote puts it there, keeping both addresses', async () => {
  const id = await publishOne()
  const reported = () =>
    engine.graphql<{ storageViolations: unknown[] }>('{ storageViolations { kind reason track { id } } }')
  expect((await reported()).storageViolations).toEqual([])
  // As after a day on which the archive did not take anything.
  await engine.query("delete from artifact_locations where role = 'archive'")
  await rm(join(engine.folder, 'archive'), { recursive: true })
  await engine.query(
    `update tasks set output = jsonb_set(output, '{clip,archive}', 'null') where stage = 'publish' and subject_id = $1`,
    [id],
  )
  expect((await reported()).storageViolations).toEqual(
    ['CLIP', 'METADATA', 'TIMING'].map((kind) => ({
      kind,
      reason: 'it is a deliverable and lies only with embedded',
      track: { id: `Track:${id}` },
    })),
  )
  await engine.graphql('mutation ($id: ID!) { runTrackPromote(trackId: $id) { __typename } }', { id: `Track:${id}` })
  await engine.untilIdle('track')
  const [clip] = await published(id)
  expect([clip.archive?.url, clip.storage?.url]).toEqual([`/ipfs/${clip.cid}`, `/ipfs/${clip.cid}`])
  const kept = join(engine.folder, 'archive', clip.artifact.sha256.slice(0, 2), clip.artifact.sha256)
  expect(sha256Hex(await readFile(kept))).toBe(clip.artifact.sha256)
  expect((await reported()).storageViolations).toHaveLength(2)
})

test('without a chain the clip is published all the same; what belongs on chain is skipped, with the reason', async () => {
  const id = await publishOne()
  const rows = await engine.rows('track', id)
  expect(rows.publish.status).toBe('completed')
  for (const stage of ['register_clip', 'encrypt'])
    expect(rows[stage], stage).toMatchObject({
      status: 'skipped',
      reason: expect.stringContaining('no chain is configured'),
    })
  expect(rows.prove_access.status).toBe('skipped')
})

test('the gateway refuses what is no content id, knows nothing that is not stored, and sends ranges', async () => {
  const id = await publishOne()
  const [clip] = await published(id)
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${engine.api.url}/ipfs/${path}`, { headers })
  expect((await ask('notacid')).status).toBe(400)
  expect((await ask('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')).status).toBe(404)
  const part = await ask(clip.cid, { range: 'bytes=10-19' })
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10])
  expect((await fetch(`${engine.api.url}/ipfs/${clip.cid}`, { method: 'POST' })).status).toBe(405)
})
