import type { Stereo } from './band.ts'

/** Delay lines of mutually prime lengths, in samples at 44.1 kHz. */
const DELAYS = [1433, 1601, 1867, 2053]
const DAMPING = 0.35

/**
 * Adds a small room to both channels in place: four delay lines that feed each other through a Householder matrix.
 *
 * @param decaySeconds time until the room has faded by 60 dB
 * @param gain level of the room, relative to the dry sound
 * @see Jot & Chaigne, “Digital delay networks for designing artificial reverberators”, 1991
 */
export function addReverb(bus: Stereo, sampleRateHz: number, decaySeconds: number, gain: number): void {
  const lines = DELAYS.map((delay) => new Float32Array(Math.round((delay * sampleRateHz) / 44_100)))
  const feedback = lines.map((line) => 10 ** ((-3 * line.length) / (sampleRateHz * decaySeconds)))
  const positions = [0, 0, 0, 0]
  const damped = [0, 0, 0, 0]
  const [left, right] = bus
  for (let i = 0; i < left.length; i++) {
    let sum = 0
    for (let k = 0; k < 4; k++) {
      damped[k] += (1 - DAMPING) * (lines[k][positions[k]] - damped[k])
      sum += damped[k]
    }
    const wetLeft = damped[0] - damped[2]
    const wetRight = damped[1] - damped[3]
    for (let k = 0; k < 4; k++) {
      const input = k % 2 === 0 ? left[i] : right[i]
      lines[k][positions[k]] = input + feedback[k] * (damped[k] - 0.5 * sum)
      positions[k] = positions[k] + 1 === lines[k].length ? 0 : positions[k] + 1
    }
    left[i] += gain * wetLeft
    right[i] += gain * wetRight
  }
}
