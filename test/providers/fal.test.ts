import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { decodePcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import { probe } from '../../worker/media/ffmpeg/probe.ts'
import { crossFade, planChunks } from '../../worker/providers/enhancement/chunks.ts'
import type { Enhancement } from '../../worker/providers/enhancement/contract.ts'
import { enhancement } from '../../worker/providers/enhancement/index.ts'
import { chosen } from '../support/provider.ts'
import { type Reply, startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
const RATE = 8_000
const KEY = 'fal-key:topsecret'
const SUBMIT = 'POST /fal-ai/stable-audio-25/audio-to-audio'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-fal-'))
})

interface Service extends Vendor {
  model: { polls: number; result: Reply | null; shortenBytes: number }
  inputs(): Record<string, unknown>[]
}

/** Queue, storage and file host of fal.ai; the “model” gives back what it got. */
async function startFal(): Promise<Service> {
  const files = new Map<string, Buffer>()
  const jobs = new Map<string, { polls: number; audio: string }>()
  const model = { polls: 1, result: null as Reply | null, shortenBytes: 0 }
  const isKnown = (headers: Record<string, unknown>) => headers.authorization === `Key ${KEY}`
  const vendor: Vendor = await startVendor({
    'POST /storage/upload/initiate': ({ headers }) => {
      if (!isKnown(headers)) return { status: 401, json: { detail: 'Cannot access application' } }
      const name = `file-${files.size + 1}.wav`
      files.set(name, Buffer.alloc(0))
      return { json: { upload_url: `${vendor.url}/put/${name}?sig=abc`, file_url: `${vendor.url}/files/${name}` } }
    },
    'PUT /put/*': ({ body, headers }, [name]) => {
      if (headers.authorization) return { status: 400 }
      files.set(name, body)
      return {}
    },
    'GET /files/*': (_request, [name]) => {
      const file = files.get(name)
      return file ? { headers: { 'content-type': 'audio/wav' }, body: file } : { status: 404 }
    },
    [SUBMIT]: (request) => {
      const id = `r${jobs.size + 1}`
      jobs.set(id, { polls: 0, audio: String((request.json() as Record<string, unknown>).audio_url) })
      // The sub-path of the model is not part of a job's address.
      const job = `${vendor.url}/fal-ai/stable-audio-25/requests/${id}`
      return {
        json: {
          status: 'IN_QUEUE',
          request_id: id,
          response_url: job,
          status_url: `${job}/status`,
          cancel_url: `${job}/cancel`,
          queue_position: 0,
        },
      }
    },
    'GET /fal-ai/stable-audio-25/requests/*/status': (_request, [id]) => {
      const job = jobs.get(id)
      if (!job) return { status: 404, json: { detail: 'Request not found' } }
      return { json: { status: job.polls++ < model.polls ? 'IN_PROGRESS' : 'COMPLETED', request_id: id } }
    },
    'GET /fal-ai/stable-audio-25/requests/*': (_request, [id]) => {
      if (model.result) return model.result
      const source = files.get(jobs.get(id)!.audio.split('/').at(-1)!)!
      files.set(`out-${id}.wav`, source.subarray(0, source.length - model.shortenBytes))
      const url = `${vendor.url}/files/out-${id}.wav`
      return { json: { audio: { url, content_type: 'audio/wav', file_name: 'a.wav', file_size: 1 }, seed: 1 } }
    },
    'PUT /fal-ai/stable-audio-25/requests/*/cancel': () => ({
      status: 202,
      json: { status: 'CANCELLATION_REQUESTED' },
    }),
  })
  const sent = () => vendor.requests.filter(({ method, path }) => `${method} ${path}` === SUBMIT)
  return { ...vendor, model, inputs: () => sent().map((request) => request.json() as Record<string, unknown>) }
}

function provider(vendor: Vendor, more: Record<string, string> = {}): Enhancement {
  return chosen(enhancement, {
    ENHANCEMENT_PROVIDER: 'fal',
    FAL_KEY: KEY,
    FAL_QUEUE_URL: vendor.url,
    FAL_STORAGE_URL: vendor.url,
    FAL_POLL_MS: '10',
    ENHANCE_CHUNK_SECONDS: '10',
    ENHANCE_OVERLAP_SECONDS: '2',
    REFRAIN_DATA_DIR: join(folder, 'data'),
    ...more,
  })
}

