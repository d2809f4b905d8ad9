import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { decodePcm, writeFlac } from '../../worker/media/ffmpeg/pcm.ts'
import type { Separation } from '../../worker/providers/separation/contract.ts'
import { separation } from '../../worker/providers/separation/index.ts'
import { chosen } from '../support/provider.ts'
import { type Reply, startVendor, type Vendor } from '../support/vendor.ts'

const { signal } = new AbortController()
const RATE = 44_100
const FRAMES = 50_000
const SECRET = 'rp_topsecret'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refrain-demucs-'))
})

/** Interleaved stereo: one frequency on each side. */
function tones(frames: number, left: number, right: number, level: number): Float32Array {
  const at = (frame: number, hz: number) => level * Math.sin((2 * Math.PI * hz * frame) / RATE)
  return Float32Array.from({ length: frames * 2 }, (_, i) => at(i >> 1, i % 2 ? right : left))
}

async function flac(name: string, samples: Float32Array): Promise<string> {
  const path = join(folder, name)
  await writeFlac(path, { sampleRateHz: RATE, channels: 2, bitDepth: 24, signal }, [samples])
  return path
}

interface Service extends Vendor {
  /** What the worker makes of the song; the status it ends with. */
  worker: { vocals: Buffer; end: Reply; polls: number }
  readonly objects: Map<string, Buffer>
  submits(): number
}

/** RunPod, the worker on it, and the bucket, on one port. */
async function startService(vocals: Buffer): Promise<Service> {
  const objects = new Map<string, Buffer>()
  const jobs = new Map<string, { polls: number; input: Record<string, unknown> }>()
  const sha256 = createHash('sha256').update(vocals).digest('hex')
  const output = { ok: true, stems: [{ name: 'vocals', bytes: vocals.length, sha256 }], model: 'htdemucs_ft' }
  const worker = { vocals, end: { json: { status: 'COMPLETED', executionTime: 1, output } } as Reply, polls: 2 }
  const isSigned = (query: URLSearchParams) => query.get('X-Amz-Signature')?.length === 64
  const vendor = await startVendor({
    'POST /v2/demucs-1/run': (request) => {
      if (request.headers.authorization !== `Bearer ${SECRET}`)
        return { status: 401, json: { error: `bad key ${request.headers.authorization}` } }
      const { input } = request.json() as { input: Record<string, unknown> }
      const id = `job-${jobs.size + 1}`
      jobs.set(id, { polls: 0, input })
      return { json: { id, status: 'IN_QUEUE' } }
    },
    'GET /v2/demucs-1/status/*': async (_request, [id]) => {
      const job = jobs.get(id)
      if (!job) return { status: 404, json: { error: 'job not found' } }
      if (job.polls++ < worker.polls) return { json: { id, status: job.polls === 1 ? 'IN_QUEUE' : 'IN_PROGRESS' } }
      const song = await fetch(String(job.input.audio_url))
      if (!song.ok) return { json: { id, status: 'FAILED', error: `song: ${song.status}` } }
      const { vocals: put } = job.input.outputs as { vocals: string }
      if (worker.vocals.length) await fetch(put, { method: 'PUT', body: new Uint8Array(worker.vocals) })
      return worker.end
    },
    'POST /v2/demucs-1/cancel/*': () => ({ json: { status: 'CANCELLED' } }),
    'PUT /bucket/**': ({ body, query }, [key]) => {
      if (!isSigned(query)) return { status: 403 }
      objects.set(key, body)
      return {}
    },
    'GET /bucket/**': ({ query }, [key]) => {
      const body = objects.get(key)
      return isSigned(query) && body ? { body } : { status: body ? 403 : 404, body: '<Error/>' }
    },
    'DELETE /bucket/**': (_request, [key]) => {
      objects.delete(key)
      return { status: 204 }
    },
  })
  const submits = () => vendor.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/run')).length
  return { ...vendor, worker, objects, submits }
}

