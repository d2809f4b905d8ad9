import { openAsBlob } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidInput, ProviderRejected } from '../../errors.ts'
import { readPcm, writeFlac } from '../../media/ffmpeg/pcm.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { hashFile } from '../../net/hash-file.ts'
import { type Bucket, presign } from '../../net/presign.ts'
import { runOnRunpod, runpodVariables } from '../../net/runpod.ts'
import { forgetSubmission, submissionPath } from '../../net/submission.ts'
import { dataFolderVariable, defineProvider, type ProviderDeps } from '../capability.ts'
import type { Separation, SeparationRequest } from './contract.ts'
import { stemsFromVocals } from './stems-from-vocals.ts'

const MAX_STEM_BYTES = 2_000_000_000
const TRANSFER_MS = 600_000

const Output = z.object({
  ok: z.literal(true),
  stems: z.array(z.object({ name: z.string(), sha256: z.string().optional() })),
  model: z.string().optional(),
})

const environment = z.object({
  ...runpodVariables,
  RUNPOD_DEMUCS_ENDPOINT_ID: z.string().meta({ description: 'serverless endpoint that runs the Demucs worker' }),
  DEMUCS_MODEL: z.string().default('htdemucs_ft').meta({ description: 'Demucs model' }),
  DEMUCS_S3_URL: z
    .url()
    .meta({ description: 'S3 service through which the Demucs worker gets songs and hands back stems' }),
  DEMUCS_S3_BUCKET: z.string().meta({ description: 'private bucket there' }),
  DEMUCS_S3_REGION: z.string().default('us-east-1').meta({ description: 'the bucket’s region' }),
  DEMUCS_S3_ACCESS_KEY_ID: z
    .string()
    .meta({ description: 'key that may read, write and delete in the bucket', isSecret: true }),
  DEMUCS_S3_SECRET_ACCESS_KEY: z.string().meta({ description: 'secret of that key', isSecret: true }),
  REFRAIN_DATA_DIR: dataFolderVariable,
})
type Settings = z.output<typeof environment>

/**
 * Demucs on a RunPod serverless endpoint of one's own. The song goes through a private bucket as FLAC, the worker fetches it and
 * puts the vocals there by signed URLs; the instrumental is the mix without them.
 *
 * The worker gets `{ audio_url, model, stems: ['vocals'], format: 'flac', outputs: { vocals: <URL to PUT to> }, job_key }` and
 * answers `{ ok: true, stems: [{ name: 'vocals', sha256? }], model? }`; the vocals must be as long as the song. `job_key` is the
 * same whenever the same song is sent for the same model: a worker may answer at once when it has done that already.
 */
export const demucs = defineProvider({
  name: 'demucs',
  environment,
  create: (settings, deps): Separation => ({ separate: (request) => separate(settings, deps, request) }),
})

