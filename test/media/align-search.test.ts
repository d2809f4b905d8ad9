import { expect, test } from 'vitest'
import { type Emissions, findBestPath, type StateWindows } from '../../worker/media/align/viterbi.ts'
import { type Link, leastFrames, type WordGraph } from '../../worker/media/align/word-graph.ts'
import { seeded } from './random.ts'

const pause = () => undefined

/** Links from lower to higher states; every state can stay. */
function graphOf(
  stateCount: number,
  links: readonly [from: number, to: number, score: number][],
  ends: Link[],
): WordGraph {
  const sorted = links.toSorted((a, b) => a[1] - b[1])
  const predecessorStart = new Int32Array(stateCount + 1)
  for (let j = 0; j <= stateCount; j++) predecessorStart[j] = sorted.filter(([, to]) => to < j).length
  return {
    stateCount,
    wordCount: stateCount,
    senones: Int32Array.from({ length: stateCount }, (_, j) => j),
    slotOfState: Int32Array.from({ length: stateCount }, (_, j) => j),
    wordOfState: Int32Array.from({ length: stateCount }, (_, j) => (j % 2 === 0 ? j : -1)),
    phoneOfState: Int32Array.from({ length: stateCount }, (_, j) => j),
    beginsWord: new Uint8Array(stateCount).fill(1),
    selfScores: Float64Array.from({ length: stateCount }, (_, j) => -0.1 * (j + 1)),
    predecessorStart,
    predecessors: Int32Array.from(sorted, ([from]) => from),
    predecessorScores: Float64Array.from(sorted, ([, , score]) => score),
    starts: [
      { state: 0, score: -0.2 },
      { state: 1, score: -0.4 },
    ],
    ends,
    phones: [],
  }
}

const small = graphOf(
  5,
  [
    [0, 1, -0.5],
    [0, 2, -0.9],
    [1, 2, -0.3],
    [2, 3, -0.4],
    [2, 4, -1.5],
    [3, 4, -0.2],
  ],
  [
    { state: 4, score: -0.1 },
    { state: 3, score: -2 },
  ],
)

function randomEmissions(
  frameCount: number,
  stateCount: number,
  seed: number,
): { all: Float32Array; emissions: Emissions } {
  const random = seeded(seed)
  const all = Float32Array.from({ length: frameCount * stateCount }, () => -10 * random.next())
  const scores = new Float32Array(64 * stateCount)
  return {
    all,
    emissions: {
      scores,
      senoneCount: stateCount,
      score: (start, count) => scores.set(all.subarray(start * stateCount, (start + count) * stateCount)),
    },
  }
}

interface Extras {
  readonly windows?: StateWindows
  readonly bias?: Float32Array
}

/** Every sequence of states, one by one. */
function bruteForce(graph: WordGraph, all: Float32Array, frameCount: number, { windows, bias }: Extras = {}) {
  let best = { score: Number.NEGATIVE_INFINITY, states: [] as number[] }
  const emit = (t: number, j: number) => {
    if (windows && (t < windows.first[j] || t > windows.last[j])) return Number.NEGATIVE_INFINITY
    return all[t * graph.stateCount + j] + (bias && graph.wordOfState[j] >= 0 ? bias[t] : 0)
  }
  const extend = (states: number[], score: number) => {
    const t = states.length
    const last = states[t - 1]
    if (t === frameCount) {
      const end = graph.ends.find(({ state }) => state === last)
      if (end && score + end.score > best.score) best = { score: score + end.score, states }
      return
    }
    extend([...states, last], score + graph.selfScores[last] + emit(t, last))
    for (let j = 0; j < graph.stateCount; j++) {
      for (let q = graph.predecessorStart[j]; q < graph.predecessorStart[j + 1]; q++) {
        if (graph.predecessors[q] === last) extend([...states, j], score + graph.predecessorScores[q] + emit(t, j))
      }
    }
  }
  for (const { state, score } of graph.starts) extend([state], score + emit(0, state))
  return best
}

test('the best path is the best of all paths', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { all, emissions } = randomEmissions(8, 5, seed)
    const path = await findBestPath(small, emissions, { frameCount: 8, pause })
    const truth = bruteForce(small, all, 8)
    expect(Array.from(path!.states)).toEqual(truth.states)
    expect(path!.score).toBeCloseTo(truth.score, 6)
  }
})

