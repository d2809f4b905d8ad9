const ATTACK_SECONDS = 0.015
const RELEASE_SECONDS = 0.12

/**
 * Evens out loudness in place: where the level exceeds the threshold, only a part of the excess remains.
 *
 * @param thresholdDb relative to full scale, against the RMS level
 * @param ratio how many dB more at the input make one dB more at the output
 */
export function compress(samples: Float32Array, sampleRateHz: number, thresholdDb: number, ratio: number): void {
  const attack = 1 - Math.exp(-1 / (ATTACK_SECONDS * sampleRateHz))
  const release = 1 - Math.exp(-1 / (RELEASE_SECONDS * sampleRateHz))
  const threshold = 10 ** (thresholdDb / 10)
  const exponent = (1 / ratio - 1) / 2
  let power = 0
  for (let i = 0; i < samples.length; i++) {
    const square = samples[i] * samples[i]
    power += (square > power ? attack : release) * (square - power)
    if (power > threshold) samples[i] *= (power / threshold) ** exponent
  }
}