async function request(frames: number, level = 0.1, aborts = signal) {
  const workspacePath = await mkdtemp(join(folder, 'work-'))
  const instrumentalPath = join(folder, 'instrumental.flac')
  // Slowly louder, so that no two chunks are the same.
  const at = (frame: number, hz: number) => level * (1 + frame / frames) * Math.sin((2 * Math.PI * hz * frame) / RATE)
  const samples = Float32Array.from({ length: frames * 2 }, (_, i) => at(i >> 1, i % 2 ? 300 : 200))
  await writeFlac(instrumentalPath, { sampleRateHz: RATE, channels: 2, bitDepth: 24, signal }, [samples])
  const vocalsPath = join(folder, 'vocals.flac')
  await writeFile(vocalsPath, '')
  return { instrumentalPath, vocalsPath, workspacePath, onProgress: () => {}, signal: aborts }
}

const pcm = (path: string) => decodePcm(path, { sampleRateHz: RATE, channels: 2, signal })

test('chunks cover the song, none is too long, and neighbours share exactly the overlap', () => {
  for (const total of [1, 9, 10, 11, 12, 18, 19, 25, 100, 12_345]) {
    const chunks = planChunks(total, 10, 2)
    expect(chunks[0].startFrame).toBe(0)
    expect(chunks.at(-1)!.startFrame + chunks.at(-1)!.frames).toBe(total)
    for (const [i, { startFrame, frames }] of chunks.entries()) {
      expect(frames).toBeLessThanOrEqual(10)
      expect(frames).toBeGreaterThan(total > 10 ? 4 : 0)
      if (i > 0) expect(chunks[i - 1].startFrame + chunks[i - 1].frames - startFrame).toBe(2)
    }
  }
})

test('a cross-fade keeps equal sound as it is and the power of unrelated sound even', () => {
  const same = Float32Array.from({ length: 2_000 }, (_, i) => Math.sin(i / 7))
  const faded = same.slice()
  crossFade(faded, same, 2)
  expect(Math.max(...faded.map((sample, i) => Math.abs(sample - same[i])))).toBeLessThan(1e-6)

  let seed = 1
  const noise = () =>
    Float32Array.from({ length: 200_000 }, () => (seed = (seed * 16807) % 2147483647) / 1073741823 - 1)
  const mixed = noise()
  crossFade(mixed, noise(), 1)
  const power = (from: number) => mixed.subarray(from, from + 20_000).reduce((sum, x) => sum + x * x, 0) / 20_000
  for (const from of [0, 50_000, 90_000, 150_000, 180_000]) expect(power(from)).toBeCloseTo(1 / 3, 1)
  const silence = new Float32Array(10)
  crossFade(silence, new Float32Array(10), 1)
  expect(silence).toEqual(new Float32Array(10))
})

test('a long song comes back in its format and exact length, without a trace of the joins, at its loudness', async () => {
  await using service = await startFal()
  const frames = 25 * RATE + 123
  const asked = await request(frames)
  const enhanced = await provider(service).enhance(asked)
  const { audio } = await probe(enhanced.audioPath, { signal })
  expect(audio).toMatchObject({ codec: 'flac', sampleRateHz: RATE, channels: 2 })
  const [before, after] = await Promise.all([pcm(asked.instrumentalPath), pcm(enhanced.audioPath)])
  expect(after.map((side) => side.length)).toEqual([frames, frames])
  const gain = Math.max(...after[0].slice(0, RATE)) / Math.max(...before[0].slice(0, RATE))
  expect(gain).toBeGreaterThan(1.1)
  for (const side of [0, 1]) {
    const worst = after[side].reduce((max, sample, i) => Math.max(max, Math.abs(sample - gain * before[side][i])), 0)
    expect(worst).toBeLessThan(0.001)
  }
  expect(enhanced.loudnessLufs).toBeCloseTo(-14, 0)
  expect(enhanced.truePeakDbtp).toBeLessThanOrEqual(-0.9)
  expect(enhanced.method).toContain('stable-audio-25')
  const inputs = service.inputs()
  expect(inputs).toHaveLength(3)
  for (const input of inputs) {
    expect(input).toMatchObject({ total_seconds: 10, strength: 0.3, prompt: expect.stringContaining('no vocals') })
  }
  expect(await readdir(asked.workspacePath)).toEqual(['enhanced.flac'])
  expect(await readdir(join(folder, 'data', 'submissions'))).toEqual([])
})

