import { Biquad } from './biquad.ts'

const BLOCK_SECONDS = 0.4
/** Blocks begin every quarter of a block. */
const STEPS_PER_BLOCK = 4
const ABSOLUTE_GATE_LUFS = -70
const RELATIVE_GATE_LU = 10
/** Makes a 997 Hz sine at full scale in one channel read -3.01 LUFS. */
const OFFSET_DB = -0.691

/**
 * Integrated loudness of mono or stereo sound, measured as it streams by.
 *
 * ```ts
 * const meter = new LoudnessMeter(44_100, 2)
 * for await (const block of blocks) meter.push(block)
 * meter.integratedLufs() // -14.2, or null for silence
 * ```
 *
 * @see ITU-R BS.1770-4, 2015, https://www.itu.int/rec/R-REC-BS.1770; EBU R 128
 */
export class LoudnessMeter {
  readonly #channels: number
  readonly #filters: readonly (readonly [Biquad, Biquad])[]
  readonly #stepFrames: number
  #framesInStep = 0
  #stepPower = 0
  /** Mean power of each finished step, all channels added. */
  readonly #steps: number[] = []

  constructor(sampleRateHz: number, channels: number) {
    this.#channels = channels
    this.#filters = Array.from({ length: channels }, () => [shelf(sampleRateHz), highpass(sampleRateHz)] as const)
    this.#stepFrames = Math.round((BLOCK_SECONDS / STEPS_PER_BLOCK) * sampleRateHz)
  }

  /** Interleaved samples, any number of whole frames. */
  push(block: Float32Array): void {
    const channels = this.#channels
    const frames = block.length / channels
    let from = 0
    while (from < frames) {
      const count = Math.min(frames - from, this.#stepFrames - this.#framesInStep)
      for (let channel = 0; channel < channels; channel++) {
        const [first, second] = this.#filters[channel]
        let power = 0
        for (let i = from * channels + channel, end = (from + count) * channels; i < end; i += channels) {
          const weighted = second.run(first.run(block[i]))
          power += weighted * weighted
        }
        this.#stepPower += power
      }
      from += count
      this.#framesInStep += count
      if (this.#framesInStep < this.#stepFrames) continue
      this.#steps.push(this.#stepPower / this.#stepFrames)
      this.#framesInStep = 0
      this.#stepPower = 0
    }
  }

  /** Gated loudness of all there was so far, LUFS; null when nothing was above -70 LUFS for 0.4 s. */
  integratedLufs(): number | null {
    const blocks: number[] = []
    for (let i = 0; i + STEPS_PER_BLOCK <= this.#steps.length; i++) {
      let power = 0
      for (let j = 0; j < STEPS_PER_BLOCK; j++) power += this.#steps[i + j] / STEPS_PER_BLOCK
      blocks.push(power)
    }
    const audible = blocks.filter((power) => loudnessOf(power) > ABSOLUTE_GATE_LUFS)
    if (audible.length === 0) return null
    const gate = loudnessOf(mean(audible)) - RELATIVE_GATE_LU
    return loudnessOf(mean(audible.filter((power) => loudnessOf(power) > gate)))
  }
}

function loudnessOf(power: number): number {
  return OFFSET_DB + 10 * Math.log10(power)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

// The standard gives coefficients for 48 kHz; these are the analogue filters behind them, for any rate.

/** The head's effect: +4 dB above 1.7 kHz. */
function shelf(sampleRateHz: number): Biquad {
  const k = Math.tan((Math.PI * 1681.974450955533) / sampleRateHz)
  const q = 0.7071752369554196
  const high = 10 ** (3.999843853973347 / 20)
  const band = high ** 0.4996667741545416
  const a0 = 1 + k / q + k * k
  return new Biquad(
    (high + (band * k) / q + k * k) / a0,
    (2 * (k * k - high)) / a0,
    (high - (band * k) / q + k * k) / a0,
    (2 * (k * k - 1)) / a0,
    (1 - k / q + k * k) / a0,
  )
}

/** The ear's deafness to lows: a high-pass at 38 Hz. */
function highpass(sampleRateHz: number): Biquad {
  const k = Math.tan((Math.PI * 38.13547087602444) / sampleRateHz)
  const q = 0.5003270373238773
  const a0 = 1 + k / q + k * k
  return new Biquad(1, -2, 1, (2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0)
}
