/**
 * A small deterministic random source, so that every build of the song is the same (mulberry32).
 *
 * @returns a function giving uniform numbers in [-1, 1)
 */
export function createNoise(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x80000000 - 1
  }
}
