import { articulate } from './articulation.ts'
import { Biquad, setAntiResonance, setBandpass, setResonance } from './biquad.ts'
import { type Expression, traceExpression } from './expression.ts'
import { createGlottalTables, OPEN_QUOTIENT } from './glottis.ts'
import { createNoise } from './random.ts'
import type { Score } from './score.ts'
import { CONTROL_PERIOD, type Tracks, traceGestures } from './tracks.ts'

/** A tract shorter than a grown man's: all formants lie higher by this factor. */
const TRACT_SCALE = 1.08
const HIGHER_FORMANTS_HZ = [3000, 4100, 5300, 6500, 7500, 8500]
const HIGHER_BANDWIDTHS_HZ = [120, 200, 350, 500, 700, 900]
const NASAL_POLE_HZ = 280
const NASAL_ZERO_HZ = 550
const NASAL_BANDWIDTH_HZ = 110
/** The source falls off more steeply than the pulse above this frequency. */
const TILT_HZ = 5500
const BREATHINESS = 0.03
const JITTER = 0.004
const SHIMMER = 0.03
const FRICATION_LEVEL = 2.2
const ASPIRATION_LEVEL = 1.1

/**
 * Sings the score with a cascade/parallel formant synthesiser: a glottal source through a chain of resonances, and
 * noise through the resonances of a constriction.
 *
 * @returns mono samples, peaks near half of full scale
 * @see Klatt, “Software for a cascade/parallel formant synthesizer”, 1980, https://doi.org/10.1121/1.383940
 */
export function sing(score: Score, sampleRateHz: number, samples: number): Float32Array {
  const frames = Math.ceil(samples / CONTROL_PERIOD) + 1
  const tracks = traceGestures(articulate(score.phones, samples / sampleRateHz), sampleRateHz, frames)
  const expression = traceExpression(score.notes, sampleRateHz, frames)
  return synthesize(tracks, expression, sampleRateHz, samples)
}

function synthesize(
  tracks: Tracks,
  { pitchHz, loudness, tract }: Expression,
  sampleRateHz: number,
  samples: number,
): Float32Array {
  const out = new Float32Array(samples)
  const noise = createNoise(1)
  const glottis = createGlottalTables()
  const nasalZero = new Biquad()
  const nasalPole = new Biquad()
  const formants = [new Biquad(), new Biquad(), new Biquad()]
  const higher = HIGHER_FORMANTS_HZ.map((hz, i) => {
    const filter = new Biquad()
    setResonance(filter, hz * TRACT_SCALE, HIGHER_BANDWIDTHS_HZ[i], sampleRateHz)
    return filter
  })
  const low = new Biquad()
  const high = new Biquad()
  setResonance(nasalPole, NASAL_POLE_HZ, NASAL_BANDWIDTH_HZ, sampleRateHz)
  const tilt = 1 - Math.exp((-2 * Math.PI * TILT_HZ) / sampleRateHz)
  let phase = 0
  let period = 1
  let shimmer = 1
  let tilted = 0

  for (let frame = 0; frame * CONTROL_PERIOD < samples; frame++) {
    const hz = pitchHz[frame]
    const scale = TRACT_SCALE * tract[frame]
    // A singer raises the first formant with the pitch: below the fundamental it would amplify nothing.
    setResonance(formants[0], Math.max(tracks.f1[frame] * scale, 1.05 * hz), tracks.b1[frame], sampleRateHz)
    setResonance(formants[1], tracks.f2[frame] * scale, tracks.b2[frame], sampleRateHz)
    setResonance(formants[2], tracks.f3[frame] * scale, tracks.b3[frame], sampleRateHz)
    const zeroHz = NASAL_POLE_HZ + tracks.nasality[frame] * (NASAL_ZERO_HZ - NASAL_POLE_HZ)
    setAntiResonance(nasalZero, zeroHz, NASAL_BANDWIDTH_HZ, sampleRateHz)
    setBandpass(low, tracks.lowHz[frame], tracks.lowBandwidthHz[frame], sampleRateHz)
    setBandpass(high, tracks.highHz[frame], tracks.highBandwidthHz[frame], sampleRateHz)
    const table = glottis.select(hz)
    const end = Math.min(samples, (frame + 1) * CONTROL_PERIOD)

    for (let i = frame * CONTROL_PERIOD; i < end; i++) {
      const t = (i - frame * CONTROL_PERIOD) / CONTROL_PERIOD
      phase += ((hz + t * (pitchHz[frame + 1] - hz)) / sampleRateHz) * period
      if (phase >= 1) {
        phase -= 1
        period = 1 + JITTER * noise()
        shimmer = 1 + SHIMMER * noise()
      }
      const position = phase * glottis.size
      const index = Math.floor(position)
      const pulse = table[index] + (position - index) * (table[index + 1] - table[index])
      const white = noise()
      const voicing = mix(tracks.voicing, frame, t) * mix(loudness, frame, t)
      const gate = phase < OPEN_QUOTIENT ? 1 : 0.4
      const breath = mix(tracks.aspiration, frame, t) * ASPIRATION_LEVEL + voicing * BREATHINESS * gate
      tilted += tilt * (voicing * shimmer * pulse - tilted)
      let x = nasalPole.run(nasalZero.run(tilted + breath * white))
      x = formants[2].run(formants[1].run(formants[0].run(x)))
      for (let k = 0; k < higher.length; k++) x = higher[k].run(x)
      const modulation = FRICATION_LEVEL * white * (voicing > 0.1 ? gate : 1)
      const hiss =
        low.run(modulation * mix(tracks.lowGain, frame, t)) +
        high.run(modulation * mix(tracks.highGain, frame, t)) +
        modulation * mix(tracks.flatGain, frame, t)
      out[i] = 0.1 * (x + hiss)
    }
  }
  return out
}

function mix(track: Float32Array, frame: number, t: number): number {
  return track[frame] + t * (track[frame + 1] - track[frame])
}
