import { Biquad, setBandpass, setResonance } from './biquad.ts'
import { midiHz } from './composition.ts'
import { createNoise } from './random.ts'

/** One-shot sounds of the band: each is a mono recording with a peak near 1 that starts at its first sample. */

export function renderKick(sampleRateHz: number): Float32Array {
  return render(0.35, sampleRateHz, (t) => {
    const cycles = 47 * t + (80 / 30) * (1 - Math.exp(-30 * t))
    return Math.sin(2 * Math.PI * cycles) * Math.exp(-9 * t) * Math.min(1, t / 0.001)
  })
}

export function renderSnare(sampleRateHz: number, seed: number): Float32Array {
  const noise = createNoise(seed)
  const wires = new Biquad()
  setBandpass(wires, 3800, 5000, sampleRateHz)
  return render(0.3, sampleRateHz, (t) => {
    const body = Math.sin(2 * Math.PI * 186 * t) * Math.exp(-24 * t)
    return (0.5 * body + 1.3 * wires.run(noise()) * Math.exp(-17 * t)) * Math.min(1, t / 0.0008)
  })
}

/** @param decayPerSecond large for a closed hat, small for an open hat or a cymbal */
export function renderHat(sampleRateHz: number, decayPerSecond: number, seed: number): Float32Array {
  const noise = createNoise(seed)
  const metal = new Biquad()
  setBandpass(metal, 9500, 6000, sampleRateHz)
  return render(5 / decayPerSecond, sampleRateHz, (t) => {
    return 1.5 * metal.run(noise()) * Math.exp(-decayPerSecond * t) * Math.min(1, t / 0.0005)
  })
}

/** A plucked bass: few harmonics, the higher ones dying sooner. */
export function renderBass(sampleRateHz: number, midi: number, seconds: number): Float32Array {
  const hz = midiHz(midi)
  return render(seconds, sampleRateHz, (t) => {
    let sum = 0
    for (let k = 1; k <= 7; k++) sum += (Math.sin(2 * Math.PI * k * hz * t) / k) * Math.exp(-(1.2 + 1.6 * (k - 1)) * t)
    return 0.7 * sum * Math.min(1, t / 0.004) * Math.min(1, (seconds - t) / 0.03)
  })
}

/**
 * A plucked string: noise circulating in a damped delay line.
 *
 * @see Karplus & Strong, “Digital synthesis of plucked-string and drum timbres”, 1983, https://doi.org/10.2307/3680062
 */
export function renderString(sampleRateHz: number, midi: number, seconds: number, seed: number): Float32Array {
  const noise = createNoise(seed)
  const length = sampleRateHz / midiHz(midi) - 0.5
  const delay = Math.floor(length)
  const line = new Float32Array(delay + 1)
  let smoothed = 0
  for (let i = 0; i <= delay; i++) line[i] = smoothed += 0.5 * (noise() - smoothed)
  const fraction = length - delay
  const allpass = (1 - fraction) / (1 + fraction)
  let position = 0
  let previous = 0
  let tuned = 0
  let averaged = 0
  return render(seconds, sampleRateHz, (t) => {
    const current = line[position]
    const average = 0.498 * (current + averaged)
    averaged = current
    tuned = allpass * (average - tuned) + previous
    previous = average
    line[position] = tuned
    position = (position + 1) % delay
    return 1.6 * current * Math.min(1, t / 0.002) * Math.min(1, (seconds - t) / 0.05)
  })
}

/** A soft electric piano: a sine whose phase is swung by another of the same pitch, and a short bell above it. */
export function renderPiano(sampleRateHz: number, midi: number, seconds: number): Float32Array {
  const angle = 2 * Math.PI * midiHz(midi)
  return render(seconds, sampleRateHz, (t) => {
    const bell = 0.12 * Math.sin(7 * angle * t) * Math.exp(-14 * t)
    const depth = 1.4 * Math.exp(-3 * t)
    const tone = Math.sin(angle * t + depth * Math.sin(angle * t) + bell)
    return tone * Math.exp(-1.5 * t) * Math.min(1, t / 0.003) * Math.min(1, (seconds - t) / 0.06)
  })
}

/** Bowed, slowly swelling strings: a chord of detuned saws behind a gentle low-pass. `detuneCents` sets the side apart. */
export function renderPad(
  sampleRateHz: number,
  notes: readonly number[],
  seconds: number,
  detuneCents: number,
): Float32Array {
  const out = new Float32Array(Math.round(seconds * sampleRateHz))
  const filter = new Biquad()
  setResonance(filter, 1100, 1500, sampleRateHz)
  for (const midi of notes) {
    for (const cents of [detuneCents, -0.6 * detuneCents]) {
      const step = midiHz(midi + cents / 100) / sampleRateHz
      let phase = (midi * 0.37 + cents * 0.11) % 1
      for (let i = 0; i < out.length; i++) {
        phase += step
        if (phase >= 1) phase -= 1
        out[i] += (2 * phase - 1 - stepCorrection(phase, step)) / notes.length
      }
    }
  }
  for (let i = 0; i < out.length; i++) {
    const t = i / sampleRateHz
    out[i] = 0.5 * filter.run(out[i]) * Math.min(1, t / 0.15) * Math.min(1, (seconds - t) / 0.15)
  }
  return out
}

/** A flute-like lead with late vibrato. */
export function renderLead(sampleRateHz: number, midi: number, seconds: number): Float32Array {
  const hz = midiHz(midi)
  let phase = 0
  return render(seconds, sampleRateHz, (t) => {
    const depth = 0.006 * Math.min(1, Math.max(0, (t - 0.2) / 0.3))
    phase += (2 * Math.PI * hz * (1 + depth * Math.sin(2 * Math.PI * 5 * t))) / sampleRateHz
    const tone = Math.sin(phase) + 0.35 * Math.sin(2 * phase) + 0.22 * Math.sin(3 * phase) + 0.08 * Math.sin(5 * phase)
    return 0.65 * tone * Math.min(1, t / 0.03) * Math.min(1, (seconds - t) / 0.06)
  })
}

/** Rounds a saw's step over two samples, so that it does not alias. */
function stepCorrection(phase: number, step: number): number {
  if (phase < step) {
    const t = phase / step
    return t + t - t * t - 1
  }
  if (phase > 1 - step) {
    const t = (phase - 1) / step
    return t * t + t + t + 1
  }
  return 0
}

function render(seconds: number, sampleRateHz: number, at: (seconds: number) => number): Float32Array {
  const out = new Float32Array(Math.round(seconds * sampleRateHz))
  for (let i = 0; i < out.length; i++) out[i] = at(i / sampleRateHz)
  return out
}
