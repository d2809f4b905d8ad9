/** Index of the first sample in which two sounds differ; -1 when they are equal. A failing `toEqual` on long arrays takes minutes. */
export function firstDifference(a: Float32Array, b: Float32Array): number {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i
  return -1
}
