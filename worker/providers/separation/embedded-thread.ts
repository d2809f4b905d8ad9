import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { InvalidInput } from '../../errors.ts'
import { readPcm, writeFlac } from '../../media/ffmpeg/pcm.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { exactStems } from '../../media/separation/exact-stems.ts'
import { powerOfTwoGrid } from '../../media/separation/frame-grid.ts'
import { VOICE_BAND } from '../../media/separation/mask.ts'
import { MelodyMask } from '../../media/separation/melody-mask.ts'
import { VocalStream, vocalBlocks } from '../../media/separation/vocal-stream.ts'
import { serveThread } from '../../media/thread.ts'
import type { OnProgress } from '../../progress.ts'
import type { Separated } from './contract.ts'

export interface SeparationJob {
  readonly audioPath: string
  readonly workspacePath: string
}

const METHOD = 'REPET-SIM with melody comb'
const PROGRESS_EVERY_MS = 500

export function stemPaths(workspacePath: string): { vocalsPath: string; instrumentalPath: string } {
  return { vocalsPath: join(workspacePath, 'vocals.flac'), instrumentalPath: join(workspacePath, 'instrumental.flac') }
}

serveThread(separateFile)

/**
 * Separates a file into two 24-bit FLAC files that add up to it, streaming: decoding, separation and both encoders run
 * side by side, each waiting for the next, and on any failure all stop and nothing is left behind.
 */
async function separateFile(
  { audioPath, workspacePath }: SeparationJob,
  { onProgress, signal }: { onProgress: OnProgress; signal: AbortSignal },
): Promise<Separated> {
  const { audio, durationSeconds } = await probe(audioPath, { signal })
  if (!audio) throw new InvalidInput('expected a file with sound, got one without: choose another file')
  const { sampleRateHz, channels } = audio
  const paths = stemPaths(workspacePath)
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const format = { sampleRateHz, channels, bitDepth: 24, signal: either } as const
  const vocals = blockPipe(either)
  const instrumental = blockPipe(either)

  async function separate(): Promise<void> {
    const grid = powerOfTwoGrid(sampleRateHz, VOICE_BAND.highestHz)
    const stream = new VocalStream(grid, channels, new MelodyMask(grid), { band: VOICE_BAND })
    const mix = readPcm(audioPath, { sampleRateHz, channels, signal: either })
    const onWorked = throttledProgress(onProgress, durationSeconds * sampleRateHz)
    for await (const block of vocalBlocks(stream, mix, { signal: either, onWorked })) {
      const stems = exactStems(block.mix, block.vocals)
      await Promise.all([send(vocals, stems.vocals, either), send(instrumental, stems.instrumental, either)])
    }
    vocals.end()
    instrumental.end()
  }

  const jobs = [
    separate(),
    writeFlac(paths.vocalsPath, format, vocals),
    writeFlac(paths.instrumentalPath, format, instrumental),
  ]
  for (const job of jobs) job.catch((error: unknown) => failed.abort(error))
  await Promise.allSettled(jobs)
  if (either.aborted) {
    await Promise.all([rm(paths.vocalsPath, { force: true }), rm(paths.instrumentalPath, { force: true })])
    throw either.reason
  }
  onProgress(1)
  return { ...paths, method: METHOD }
}

/** A pipe of sample blocks that holds a few of them and breaks with the signal. */
function blockPipe(signal: AbortSignal): PassThrough {
  const pipe = new PassThrough({ objectMode: true, highWaterMark: 4, signal })
  // Whoever reads or writes hears of the break; without a listener the event itself would end the process.
  pipe.on('error', () => {})
  return pipe
}

async function send(pipe: PassThrough, block: Float32Array, signal: AbortSignal): Promise<void> {
  if (!pipe.write(block)) await once(pipe, 'drain', { signal })
}

function throttledProgress(onProgress: OnProgress, totalSamples: number): (samples: number) => void {
  let toldAt = 0
  return (samples) => {
    const now = performance.now()
    if (now - toldAt < PROGRESS_EVERY_MS) return
    toldAt = now
    onProgress(Math.min(0.99, samples / Math.max(1, totalSamples)), 'separating the voice')
  }
}