test('a song shorter than the model takes is sent with silence and comes back as short as it was; silence stays silent', async () => {
  await using service = await startFal()
  const enhanced = await provider(service).enhance(await request(1_000, 0))
  expect((await pcm(enhanced.audioPath)).map((side) => [side.length, Math.max(...side)])).toEqual([
    [1_000, 0],
    [1_000, 0],
  ])
  expect(enhanced.loudnessLufs).toBe(null)
  expect(service.inputs()[0]).toMatchObject({ total_seconds: 6 })
})

test('a model that fails, answers in another form or gives too little is a rejection, and the next attempt is a new job', async () => {
  await using service = await startFal()
  const asked = await request(7 * RATE)
  const results: Reply[] = [
    { status: 422, json: { detail: [{ loc: ['body', 'audio_url'], msg: 'Audio too long', type: 'audio_too_long' }] } },
    { json: { audio_file: { url: 'x' } } },
    { json: { audio: { url: 'http://169.254.169.254/latest/meta-data' } } },
    { json: { audio: { url: 'file:///etc/passwd' } } },
  ]
  for (const result of results) {
    service.model.result = result
    await expect(provider(service).enhance(asked)).rejects.toMatchObject({ kind: 'PROVIDER_REJECTED' })
  }
  expect(service.inputs()).toHaveLength(4)
  service.model.result = null
  service.model.shortenBytes = RATE * 4
  await expect(provider(service).enhance(asked)).rejects.toThrow(/expected 7.0 s of sound/)
})

test('a result that expired is fetched anew from a new job', async () => {
  await using service = await startFal()
  const asked = await request(7 * RATE)
  service.model.result = { json: { audio: { url: `${service.url}/files/gone.wav` } } }
  await expect(provider(service).enhance(asked)).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
  service.model.result = null
  await provider(service).enhance(asked)
  expect(service.inputs()).toHaveLength(2)
})

test('faults on the way are waited out; jobs done before one that failed are not paid for twice', async () => {
  await using service = await startFal()
  const asked = await request(15 * RATE)
  service.inject('POST /storage/upload/initiate', { status: 500 })
  service.inject('PUT /put/*', { status: 503 })
  service.inject(SUBMIT, { status: 429, headers: { 'retry-after': '0' } })
  service.inject('GET /fal-ai/stable-audio-25/requests/*/status', { status: 502 }, 'truncate')
  service.inject('GET /files/out-r2.wav', 'truncate')
  await expect(provider(service).enhance(asked)).rejects.toMatchObject({ kind: 'PROVIDER_UNAVAILABLE' })
  await provider(service).enhance(asked)
  // Two chunks, and the one that was refused with 429.
  expect(service.inputs()).toHaveLength(3)
})

test('a job that never ends is canceled; one that an abort left running is taken up', async () => {
  await using service = await startFal()
  const asked = await request(7 * RATE)
  service.model.polls = Infinity
  await expect(provider(service, { FAL_TIMEOUT_MS: '1000' }).enhance(asked)).rejects.toThrow('not done within 1 s')
  expect(service.requests.at(-1)?.path).toContain('/cancel')
  const controller = new AbortController()
  const seen = service.requests.length
  const isAsked = () => service.requests.slice(seen).some(({ path }) => path.includes('/status'))
  void vi.waitUntil(isAsked, { timeout: 20_000 }).then(() => controller.abort(new Error('shutting down')))
  await expect(provider(service).enhance({ ...asked, signal: controller.signal })).rejects.toThrow('shutting down')
  service.model.polls = 0
  await provider(service).enhance(asked)
  expect(service.inputs()).toHaveLength(2)
})

test('the key goes only where the configuration says, and is shown nowhere', async () => {
  await using service = await startFal()
  await using other = await startFal()
  const asked = await request(7 * RATE)
  const job = `${other.url}/fal-ai/stable-audio-25/requests/r1`
  service.inject(SUBMIT, {
    json: { request_id: 'r1', status_url: `${job}/status`, response_url: job, cancel_url: `${job}/cancel` },
  })
  await expect(provider(service).enhance(asked)).rejects.toThrow('expected an address at')
  service.inject('POST /storage/upload/initiate', {
    json: { upload_url: `${other.url}/put/x`, file_url: `${service.url}/files/x` },
  })
  await expect(provider(service).enhance(asked)).rejects.toThrow('expected an address at')
  expect(other.requests).toHaveLength(0)
  const error = await provider(service, { FAL_KEY: 'wrongkey123' })
    .enhance(asked)
    .catch((error: unknown) => error)
  expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(String(error)).not.toContain('wrongkey123')
})
