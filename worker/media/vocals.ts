import { InvalidInput } from '../errors.ts'
import type { OnProgress } from '../progress.ts'
import { readPcm } from './ffmpeg/pcm.ts'
import { probe } from './ffmpeg/probe.ts'
import { CentreMask } from './separation/centre-mask.ts'
import { exactGrid } from './separation/frame-grid.ts'
import { VOICE_BAND } from './separation/mask.ts'
import { VocalStream, vocalBlocks } from './separation/vocal-stream.ts'

const SAMPLE_RATE_HZ = 16_000
/** Acoustic models of speech listen between 130 and 3700 Hz. */
const TOP_HZ = 4_200

/** Two mono signals of equal length. */
export interface IsolatedVocals {
  /** The voice between about 120 Hz and 4.2 kHz, with what is left of the music. */
  readonly vocals: Float32Array
  /** The mean of the mix's channels. */
  readonly mix: Float32Array
  readonly sampleRateHz: 16000
}

/**
 * The singing voice of a song for machines that listen to speech: what does not repeat and stands in the middle of the
 * stereo image, as mono at 16 kHz. Thinner than the vocal stem for people, but with less music in it.
 *
 * @param path any audio that ffmpeg reads, of any length
 * @throws InvalidInput when the file holds no sound; `signal.reason` after an abort
 */
export async function isolateVocals(
  path: string,
  options: { signal: AbortSignal; onProgress: OnProgress },
): Promise<IsolatedVocals> {
  const { signal, onProgress } = options
  const { audio, durationSeconds } = await probe(path, { signal })
  if (!audio) throw new InvalidInput('expected a file with sound, got one without: choose another file')
  const channels = Math.min(2, audio.channels)
  const grid = exactGrid(SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / 2)
  const stream = new VocalStream(grid, channels, new CentreMask(grid), {
    band: { lowestHz: VOICE_BAND.lowestHz, highestHz: TOP_HZ },
  })
  const expectedSamples = Math.max(1, durationSeconds * SAMPLE_RATE_HZ)
  const mix = new MonoBuffer(channels, expectedSamples)
  const vocals = new MonoBuffer(channels, expectedSamples)
  const pcm = readPcm(path, { sampleRateHz: SAMPLE_RATE_HZ, channels, signal })
  const onWorked = (samples: number) => onProgress(Math.min(0.99, samples / expectedSamples), 'isolating the voice')
  for await (const block of vocalBlocks(stream, pcm, { signal, onWorked })) {
    mix.push(block.mix)
    vocals.push(block.vocals)
  }
  onProgress(1)
  return { vocals: vocals.samples(), mix: mix.samples(), sampleRateHz: SAMPLE_RATE_HZ }
}

/** Collects interleaved blocks as the mean of their channels. */
class MonoBuffer {
  readonly #channels: number
  #data: Float32Array
  #length = 0

  constructor(channels: number, expectedSamples: number) {
    this.#channels = channels
    this.#data = new Float32Array(Math.ceil(expectedSamples) + SAMPLE_RATE_HZ)
  }

  push(block: Float32Array): void {
    const added = block.length / this.#channels
    if (this.#length + added > this.#data.length) {
      const larger = new Float32Array(Math.ceil((this.#length + added) * 1.5))
      larger.set(this.#data)
      this.#data = larger
    }
    for (let i = 0; i < added; i++) {
      let sum = 0
      for (let channel = 0; channel < this.#channels; channel++) sum += block[i * this.#channels + channel]
      this.#data[this.#length++] = sum / this.#channels
    }
  }

  samples(): Float32Array {
    return this.#data.slice(0, this.#length)
  }
}
