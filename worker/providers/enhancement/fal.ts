import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError, InvalidInput, ProviderRejected } from '../../errors.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { runFfmpeg } from '../../media/ffmpeg/run.ts'
import { falVariables, runOnFal, saveFromFal, uploadToFal } from '../../net/fal.ts'
import { hashFile } from '../../net/hash-file.ts'
import { forgetSubmission, submissionPath } from '../../net/submission.ts'
import { dataFolderVariable, defineProvider, type ProviderDeps } from '../capability.ts'
import { type Chunk, planChunks } from './chunks.ts'
import type { Enhancement, EnhancementRequest } from './contract.ts'
import { countFrames, type Format, mergeChunks } from './merge.ts'
import { enhancementVariables } from './variables.ts'

/** The model takes no less and no more. */
const SHORTEST_SECONDS = 6
const LONGEST_SECONDS = 190
const MAX_RESULT_BYTES = 500_000_000

const Output = z.object({ audio: z.object({ url: z.url() }) })

const environment = z.object({
  ...falVariables,
  ...enhancementVariables,
  FAL_ENHANCEMENT_MODEL: z
    .string()
    .regex(/^[\w-]+(\/[\w.-]+)+$/)
    .default('fal-ai/stable-audio-25/audio-to-audio')
    .meta({ description: 'model on fal.ai that takes `prompt`, `audio_url`, `strength` and `total_seconds`' }),
  FAL_ENHANCEMENT_PROMPT: z
    .string()
    .default('instrumental backing track, same song, same arrangement, clean studio sound, no vocals')
    .meta({ description: 'what the model is asked for' }),
  FAL_ENHANCEMENT_STRENGTH: z.coerce
    .number()
    .min(0.01)
    .max(1)
    .default(0.3)
    .meta({ description: 'how far the model may leave the song: 0.01 hardly, 1 altogether' }),
  REFRAIN_DATA_DIR: dataFolderVariable,
})
type Settings = z.output<typeof environment>

/**
 * Stable Audio 2.5 on fal.ai: the instrumental goes up in overlapping chunks, comes back treated, and is faded together, then
 * set to its loudness. The model plays the song again rather than cleaning it; `FAL_ENHANCEMENT_STRENGTH` says how freely.
 */
export const fal = defineProvider({
  name: 'fal',
  environment,
  create: (settings, deps): Enhancement => ({ enhance: (request) => enhance(settings, deps, request) }),
})

async function enhance(settings: Settings, deps: ProviderDeps, request: EnhancementRequest) {
  const { instrumentalPath, workspacePath, onProgress, signal } = request
  const { audio } = await probe(instrumentalPath, { signal })
  if (!audio) throw new InvalidInput('expected a file with sound, got one without: choose another file')
  const format: Format = { sampleRateHz: audio.sampleRateHz, channels: audio.channels }
  const totalFrames = await countFrames(instrumentalPath, format, signal)
  if (totalFrames === 0) throw new InvalidInput('expected an instrumental with sound, got one of no length')
  const overlapFrames = Math.round(settings.ENHANCE_OVERLAP_SECONDS * format.sampleRateHz)
  const chunks = planChunks(
    totalFrames,
    Math.floor(settings.ENHANCE_CHUNK_SECONDS * format.sampleRateHz),
    overlapFrames,
  )
  const treatedPaths = chunks.map((_, index) => join(workspacePath, `fal-treated-${index}`))
  const scratchPath = join(workspacePath, 'fal-merged.f32')
  const records: string[] = []
  try {
    for (const [index, chunk] of chunks.entries()) {
      onProgress((0.9 * index) / chunks.length, `enhancing part ${index + 1} of ${chunks.length}`)
      records.push(await treat(settings, deps, request, format, chunk, treatedPaths[index]!))
    }
    onProgress(0.9, 'joining the parts')
    const audioPath = join(workspacePath, 'enhanced.flac')
    const merge = { chunks, paths: treatedPaths, overlapFrames, scratchPath, audioPath, signal }
    const measured = await mergeChunks(format, merge)
    // Until here every part's job is known, so that a later attempt pays for none of them again.
    await Promise.all(records.map(forgetSubmission))
    onProgress(1)
    return {
      audioPath,
      method: `${settings.FAL_ENHANCEMENT_MODEL} (strength ${settings.FAL_ENHANCEMENT_STRENGTH})`,
      ...measured,
    }
  } finally {
    await Promise.all([scratchPath, ...treatedPaths].map((path) => rm(path, { force: true })))
  }
}

/** One chunk there and back. @returns the record of its job */
async function treat(
  settings: Settings,
  { http, download }: ProviderDeps,
  { instrumentalPath, signal }: EnhancementRequest,
  { sampleRateHz }: Format,
  chunk: Chunk,
  treatedPath: string,
): Promise<string> {
  const seconds = Math.max(chunk.frames / sampleRateHz, SHORTEST_SECONDS)
  const sentPath = `${treatedPath}.wav`
  try {
    await runFfmpeg(chunkArguments(instrumentalPath, sentPath, chunk, Math.ceil(SHORTEST_SECONDS * sampleRateHz)), {
      signal,
    })
    const input = {
      prompt: settings.FAL_ENHANCEMENT_PROMPT,
      strength: settings.FAL_ENHANCEMENT_STRENGTH,
      total_seconds: Math.min(Math.ceil(seconds), LONGEST_SECONDS),
      num_inference_steps: 8,
      // The same for every chunk, so that they sound alike.
      seed: 1,
    }
    const work = [await hashFile(sentPath, signal), settings.FAL_ENHANCEMENT_MODEL, input]
    const recordPath = submissionPath(settings.REFRAIN_DATA_DIR, 'fal', work)
    const audio_url = await uploadToFal(http, settings, sentPath, { contentType: 'audio/wav', signal })
    const model = settings.FAL_ENHANCEMENT_MODEL
    const output = await runOnFal(http, settings, {
      model,
      input: { ...input, audio_url },
      output: Output,
      recordPath,
      signal,
    })
    try {
      const limits = { maxBytes: MAX_RESULT_BYTES, timeoutMs: 600_000, idleTimeoutMs: 30_000 }
      await saveFromFal(download, output.audio.url, treatedPath, { ...limits, signal })
    } catch (error) {
      const isGone =
        error instanceof ProviderRejected || (error instanceof AppError && error.details.status !== undefined)
      if (isGone) await forgetSubmission(recordPath)
      throw error
    }
    return recordPath
  } finally {
    await rm(sentPath, { force: true })
  }
}

/** WAV of 16 bit, which every service reads; a chunk that is too short ends in silence. */
export function chunkArguments(inputPath: string, outputPath: string, chunk: Chunk, leastFrames: number): string[] {
  const { startFrame, frames } = chunk
  const filters = [`atrim=start_sample=${startFrame}:end_sample=${startFrame + frames}`, 'asetpts=N/SR/TB']
  if (frames < leastFrames) filters.push(`apad=whole_len=${leastFrames}`)
  return [
    '-i',
    inputPath,
    '-map',
    '0:a:0',
    '-vn',
    '-af',
    filters.join(','),
    '-c:a',
    'pcm_s16le',
    '-f',
    'wav',
    outputPath,
  ]
}
