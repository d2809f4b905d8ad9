import { Limiter } from './limiter.ts'
import { LoudnessMeter } from './loudness-meter.ts'
import { TruePeakMeter } from './true-peak.ts'

export interface MasterSettings {
  readonly targetLufs: number
  readonly ceilingDbtp: number
  /** Quiet music is not raised by more, so that its noise is not either. */
  readonly maxGainDb: number
}

/** Loudness and true peak of what came out; null for silence. */
export interface Mastered {
  readonly loudnessLufs: number | null
  readonly truePeakDbtp: number | null
}

/** How near to the target is near enough. */
const TOLERANCE_LU = 0.2
/** Limiting takes loudness away; the gain is set anew at most this often. */
const ATTEMPTS = 4

/**
 * Brings sound to a loudness with one gain for all of it, and its peaks under a ceiling. Sound that is too quiet to have a loudness
 * passes unchanged.
 *
 * @param loudnessLufs of the sound as it is
 * @param read starts the sound from the beginning: interleaved blocks, which are changed
 * @param write takes the result; may be called again, and then replaces what it wrote
 */
export async function master(
  loudnessLufs: number | null,
  settings: MasterSettings & { readonly sampleRateHz: number; readonly channels: number },
  read: () => AsyncIterable<Float32Array>,
  write: (blocks: AsyncIterable<Float32Array>) => Promise<void>,
): Promise<Mastered> {
  const { targetLufs, maxGainDb, sampleRateHz, channels } = settings
  const clamp = (gainDb: number) => Math.min(maxGainDb, gainDb)
  let gainDb = loudnessLufs === null ? 0 : clamp(targetLufs - loudnessLufs)
  for (let attempt = 1; ; attempt++) {
    const loudness = new LoudnessMeter(sampleRateHz, channels)
    const peak = new TruePeakMeter(channels)
    await write(
      masteredBlocks(read(), gainDb, settings, (block) => {
        loudness.push(block)
        peak.push(block)
      }),
    )
    const result = { loudnessLufs: loudness.integratedLufs(), truePeakDbtp: peak.finish() }
    if (loudnessLufs === null || result.loudnessLufs === null || attempt === ATTEMPTS) return result
    const next = clamp(gainDb + targetLufs - result.loudnessLufs)
    if (Math.abs(next - gainDb) <= TOLERANCE_LU) return result
    gainDb = next
  }
}

async function* masteredBlocks(
  blocks: AsyncIterable<Float32Array>,
  gainDb: number,
  {
    ceilingDbtp,
    sampleRateHz,
    channels,
  }: MasterSettings & { readonly sampleRateHz: number; readonly channels: number },
  onBlock: (block: Float32Array) => void,
): AsyncGenerator<Float32Array> {
  const gain = 10 ** (gainDb / 20)
  const limiter = new Limiter({ sampleRateHz, channels, ceilingDb: ceilingDbtp })
  for await (const block of blocks) {
    for (let i = 0; i < block.length; i++) block[i] *= gain
    const limited = limiter.process(block)
    onBlock(limited)
    yield limited
  }
  const rest = limiter.flush()
  onBlock(rest)
  yield rest
}
