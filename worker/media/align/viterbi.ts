import { BLOCK_FRAMES } from './senones.ts'
import type { WordGraph } from './word-graph.ts'

const DEAD = Number.NEGATIVE_INFINITY
/** Back-pointer of a state that stayed in itself. */
const STAYED = 255

/** Log likelihoods of a graph's senones, asked for by blocks of at most `BLOCK_FRAMES` frames, in any order. */
export interface Emissions {
  /** `[frame of the block × senoneCount + slot]` after `score`. */
  readonly scores: Float32Array
  readonly senoneCount: number
  score(start: number, count: number): void
}

/** Frames in which a state may be occupied, both ends included. */
export interface StateWindows {
  readonly first: Int32Array
  readonly last: Int32Array
}

export interface ViterbiOptions {
  readonly frameCount: number
  readonly windows?: StateWindows | undefined
  /** Added to every word state's score, per frame. */
  readonly wordBias?: Float32Array | undefined
  /** Most bytes of back-pointers; beyond, scores are checkpointed and blocks run twice. */
  readonly memoryBytes?: number
  /** Awaited between blocks with the fraction done: may throw to stop. */
  readonly pause: (fraction: number) => Promise<void> | undefined
}

export interface BestPath {
  /** The state of each frame. */
  readonly states: Int32Array
  /** Natural logarithm. */
  readonly score: number
}

/** Of a state in a checkpoint, against one byte in the back-pointers: the square root of their ratio balances the two. */
const SCORE_BYTES = Float64Array.BYTES_PER_ELEMENT
const DEFAULT_MEMORY_BYTES = 400e6

/**
 * The most likely state sequence through the whole graph, exact (no beam).
 * Back-pointers take `frames × states` bytes; above `memoryBytes` the score vector is kept every √(8 · frames) frames instead,
 * and each block's back-pointers are made again on the way back (twice the time, the same path).
 *
 * @returns null when no path from a start to an end fits the frames and windows
 * @see Viterbi, 1967, https://doi.org/10.1109/TIT.1967.1054010
 */
export async function findBestPath(
  graph: WordGraph,
  emissions: Emissions,
  options: ViterbiOptions,
): Promise<BestPath | null> {
  const { frameCount, memoryBytes = DEFAULT_MEMORY_BYTES } = options
  if (frameCount < 1) return null
  const { stateCount } = graph
  const isWhole = frameCount * stateCount <= memoryBytes
  const span = isWhole ? frameCount : Math.max(BLOCK_FRAMES, Math.ceil(Math.sqrt(SCORE_BYTES * frameCount)))
  const pointers = new Uint8Array(span * stateCount)
  const trellis = new Trellis(graph, emissions, options)
  const checkpoints: Snapshot[] = []
  const passes = isWhole ? 1 : 2
  for (let start = 0; start < frameCount; start += span) {
    if (!isWhole) checkpoints.push(trellis.snapshot())
    const end = Math.min(start + span, frameCount)
    await trellis.advance(start, end, isWhole ? pointers : null, (t) => t / frameCount / passes)
  }

  const last = trellis.bestEnd()
  if (last === null) return null
  const states = new Int32Array(frameCount)
  let state = last.state
  for (let start = (Math.ceil(frameCount / span) - 1) * span; start >= 0; start -= span) {
    const end = Math.min(start + span, frameCount)
    if (!isWhole) {
      trellis.restore(checkpoints.pop()!)
      await trellis.advance(start, end, pointers, (t) => (1 + (frameCount - end + t - start) / frameCount) / 2)
    }
    for (let t = end - 1; t >= start; t--) {
      states[t] = state
      const pointer = pointers[(t - start) * stateCount + state]
      if (t > 0 && pointer !== STAYED) state = graph.predecessors[graph.predecessorStart[state] + pointer]
    }
  }
  return { states, score: last.score }
}

interface Snapshot {
  readonly scores: Float64Array
  readonly low: number
  readonly high: number
}

/** The score vector and the range of states that can be alive. */
class Trellis {
  private current: Float64Array
  private next: Float64Array
  private low = 0
  private high = -1
  private readonly graph: WordGraph
  private readonly emissions: Emissions
  private readonly options: ViterbiOptions
  /** Highest state that a state up to j leads to. */
  private readonly reach: Int32Array

