import type { FrameGrid } from './frame-grid.ts'
import { quickselect } from './select.ts'
import { doubleRows } from './sliding-rows.ts'

/** Frames are compared by this many bands, which widen with frequency. */
const BANDS = 64
const BANDS_TOP_HZ = 11_025
/** Frames less alike than this (cosine of their bands) are no repetition. */
const SIMILARITY_FLOOR = 0.5
/** Repetitions lie at least this far apart, so that one held note does not count as its own background. */
const DISTANCE_SECONDS = 1
/** The best local maxima of the similarity, among which the repetitions are chosen. */
const CANDIDATES = 160
/** Frames whose similarities are worked out together. */
const BATCH = 16

/**
 * Finds for every frame of a stream the most similar frames of the music around it.
 * The context is as long everywhere, centred where there is music on both sides, so nothing depends on how the stream was cut.
 */
export class SimilarFrames {
  readonly #edges: Uint32Array
  readonly #features = doubleRows(BANDS)
  readonly #contextFrames: number
  readonly #distanceFrames: number
  readonly #query = new Float64Array(BATCH * BANDS)
  #similarity = new Float32Array(0)
  #peaks = new Float64Array(0)
  #batchEnd = 0
  #contextStart = 0
  #contextEnd = 0
  #ended = false

  /** @param contextSeconds the music that a frame is compared with */
  constructor(grid: FrameGrid, contextSeconds: number) {
    const framesPerSecond = grid.sampleRateHz / grid.hop
    this.#edges = bandEdges(grid)
    this.#contextFrames = Math.max(2 * BATCH, Math.round(contextSeconds * framesPerSecond))
    this.#distanceFrames = Math.max(1, Math.round(DISTANCE_SECONDS * framesPerSecond))
  }

  /** Takes the magnitudes of the next frame. */
  push(magnitudes: Float32Array): void {
    const at = this.#features.extend()
    const features = this.#features.data
    let energy = 0
    for (let band = 0; band < BANDS; band++) {
      let sum = 0
      for (let k = this.#edges[band]; k < this.#edges[band + 1]; k++) sum += magnitudes[k]
      features[at + band] = sum
      energy += sum * sum
    }
    const scale = 1 / (Math.sqrt(energy) + 1e-9)
    for (let band = 0; band < BANDS; band++) features[at + band] *= scale
  }

  /** No more frames will come. */
  end(): void {
    this.#ended = true
  }

  /** The oldest frame that `find` may still name. */
  get first(): number {
    return this.#features.first
  }

  /** Whether enough music after this frame is known to compare it. Frames are asked for in order. */
  isReady(frame: number): boolean {
    const { count } = this.#features
    if (this.#ended) return frame < count
    const start = frame - (frame % BATCH)
    return count >= Math.max(this.#contextFrames, start + (BATCH + this.#contextFrames) / 2)
  }

  /**
   * Writes the indices of up to `chosen.length` frames into `chosen`, the frame itself first, then others from the most
   * similar down, no two within a second of each other.
   *
   * @returns how many were found; 1 when nothing resembles the frame
   */
  find(frame: number, chosen: Int32Array): number {
    if (frame >= this.#batchEnd) this.#compare(frame)
    const width = this.#contextEnd - this.#contextStart
    const peaks = this.#bestPeaks((frame % BATCH) * width, width)
    chosen[0] = frame
    let found = 1
    for (let i = peaks.length - 1; i >= 0 && found < chosen.length; i--) {
      const other = this.#contextStart + (peaks[i] % 2 ** 20)
      let isFar = true
      for (let j = 0; j < found && isFar; j++) isFar = Math.abs(chosen[j] - other) >= this.#distanceFrames
      if (isFar) chosen[found++] = other
    }
    return found
  }

  /** Similarity of every frame of a batch to every frame of its context. */
  #compare(start: number): void {
    const { count } = this.#features
    const end = Math.min(start + BATCH, count)
    const centred = start + (BATCH - this.#contextFrames) / 2
    const contextStart = Math.floor(Math.max(0, Math.min(centred, count - this.#contextFrames)))
    const contextEnd = Math.min(count, contextStart + this.#contextFrames)
    this.#features.dropBefore(contextStart)
    this.#batchEnd = end
    this.#contextStart = contextStart
    this.#contextEnd = contextEnd
    const width = contextEnd - contextStart
    if (this.#peaks.length < width) {
      this.#similarity = new Float32Array(BATCH * width)
      this.#peaks = new Float64Array(width)
    }
    const from = this.#features.offset(start)
    this.#query.fill(0).set(this.#features.data.subarray(from, this.#features.offset(end)))
    for (let row = 0; row < BATCH; row += 4) {
      fourRows(this.#query, row, this.#features.data, this.#features.offset(contextStart), width, this.#similarity)
    }
  }

  /** Local maxima of one row of similarities, ascending: similarity in the high digits, position in the low 20 bits. */
  #bestPeaks(at: number, width: number): Float64Array {
    const similarity = this.#similarity
    const peaks = this.#peaks
    let count = 0
    for (let i = 0; i < width; i++) {
      const value = similarity[at + i]
      if (value < SIMILARITY_FLOOR) continue
      if (i > 0 && similarity[at + i - 1] > value) continue
      if (i + 1 < width && similarity[at + i + 1] >= value) continue
      peaks[count++] = Math.round(value * 2 ** 24) * 2 ** 20 + i
    }
    if (count <= CANDIDATES) return peaks.subarray(0, count).sort()
    quickselect(peaks, count, count - CANDIDATES)
    return peaks.subarray(count - CANDIDATES, count).sort()
  }
}

/** Four rows of inner products at once: each feature is read once for all four. */
function fourRows(
  query: Float64Array,
  row: number,
  features: Float64Array,
  featuresAt: number,
  width: number,
  out: Float32Array,
): void {
  const q0 = row * BANDS
  const q1 = q0 + BANDS
  const q2 = q1 + BANDS
  const q3 = q2 + BANDS
  const out0 = row * width
  const out1 = out0 + width
  const out2 = out1 + width
  const out3 = out2 + width
  for (let i = 0, at = featuresAt; i < width; i++, at += BANDS) {
    let s0 = 0
    let s1 = 0
    let s2 = 0
    let s3 = 0
    for (let band = 0; band < BANDS; band++) {
      const feature = features[at + band]
      s0 += query[q0 + band] * feature
      s1 += query[q1 + band] * feature
      s2 += query[q2 + band] * feature
      s3 += query[q3 + band] * feature
    }
    out[out0 + i] = s0
    out[out1 + i] = s1
    out[out2 + i] = s2
    out[out3 + i] = s3
  }
}

function bandEdges(grid: FrameGrid): Uint32Array {
  const lowest = Math.round(20 / grid.binHz)
  const top = Math.min(BANDS_TOP_HZ / grid.binHz, grid.bins)
  return Uint32Array.from({ length: BANDS + 1 }, (_, band) =>
    Math.min(grid.bins, Math.round(lowest + (band / BANDS) ** 1.6 * (top - lowest))),
  )
}