function provider(vendor: Vendor, more: Record<string, string> = {}): Separation {
  return chosen(separation, {
    SEPARATION_PROVIDER: 'demucs',
    RUNPOD_API_KEY: SECRET,
    RUNPOD_URL: `${vendor.url}/v2`,
    RUNPOD_POLL_MS: '10',
    RUNPOD_DEMUCS_ENDPOINT_ID: 'demucs-1',
    DEMUCS_S3_URL: vendor.url,
    DEMUCS_S3_BUCKET: 'bucket',
    DEMUCS_S3_ACCESS_KEY_ID: 'AKIA0123',
    DEMUCS_S3_SECRET_ACCESS_KEY: 's3-topsecret',
    REFRAIN_DATA_DIR: join(folder, 'data'),
    ...more,
  })
}

async function song(vocalFrames = FRAMES) {
  const voice = tones(vocalFrames, 440, 660, 0.4)
  const music = tones(FRAMES, 110, 165, 0.5)
  const vocals = await readFile(await flac('truth.flac', voice))
  const mix = music.map((sample, i) => sample + (voice[i] ?? 0))
  const audioPath = await flac('mix.flac', mix)
  return { vocals, audioPath }
}

async function request(audioPath: string, aborts = signal) {
  const workspacePath = await mkdtemp(join(folder, 'work-'))
  const messages: string[] = []
  const onProgress = (_fraction: number, message?: string) => void (message && messages.push(message))
  return { audioPath, workspacePath, onProgress, signal: aborts, messages }
}

const pcm = (path: string) => decodePcm(path, { sampleRateHz: RATE, channels: 2, signal })

test('stems have the mix’s format and exact length, and their sum is the mix bit by bit', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  const asked = await request(audioPath)
  const separated = await provider(service).separate(asked)
  const [mix, voice, music] = await Promise.all([audioPath, separated.vocalsPath, separated.instrumentalPath].map(pcm))
  expect(voice.map((side) => side.length)).toEqual([FRAMES, FRAMES])
  for (const side of [0, 1]) {
    expect(voice[side].map((sample, i) => sample + music[side][i])).toEqual(mix[side])
    const truth = await pcm(join(folder, 'truth.flac'))
    expect(voice[side]).toEqual(truth[side])
  }
  expect(separated.method).toBe('Demucs (htdemucs_ft)')
  expect(asked.messages).toEqual(
    expect.arrayContaining(['waiting for a GPU', 'separating the voice', 'fetching the vocals']),
  )
  expect((await readdir(asked.workspacePath)).sort()).toEqual(['instrumental.flac', 'vocals.flac'])
  expect(service.objects.size).toBe(0)
  expect(await readdir(join(folder, 'data', 'submissions'))).toEqual([])
})

test('the worker is told what to do without any secret of ours', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  await provider(service).separate(await request(audioPath))
  const sent = service.requests.find(({ path }) => path.endsWith('/run'))!
  expect(sent.json()).toMatchObject({
    input: { model: 'htdemucs_ft', stems: ['vocals'], format: 'flac', job_key: expect.stringContaining('htdemucs_ft') },
    policy: { executionTimeout: 1_800_000, ttl: 1_800_000 },
  })
  expect(sent.body.toString()).not.toMatch(/topsecret/)
})

test('vocals of another length than the mix, and outputs of another form, are refused', async () => {
  const { vocals, audioPath } = await song(FRAMES - 2_000)
  await using service = await startService(vocals)
  const asked = await request(audioPath)
  await expect(provider(service).separate(asked)).rejects.toThrow(
    'expected vocals as long as the mix (1.13 s), got 1.09 s',
  )
  expect(await readdir(asked.workspacePath)).toEqual([])
  const ends: Reply[] = [
    { json: { status: 'COMPLETED', output: { ok: true, stems: [{ name: 'drums' }] } } },
    { json: { status: 'COMPLETED', output: { ok: true, stems: [{ name: 'vocals', sha256: 'another' }] } } },
    { json: { status: 'COMPLETED' } },
    { json: { status: 'FAILED', error: 'Traceback … CUDA out of memory' } },
    { json: { output: 1 } },
  ]
  for (const end of ends) {
    service.worker.end = end
    await expect(provider(service).separate(await request(audioPath))).rejects.toMatchObject({
      kind: 'PROVIDER_REJECTED',
    })
  }
})

