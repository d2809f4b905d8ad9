/**
 * The `rank`-th smallest (from 0) of the first `count` numbers, which are reordered.
 *
 * @see Hoare, 1961, https://doi.org/10.1145/366622.366647
 */
export function quickselect(values: Float32Array | Float64Array, count: number, rank: number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]
    let i = low
    let j = high
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i > j) break
      const swap = values[i]
      values[i] = values[j]
      values[j] = swap
      i++
      j--
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return values[rank]
}