test('windows and voice bias change the best path as they change every path', async () => {
  const bias = Float32Array.from({ length: 8 }, (_, t) => (t < 4 ? -3 : 3))
  const windows = { first: Int32Array.of(0, 0, 3, 0, 6), last: Int32Array.of(2, 9, 5, 9, 9) }
  for (let seed = 1; seed <= 20; seed++) {
    const { all, emissions } = randomEmissions(8, 5, seed)
    const path = await findBestPath(small, emissions, { frameCount: 8, windows, wordBias: bias, pause })
    const truth = bruteForce(small, all, 8, { windows, bias })
    expect(Array.from(path!.states)).toEqual(truth.states)
    expect(path!.score).toBeCloseTo(truth.score, 5)
  }
})

/** A chain of states with skips, as long as a song's. */
const chain = graphOf(
  60,
  Array.from({ length: 59 }, (_, j) => [j, j + 1, -0.5] as [number, number, number]).concat(
    Array.from({ length: 29 }, (_, j) => [2 * j, 2 * j + 2, -1.1] as [number, number, number]),
  ),
  [{ state: 59, score: 0 }],
)

test.each([1, 2, 63, 64, 65, 999, 1000])(
  '%i frames give the same path with checkpoints as without',
  async (frameCount) => {
    const { emissions } = randomEmissions(frameCount, 60, frameCount)
    const plain = await findBestPath(chain, emissions, { frameCount, pause })
    const checkpointed = await findBestPath(chain, emissions, { frameCount, memoryBytes: 1000, pause })
    if (frameCount < leastFrames(chain)) {
      expect(plain).toBeNull()
      expect(checkpointed).toBeNull()
    } else {
      expect(checkpointed!.score).toBe(plain!.score)
      expect(checkpointed!.states).toEqual(plain!.states)
      const windows = { first: new Int32Array(60), last: new Int32Array(60).fill(frameCount) }
      windows.first.fill(frameCount - 100, 50)
      windows.last.fill(frameCount - 200, 0, 10)
      const options = { frameCount, windows, pause }
      const narrowed = await findBestPath(chain, emissions, options)
      expect(await findBestPath(chain, emissions, { ...options, memoryBytes: 1000 })).toEqual(narrowed)
      if (frameCount > 500) expect(narrowed!.states[frameCount - 101]).toBeLessThan(50)
    }
  },
)

test('the shortest way through a graph is what a path needs at least', async () => {
  expect(leastFrames(small)).toBe(3)
  const { emissions } = randomEmissions(3, 5, 1)
  expect(await findBestPath(small, emissions, { frameCount: 3, pause })).not.toBeNull()
  expect(await findBestPath(small, emissions, { frameCount: 2, pause })).toBeNull()
  expect(await findBestPath(small, emissions, { frameCount: 1, pause })).toBeNull()
  expect(await findBestPath(small, emissions, { frameCount: 0, pause })).toBeNull()
})

test('windows that leave no way give no path', async () => {
  const { emissions } = randomEmissions(20, 5, 1)
  const windows = { first: Int32Array.of(0, 0, 15, 0, 0), last: Int32Array.of(30, 30, 30, 10, 10) }
  expect(await findBestPath(small, emissions, { frameCount: 20, windows, pause })).toBeNull()
})

test('progress rises to the end, with checkpoints too', async () => {
  for (const memoryBytes of [1e9, 1000]) {
    const seen: number[] = []
    const { emissions } = randomEmissions(1000, 60, 7)
    await findBestPath(chain, emissions, {
      frameCount: 1000,
      memoryBytes,
      pause: (fraction) => {
        seen.push(fraction)
        return undefined
      },
    })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.length).toBeGreaterThan(10)
    expect(seen.at(-1)).toBeCloseTo(1, 2)
  }
})

test('a search stops where its pause throws', async () => {
  const { emissions } = randomEmissions(1000, 60, 7)
  let pauses = 0
  const search = findBestPath(chain, emissions, {
    frameCount: 1000,
    pause: () => (++pauses === 3 ? Promise.reject(new Error('stop')) : undefined),
  })
  await expect(search).rejects.toThrow('stop')
  expect(pauses).toBe(3)
})