test('a result that expired, a canceled job and one that never ends may be tried again, as a new job', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  const good = service.worker.end
  service.worker.end = { status: 404, json: { error: 'gone' } }
  await expect(provider(service).separate(await request(audioPath))).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
  })
  service.worker.end = { json: { status: 'TIMED_OUT' } }
  await expect(provider(service).separate(await request(audioPath))).rejects.toThrow('timed out')
  service.worker.polls = Infinity
  await expect(provider(service, { RUNPOD_TIMEOUT_MS: '1000' }).separate(await request(audioPath))).rejects.toThrow(
    'not done within 1 s',
  )
  expect(service.requests.at(-1)?.path).toContain('/cancel/')
  service.worker.polls = 0
  service.worker.end = good
  await provider(service).separate(await request(audioPath))
  expect(service.submits()).toBe(4)
})

test('an attempt after an abort takes up the job that runs, and polling survives faults', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  service.worker.polls = Infinity
  const controller = new AbortController()
  const first = provider(service).separate(await request(audioPath, controller.signal))
  const seen = service.requests.length
  const isAsked = () => service.requests.slice(seen).some(({ path }) => path.includes('/status'))
  void vi.waitUntil(isAsked, { timeout: 20_000 }).then(() => controller.abort(new Error('shutting down')))
  await expect(first).rejects.toThrow('shutting down')
  service.worker.polls = 0
  service.inject(
    'GET /v2/demucs-1/status/*',
    { status: 429, headers: { 'retry-after': '0' } },
    { status: 500 },
    'truncate',
  )
  service.inject('GET /bucket/**', { status: 503 })
  await provider(service).separate(await request(audioPath))
  expect(service.submits()).toBe(1)
})

test('a result that could not be fetched is asked for again, not paid for again', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  service.worker.polls = 0
  const fetched = () => service.requests.some(({ method, path }) => method === 'GET' && path.endsWith('vocals.flac'))
  service.inject('GET /bucket/separation/*/vocals.flac', 'truncate', 'truncate', 'truncate', 'truncate')
  await expect(provider(service).separate(await request(audioPath))).rejects.toMatchObject({
    kind: 'PROVIDER_UNAVAILABLE',
  })
  expect(fetched()).toBe(true)
  await provider(service).separate(await request(audioPath))
  expect(service.submits()).toBe(1)
})

test('a submit of unknown outcome is not repeated; a refused one is not remembered', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  service.inject('POST /v2/demucs-1/run', { status: 400, json: { error: 'no such endpoint' } })
  await expect(provider(service).separate(await request(audioPath))).rejects.toThrow('no such endpoint')
  service.inject('POST /v2/demucs-1/run', 'reset')
  for (let i = 0; i < 2; i++) {
    const error = await provider(service)
      .separate(await request(audioPath))
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: 'BLOCKED' })
    expect(String(error)).toContain('could cost twice')
  }
  expect(service.submits()).toBe(2)
})

test('a refused key is a rejection that shows no secret', async () => {
  const { vocals, audioPath } = await song()
  await using service = await startService(vocals)
  const error = await provider(service, { RUNPOD_API_KEY: 'rp_wrong999' })
    .separate(await request(audioPath))
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ kind: 'PROVIDER_REJECTED' })
  expect(String(error)).not.toContain('rp_wrong999')
  service.inject('PUT /bucket/**', { status: 403, body: '<Code>SignatureDoesNotMatch</Code>' })
  const denied = await provider(service)
    .separate(await request(audioPath))
    .catch((e: unknown) => e)
  expect(String(denied)).toContain('403')
  expect(String(denied)).not.toMatch(/topsecret|X-Amz/)
})
