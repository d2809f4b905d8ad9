import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ProviderRejected } from '../../errors.ts'
import { readPcm, writeFlac } from '../../media/ffmpeg/pcm.ts'
import { exactStems } from '../../media/separation/exact-stems.ts'

/** A resampled stem may be a few samples off; more means that another file came, or one that is shifted. */
const TOLERANCE_SECONDS = 0.02

export interface StemsRequest {
  readonly mixPath: string
  /** What a service took for the voice, of the mix's length; any sample rate. */
  readonly vocalsPath: string
  readonly sampleRateHz: number
  readonly channels: number
  readonly workspacePath: string
  readonly signal: AbortSignal
}

/**
 * Makes the two stems of the contract from a mix and somebody's vocals: the instrumental is the mix without them, so that the
 * sum is the mix bit by bit. Streams; memory stays at a few blocks.
 *
 * @throws ProviderRejected when the vocals are not as long as the mix; nothing is left behind then
 */
export async function stemsFromVocals(
  provider: string,
  request: StemsRequest,
): Promise<{ readonly vocalsPath: string; readonly instrumentalPath: string }> {
  const { sampleRateHz, channels, workspacePath, signal } = request
  const vocalsPath = join(workspacePath, 'vocals.flac')
  const instrumentalPath = join(workspacePath, 'instrumental.flac')
  const format = { sampleRateHz, channels, bitDepth: 24, signal } as const
  try {
    // Decoding twice is cheap; it spares a channel between two encoders.
    await writeFlac(vocalsPath, format, stemBlocks(provider, request, 'vocals'))
    await writeFlac(instrumentalPath, format, stemBlocks(provider, request, 'instrumental'))
  } catch (error) {
    await Promise.all([rm(vocalsPath, { force: true }), rm(instrumentalPath, { force: true })])
    throw error
  }
  return { vocalsPath, instrumentalPath }
}

async function* stemBlocks(
  provider: string,
  { mixPath, vocalsPath, sampleRateHz, channels, signal }: StemsRequest,
  stem: 'vocals' | 'instrumental',
): AsyncGenerator<Float32Array> {
  const options = { sampleRateHz, channels, signal }
  const vocals = readPcm(vocalsPath, options)
  let mixSamples = 0
  let vocalSamples = 0
  try {
    for await (const mix of readPcm(mixPath, options)) {
      const next = await vocals.next()
      const voice = next.done ? new Float32Array(0) : next.value
      mixSamples += mix.length
      vocalSamples += voice.length
      yield exactStems(mix, fitted(voice, mix.length))[stem]
    }
    for await (const rest of vocals) vocalSamples += rest.length
  } finally {
    await vocals.return(undefined)
  }
  const differenceSeconds = (vocalSamples - mixSamples) / channels / sampleRateHz
  if (Math.abs(differenceSeconds) <= TOLERANCE_SECONDS) return
  const seconds = (samples: number) => (samples / channels / sampleRateHz).toFixed(2)
  throw new ProviderRejected(
    provider,
    `expected vocals as long as the mix (${seconds(mixSamples)} s), got ${seconds(vocalSamples)} s`,
  )
}

function fitted(samples: Float32Array, length: number): Float32Array {
  if (samples.length === length) return samples
  const out = new Float32Array(length)
  out.set(samples.subarray(0, length))
  return out
}