async function separate(settings: Settings, { http }: ProviderDeps, request: SeparationRequest) {
  const { audioPath, workspacePath, onProgress, signal } = request
  const { audio } = await probe(audioPath, { signal })
  if (!audio) throw new InvalidInput('expected a file with sound, got one without: choose another file')
  const { sampleRateHz, channels } = audio
  const mixPath = join(workspacePath, 'demucs-mix.flac')
  const voicePath = join(workspacePath, 'demucs-vocals.flac')
  const objects = objectsFor(settings, await hashFile(audioPath, signal))
  const work = [objects.jobKey, settings.RUNPOD_DEMUCS_ENDPOINT_ID]
  const recordPath = submissionPath(settings.REFRAIN_DATA_DIR, 'demucs', work)
  try {
    onProgress(0.02, 'sending the song to the separation service')
    await writeFlac(
      mixPath,
      { sampleRateHz, channels, bitDepth: 24, signal },
      withinFullScale(audioPath, audio, signal),
    )
    await http.request(objects.url('PUT', 'mix.flac'), {
      method: 'PUT',
      body: await openAsBlob(mixPath),
      timeoutMs: TRANSFER_MS,
      totalMs: TRANSFER_MS * 2,
      signal,
    })
    const output = await runOnRunpod(http, settings, {
      endpointId: settings.RUNPOD_DEMUCS_ENDPOINT_ID,
      input: {
        audio_url: objects.url('GET', 'mix.flac'),
        model: settings.DEMUCS_MODEL,
        stems: ['vocals'],
        format: 'flac',
        outputs: { vocals: objects.url('PUT', 'vocals.flac') },
        job_key: objects.jobKey,
      },
      recordPath,
      onState: (state) =>
        onProgress(state === 'queued' ? 0.1 : 0.2, state === 'queued' ? 'waiting for a GPU' : 'separating the voice'),
      signal,
    })
    const vocals = parseOutput(output)
    onProgress(0.8, 'fetching the vocals')
    const saved = await http.save(objects.url('GET', 'vocals.flac'), voicePath, {
      maxBytes: MAX_STEM_BYTES,
      timeoutMs: TRANSFER_MS,
      totalMs: TRANSFER_MS * 2,
      signal,
    })
    if (vocals.sha256 && vocals.sha256 !== saved.sha256) {
      throw new ProviderRejected('demucs', 'expected the vocals the worker described, got a file with another hash')
    }
    const stems = await stemsFromVocals('demucs', {
      mixPath,
      vocalsPath: voicePath,
      sampleRateHz,
      channels,
      workspacePath,
      signal,
    })
    await forgetSubmission(recordPath)
    // What stays behind after a failure here is for the bucket's own expiry rule.
    const names = ['mix.flac', 'vocals.flac']
    await Promise.allSettled(
      names.map((name) => http.request(objects.url('DELETE', name), { method: 'DELETE', retries: 0, signal })),
    )
    onProgress(1)
    return { ...stems, method: `Demucs (${vocals.model ?? settings.DEMUCS_MODEL})` }
  } catch (error) {
    // A result that is no good will not get better; one that could not be fetched just now is asked for again.
    if (error instanceof ProviderRejected) await forgetSubmission(recordPath)
    throw error
  } finally {
    await Promise.all([rm(mixPath, { force: true }), rm(voicePath, { force: true })])
  }
}

/** Signed URLs for the objects of one piece of work; they live as long as the job may take, transfers included. */
function objectsFor(settings: Settings, sha256: string) {
  const bucket: Bucket = {
    endpoint: settings.DEMUCS_S3_URL,
    bucket: settings.DEMUCS_S3_BUCKET,
    region: settings.DEMUCS_S3_REGION,
    accessKeyId: settings.DEMUCS_S3_ACCESS_KEY_ID,
    secretAccessKey: settings.DEMUCS_S3_SECRET_ACCESS_KEY,
  }
  const jobKey = `${sha256}-${settings.DEMUCS_MODEL}`
  const expiresSeconds = Math.min(Math.ceil((settings.RUNPOD_TIMEOUT_MS + TRANSFER_MS * 2) / 1_000), 604_800)
  const url = (method: 'GET' | 'PUT' | 'DELETE', name: string) =>
    presign(bucket, method, `separation/${jobKey}/${name}`, expiresSeconds)
  return { jobKey, url }
}

function parseOutput(output: unknown): { sha256?: string | undefined; model?: string | undefined } {
  const parsed = Output.safeParse(output)
  const vocals = parsed.data?.stems.find(({ name }) => name === 'vocals')
  if (!parsed.success || !vocals) {
    throw new ProviderRejected(
      'demucs',
      'expected { ok: true, stems: [{ name: "vocals" }] } from the worker, got something else',
    )
  }
  return { sha256: vocals.sha256, model: parsed.data.model }
}

/** Lossy files decode to a little beyond full scale, which a FLAC file cannot hold. */
async function* withinFullScale(
  path: string,
  { sampleRateHz, channels }: { sampleRateHz: number; channels: number },
  signal: AbortSignal,
): AsyncGenerator<Float32Array> {
  for await (const block of readPcm(path, { sampleRateHz, channels, signal })) {
    for (let i = 0; i < block.length; i++) block[i] = Math.max(-1, Math.min(1, block[i]!))
    yield block
  }
}
