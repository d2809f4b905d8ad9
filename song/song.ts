import { playBand, type Stereo } from './band.ts'
import { Biquad, setHighpass } from './biquad.ts'
import { DURATION_SECONDS } from './composition.ts'
import { compress } from './compressor.ts'
import { type Mix, masterMix } from './mix.ts'
import { addReverb } from './reverb.ts'
import { buildScore } from './score.ts'
import { describeSong, type Truth } from './truth.ts'
import { sing } from './voice.ts'

const SAMPLE_RATE_HZ = 44_100

export interface Song extends Mix {
  readonly sampleRateHz: number
  readonly truth: Truth
}

/**
 * Composes, sings, plays and mixes the song in memory; takes about two seconds and gives the same samples every time.
 *
 * @returns stereo stems (left, right) in [-1, 1]; `mix` is `vocals` + `instrumental`, sample by sample
 */
export function synthesizeSong(): Song {
  const samples = Math.round(DURATION_SECONDS * SAMPLE_RATE_HZ)
  const score = buildScore()
  const solo = sing(score, SAMPLE_RATE_HZ, samples)
  compress(solo, SAMPLE_RATE_HZ, -28, 3)
  const voice: Stereo = [solo, solo.slice()]
  addReverb(voice, SAMPLE_RATE_HZ, 0.5, 0.05)
  removeRumble(voice, 90)
  const band = playBand(SAMPLE_RATE_HZ, samples)
  addReverb(band, SAMPLE_RATE_HZ, 1.1, 0.1)
  removeRumble(band, 25)
  const spans = score.lines.map(
    (line) => [Math.round(line.startSeconds * SAMPLE_RATE_HZ), Math.round(line.endSeconds * SAMPLE_RATE_HZ)] as const,
  )
  const truth = describeSong(score, SAMPLE_RATE_HZ, samples)
  return { sampleRateHz: SAMPLE_RATE_HZ, truth, ...masterMix(voice, band, spans, SAMPLE_RATE_HZ) }
}

/** Takes away what lies below hearing or below the voice, a constant offset included. */
function removeRumble(bus: Stereo, hz: number): void {
  for (const channel of bus) {
    const filter = new Biquad()
    setHighpass(filter, hz, SAMPLE_RATE_HZ)
    for (let i = 0; i < channel.length; i++) channel[i] = filter.run(channel[i])
  }
}
