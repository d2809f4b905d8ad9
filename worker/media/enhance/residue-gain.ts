/** No point is turned down further: the rest of the voice is masked by the music, and holes would be heard. */
const MIDDLE_FLOOR = 10 ** (-10 / 20)
/** A lead voice stands in the middle; at the sides is mostly its room. */
const SIDE_FLOOR = 10 ** (-6 / 20)
/** How much louder (in power) than the instrumental the voice must be before half of a point is taken for residue. */
const CAUTION = 8

interface Powers {
  readonly power: readonly Float64Array[]
  readonly voicePower: readonly Float64Array[]
  readonly voice: number
}

/**
 * The gain of each bin of one frame, `max(floor, 1 - voice · V² / (V² + 8 I²))`: near 1 where the instrumental I holds its own against
 * the voice V, the floor where the voice is all there is. Powers are averaged over three frames and three bins first.
 *
 * @param around the frame before, the frame itself and the one after
 * @param part 0 for the middle of the stereo image, 1 for its side
 * @param out `bins` factors from the floor to 1
 */
export function residueGain(around: readonly [Powers, Powers, Powers], part: number, out: Float64Array): void {
  const [before, own, after] = around
  const voice = (before.voice + 2 * own.voice + after.voice) / 4
  if (voice === 0) {
    out.fill(1)
    return
  }
  const floor = part === 0 ? MIDDLE_FLOOR : SIDE_FLOOR
  const bins = out.length
  const [v0, v1, v2] = [before.voicePower[part], own.voicePower[part], after.voicePower[part]]
  const [i0, i1, i2] = [before.power[part], own.power[part], after.power[part]]
  let voiceBelow = v0[0] + v1[0] + v2[0]
  let voiceHere = voiceBelow
  let musicBelow = i0[0] + i1[0] + i2[0]
  let musicHere = musicBelow
  for (let k = 0; k < bins; k++) {
    const next = Math.min(k + 1, bins - 1)
    const voiceAbove = v0[next] + v1[next] + v2[next]
    const musicAbove = i0[next] + i1[next] + i2[next]
    const v = voiceBelow + voiceHere + voiceAbove
    const i = musicBelow + musicHere + musicAbove
    const residue = v > 0 ? v / (v + CAUTION * i) : 0
    out[k] = Math.max(floor, 1 - voice * residue * edge(k, bins))
    voiceBelow = voiceHere
    voiceHere = voiceAbove
    musicBelow = musicHere
    musicHere = musicAbove
  }
}

/**
 * Averages gains over neighbouring bins, one on each side at the bottom and more further up, where hearing is coarser; in place.
 *
 * @param scratch as long as `gain`; overwritten
 */
export function smoothAcross(gain: Float64Array, lowestBin: number, scratch: Float64Array): void {
  scratch.set(gain)
  let sum = 0
  let from = 0
  let to = 0
  for (let k = 0; k < gain.length; k++) {
    const reach = Math.max(1, Math.round((k + lowestBin) * 0.01))
    const end = Math.min(gain.length, k + reach + 1)
    const start = Math.max(0, k - reach)
    while (to < end) sum += scratch[to++]
    while (from < start) sum -= scratch[from++]
    // Running sums of ones are exact: an untouched gain stays 1.
    gain[k] = sum / (end - start)
  }
}

/** Fades the treatment in over the lowest bins and out over the highest. */
function edge(k: number, bins: number): number {
  const rise = Math.min(8, bins / 4)
  const fall = bins / 8
  return Math.min(1, (k + 1) / rise, (bins - k) / fall)
}