  constructor(graph: WordGraph, emissions: Emissions, options: ViterbiOptions) {
    this.graph = graph
    this.emissions = emissions
    this.options = options
    this.current = new Float64Array(graph.stateCount).fill(DEAD)
    this.next = new Float64Array(graph.stateCount).fill(DEAD)
    this.reach = furthest(graph)
  }

  snapshot(): Snapshot {
    return { scores: this.current.slice(this.low, this.high + 1), low: this.low, high: this.high }
  }

  restore({ scores, low, high }: Snapshot): void {
    this.current.fill(DEAD)
    this.next.fill(DEAD)
    this.current.set(scores, low)
    this.low = low
    this.high = high
  }

  /** Goes on over frames `start … end − 1`; row `t − start` of `pointers` receives the back-pointers of frame t. */
  async advance(
    start: number,
    end: number,
    pointers: Uint8Array | null,
    fractionAt: (frame: number) => number,
  ): Promise<void> {
    for (let block = start; block < end; block += BLOCK_FRAMES) {
      const count = Math.min(BLOCK_FRAMES, end - block)
      this.emissions.score(block, count)
      for (let t = block; t < block + count; t++) {
        if (t === 0) this.begin()
        else this.step(pointers, (t - start) * this.graph.stateCount)
        this.emit(t, (t - block) * this.emissions.senoneCount)
      }
      await this.options.pause(fractionAt(block + count))
    }
  }

  bestEnd(): { state: number; score: number } | null {
    let best: { state: number; score: number } | null = null
    for (const { state, score } of this.graph.ends) {
      const total = this.current[state] + score
      if (total > (best?.score ?? DEAD)) best = { state, score: total }
    }
    return best
  }

  private begin(): void {
    this.current.fill(DEAD)
    for (const { state, score } of this.graph.starts) {
      this.current[state] = score
      this.high = Math.max(this.high, state)
    }
    this.low = 0
  }

  private step(pointers: Uint8Array | null, row: number): void {
    const { current, next, graph } = this
    const { selfScores, predecessorStart, predecessors, predecessorScores } = graph
    const low = this.low
    const high = this.reach[this.high]
    for (let j = low; j <= high; j++) {
      let best = current[j] + selfScores[j]
      let pointer = STAYED
      const first = predecessorStart[j]
      const end = predecessorStart[j + 1]
      for (let q = first; q < end; q++) {
        const score = current[predecessors[q]] + predecessorScores[q]
        if (score > best) {
          best = score
          pointer = q - first
        }
      }
      next[j] = best
      if (pointers !== null) pointers[row + j] = pointer
    }
    this.current = next
    this.next = current
    this.high = high
  }

  /** Adds the frame's emissions, ends what its window forbids, and narrows the living range. */
  private emit(t: number, row: number): void {
    const { current, graph, low, high } = this
    const { slotOfState, wordOfState } = graph
    const { scores } = this.emissions
    const { windows, wordBias } = this.options
    const bias = wordBias === undefined ? 0 : wordBias[t]
    for (let j = low; j <= high; j++) {
      current[j] += scores[row + slotOfState[j]] + (wordOfState[j] >= 0 ? bias : 0)
    }
    if (windows === undefined) return
    const { first, last } = windows
    for (let j = low; j <= high; j++) if (t < first[j] || t > last[j]) current[j] = DEAD
    while (this.low < high && current[this.low] === DEAD) this.next[this.low++] = DEAD
    while (this.high > this.low && current[this.high] === DEAD) this.next[this.high--] = DEAD
  }
}

function furthest(graph: WordGraph): Int32Array {
  const reach = Int32Array.from({ length: graph.stateCount }, (_, j) => j)
  for (let j = 0; j < graph.stateCount; j++) {
    for (let q = graph.predecessorStart[j]; q < graph.predecessorStart[j + 1]; q++) {
      const from = graph.predecessors[q]
      if (j > reach[from]) reach[from] = j
    }
  }
  for (let j = 1; j < graph.stateCount; j++) reach[j] = Math.max(reach[j], reach[j - 1])
  return reach
}
