/** Sound made in code for the separation tests. All interleaved. */

/** A repeating two-second loop: bass, chord and a noise hit on every beat, a little to the sides. */
export function loop(frames: number, channels: number, sampleRateHz: number): Float32Array {
  const random = noise(7)
  const hit = Float32Array.from({ length: Math.round(sampleRateHz / 10) }, () => random())
  const out = new Float32Array(frames * channels)
  const beat = Math.round(sampleRateHz / 2)
  const roots = [110, 82.4, 98, 73.4]
  for (let i = 0; i < frames; i++) {
    const root = roots[Math.floor(i / beat) % 4]
    const inBeat = i % beat
    const t = i / sampleRateHz
    let chord = 0
    for (const ratio of [2, 2.5, 3, 4, 5, 6]) chord += Math.sin(2 * Math.PI * root * ratio * t)
    const bass = Math.sin(2 * Math.PI * root * t)
    const drum = inBeat < hit.length ? hit[inBeat] * Math.exp((-30 * inBeat) / sampleRateHz) : 0
    for (let channel = 0; channel < channels; channel++) {
      const side = channel === 0 ? 1 : 0.6
      out[i * channels + channel] = 0.05 * side * chord + 0.12 * bass + 0.2 * drum
    }
  }
  return out
}

/** A sung line that never repeats: gliding harmonics with vibrato, syllables and pauses, in the middle. */
export function voice(frames: number, channels: number, sampleRateHz: number): Float32Array {
  const random = noise(11)
  const notes = Array.from({ length: 1 + Math.ceil(frames / sampleRateHz / 0.37) }, () => 220 * 2 ** (random() * 0.8))
  const out = new Float32Array(frames * channels)
  let phase = 0
  let hz = notes[0]
  for (let i = 0; i < frames; i++) {
    const t = i / sampleRateHz
    hz += (notes[Math.floor(t / 0.37)] - hz) * (20 / sampleRateHz)
    phase += (2 * Math.PI * hz * (1 + 0.01 * Math.sin(2 * Math.PI * 5.5 * t))) / sampleRateHz
    const syllable = Math.sin((Math.PI * (t % 0.37)) / 0.37) * (t % 5.3 < 4 ? 1 : 0)
    let value = 0
    for (let harmonic = 1; harmonic <= 12 && harmonic * hz < sampleRateHz / 2; harmonic++) {
      value += Math.sin(harmonic * phase) / harmonic ** 0.8
    }
    for (let channel = 0; channel < channels; channel++) out[i * channels + channel] = 0.12 * syllable * value
  }
  return out
}

export function sum(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + b[i])
}

/** 10 log₁₀ (Σ truth² / Σ (truth − estimate)²). */
export function sdr(truth: Float32Array, estimate: Float32Array): number {
  let energy = 0
  let error = 0
  for (let i = 0; i < truth.length; i++) {
    energy += truth[i] ** 2
    error += (truth[i] - estimate[i]) ** 2
  }
  return 10 * Math.log10(energy / error)
}

export function loudest(samples: Float32Array): number {
  return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)
}

/** Repeatable noise in [-1, 1). */
export function noise(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  }
}
