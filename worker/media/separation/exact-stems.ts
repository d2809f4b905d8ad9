/** One step of 24-bit sound. */
const STEPS = 2 ** 23

/**
 * Splits a mix so that the two stems add up to it bit by bit: everything is rounded to 24 bits first, and the
 * instrumental is what is left when the rounded vocals are taken from the rounded mix.
 * Where that would leave full scale, the instrumental stops there and the vocals carry the rest.
 *
 * @param mix any samples; those beyond [-1, 1) are limited to it, as in any file of whole numbers
 * @param vocals as long as `mix`
 * @returns samples that are whole multiples of 2^-23 in [-1, 1)
 */
export function exactStems(
  mix: Float32Array,
  vocals: Float32Array,
): { vocals: Float32Array<ArrayBuffer>; instrumental: Float32Array<ArrayBuffer> } {
  const outVocals = new Float32Array(mix.length)
  const outInstrumental = new Float32Array(mix.length)
  for (let i = 0; i < mix.length; i++) {
    const whole = limited(mix[i] * STEPS)
    const rest = limited(whole - limited(vocals[i] * STEPS))
    outInstrumental[i] = rest / STEPS
    outVocals[i] = (whole - rest) / STEPS
  }
  return { vocals: outVocals, instrumental: outInstrumental }
}

function limited(steps: number): number {
  return Math.max(-STEPS, Math.min(STEPS - 1, Math.round(steps)))
}
