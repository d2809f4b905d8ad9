import type { Stereo } from './band.ts'

/** The level of the voice above the accompaniment, while somebody sings. */
const VOICE_OVER_BAND_DB = 2.6
/** RMS of the accompaniment before the limiter, relative to full scale. */
const BAND_RMS_DB = -20
const CEILING_DB = -1
const LOOKAHEAD_SECONDS = 0.004
const RELEASE_SECONDS = 0.12

export interface Mix {
  readonly mix: Stereo
  readonly vocals: Stereo
  readonly instrumental: Stereo
}

/**
 * Balances voice and band and masters them together: one limiter gain, found on the sum, is applied to both, so the
 * stems add up to the mix exactly.
 *
 * @param spans where somebody sings, in samples
 */
export function masterMix(
  voice: Stereo,
  band: Stereo,
  spans: readonly (readonly [number, number])[],
  sampleRateHz: number,
): Mix {
  const bandGain = 10 ** (BAND_RMS_DB / 20) / rms(band, spans)
  const voiceGain = 10 ** ((BAND_RMS_DB + VOICE_OVER_BAND_DB) / 20) / rms(voice, spans)
  const samples = voice[0].length
  const peaks = new Float32Array(samples)
  for (let i = 0; i < samples; i++) {
    const left = Math.abs(voiceGain * voice[0][i] + bandGain * band[0][i])
    const right = Math.abs(voiceGain * voice[1][i] + bandGain * band[1][i])
    peaks[i] = Math.max(left, right)
  }
  const gains = limiterGains(peaks, 10 ** (CEILING_DB / 20), sampleRateHz)
  const vocals = voice.map((channel) => channel.map((x, i) => voiceGain * gains[i] * x))
  const instrumental = band.map((channel) => channel.map((x, i) => bandGain * gains[i] * x))
  const sum = vocals.map((channel, c) => channel.map((x, i) => x + instrumental[c][i]))
  return { mix: [sum[0], sum[1]], vocals: [vocals[0], vocals[1]], instrumental: [instrumental[0], instrumental[1]] }
}

/** A gain for each sample that keeps `peaks` below the ceiling: down smoothly ahead of a peak, up slowly after it. */
function limiterGains(peaks: Float32Array, ceiling: number, sampleRateHz: number): Float32Array {
  const gains = new Float32Array(peaks.length)
  const lookahead = Math.round(LOOKAHEAD_SECONDS * sampleRateHz)
  const release = 1 - Math.exp(-1 / (RELEASE_SECONDS * sampleRateHz))
  // Forwards: fall at once, recover slowly. Backwards: begin each fall a lookahead earlier, in a straight line.
  let gain = 1
  for (let i = 0; i < peaks.length; i++) {
    const wanted = peaks[i] > ceiling ? ceiling / peaks[i] : 1
    gain = Math.min(wanted, gain + release * (1 - gain))
    gains[i] = gain
  }
  const slope = 1 / lookahead
  for (let i = peaks.length - 2; i >= 0; i--) {
    gains[i] = Math.min(gains[i], gains[i + 1] + slope)
  }
  return gains
}

function rms(bus: Stereo, spans: readonly (readonly [number, number])[]): number {
  let energy = 0
  let count = 0
  for (const [start, end] of spans) {
    for (const channel of bus) {
      for (let i = start; i < end; i++) energy += channel[i] * channel[i]
      count += end - start
    }
  }
  return Math.sqrt(energy / count)
}
