import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidInput } from '../../errors.ts'
import { LoudnessMeter } from '../../media/enhance/loudness-meter.ts'
import { type MasterSettings, master } from '../../media/enhance/master.ts'
import { readScratch, writeScratch } from '../../media/enhance/scratch-file.ts'
import { treatChunks } from '../../media/enhance/treat-chunks.ts'
import { readPcm, writeFlac } from '../../media/ffmpeg/pcm.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { serveThread } from '../../media/thread.ts'
import type { OnProgress } from '../../progress.ts'
import type { Enhanced } from './contract.ts'

export interface EnhancementSettings extends MasterSettings {
  readonly chunkSeconds: number
  readonly overlapSeconds: number
}

export interface EnhancementJob {
  readonly instrumentalPath: string
  readonly vocalsPath: string
  readonly workspacePath: string
  readonly settings: EnhancementSettings
}

const METHOD = 'residual voice gain, loudness and true-peak limiter'
/** Share of the work that is the first pass. */
const FIRST_PASS = 0.7

export function enhancementPaths(workspacePath: string): { audioPath: string; scratchPath: string } {
  return { audioPath: join(workspacePath, 'enhanced.flac'), scratchPath: join(workspacePath, 'enhanced.f32') }
}

serveThread(enhanceFile)

/** Two passes: the residue is lowered into a scratch file while loudness is measured, then the result is levelled, limited and encoded. */
async function enhanceFile(
  { instrumentalPath, vocalsPath, workspacePath, settings }: EnhancementJob,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<Enhanced> {
  const { audio, durationSeconds } = await probe(instrumentalPath, { signal })
  if (!audio) throw new InvalidInput('expected an instrumental with sound, got a file without')
  const { sampleRateHz, channels } = audio
  if (channels > 2)
    throw new InvalidInput(`expected an instrumental in mono or stereo, got ${channels} channels: mix it down first`)
  const { audioPath, scratchPath } = enhancementPaths(workspacePath)
  const totalSamples = Math.max(1, durationSeconds * sampleRateHz * channels)
  try {
    const meter = new LoudnessMeter(sampleRateHz, channels)
    const pcm = { sampleRateHz, channels, signal }
    const treated = treatChunks(readPcm(instrumentalPath, pcm), readPcm(vocalsPath, pcm), { ...settings, ...pcm })
    let samples = 0
    await writeScratch(scratchPath, treated, (block) => {
      meter.push(block)
      samples += block.length
      onProgress(FIRST_PASS * Math.min(1, samples / totalSamples), 'lowering what is left of the voice')
    })
    if (samples === 0) throw new InvalidInput('expected an instrumental with sound, got a file without a single sample')
    const format = { ...pcm, bitDepth: 24 } as const
    // Each attempt at the level reads the whole; the fraction shows the furthest.
    let furthest = FIRST_PASS
    async function* readTreated(): AsyncGenerator<Float32Array> {
      let read = 0
      for await (const block of readScratch(scratchPath, signal)) {
        read += block.length
        furthest = Math.max(furthest, FIRST_PASS + (0.99 - FIRST_PASS) * (read / samples))
        onProgress(furthest, 'levelling')
        yield block
      }
    }
    const mastered = await master(
      meter.integratedLufs(),
      { ...settings, sampleRateHz, channels },
      readTreated,
      (blocks) => writeFlac(audioPath, format, blocks),
    )
    onProgress(1, 'levelled')
    return { audioPath, method: METHOD, ...mastered }
  } finally {
    await rm(scratchPath, { force: true })
  }
}
