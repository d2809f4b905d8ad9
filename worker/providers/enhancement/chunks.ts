/** A span of a song that is treated by itself. */
export interface Chunk {
  readonly startFrame: number
  readonly frames: number
}

/**
 * Cuts a song into equally long chunks, none longer than a service takes, each overlapping the next.
 *
 * @param totalFrames length of the song, above 0
 * @param maxFrames longest chunk; must be more than twice `overlapFrames`
 * @returns one chunk when the song fits; neighbours share exactly `overlapFrames`, and the last ends with the song
 */
export function planChunks(totalFrames: number, maxFrames: number, overlapFrames: number): Chunk[] {
  if (totalFrames <= maxFrames) return [{ startFrame: 0, frames: totalFrames }]
  const count = Math.ceil((totalFrames - overlapFrames) / (maxFrames - overlapFrames))
  const step = (totalFrames - overlapFrames) / count
  return Array.from({ length: count }, (_, index) => {
    const startFrame = Math.round(index * step)
    const endFrame = index === count - 1 ? totalFrames : Math.round((index + 1) * step) + overlapFrames
    return { startFrame, frames: endFrame - startFrame }
  })
}

/**
 * Joins the end of what is there with the beginning of what follows, in place: `tail` becomes the join. Power stays even
 * whether the two are the same sound (a linear fade), have nothing in common (an equal-power fade), or anything between: the
 * gains follow their measured correlation.
 *
 * @param tail interleaved samples of the overlap, from the chunk that ends
 * @param head the same span, from the chunk that begins; as long as `tail`
 */
export function crossFade(tail: Float32Array, head: Float32Array, channels: number): void {
  let tailPower = 0
  let headPower = 0
  let product = 0
  for (let i = 0; i < tail.length; i++) {
    tailPower += tail[i]! * tail[i]!
    headPower += head[i]! * head[i]!
    product += tail[i]! * head[i]!
  }
  const correlation = tailPower > 0 && headPower > 0 ? Math.max(0, product / Math.sqrt(tailPower * headPower)) : 1
  const frames = tail.length / channels
  for (let frame = 0, i = 0; frame < frames; frame++) {
    const rise = (frame + 0.5) / frames
    const fall = 1 - rise
    const gain = 1 / Math.sqrt(fall * fall + rise * rise + 2 * correlation * fall * rise)
    for (let channel = 0; channel < channels; channel++, i++) tail[i] = gain * (fall * tail[i]! + rise * head[i]!)
  }
}
