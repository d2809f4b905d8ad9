import { expect, test } from 'vitest'
import { BETWEEN_TEETH, writeComb } from '../../worker/media/separation/comb.ts'
import { exactGrid, powerOfTwoGrid } from '../../worker/media/separation/frame-grid.ts'
import { VOICE_BAND } from '../../worker/media/separation/mask.ts'
import { MelodyTracker } from '../../worker/media/separation/melody.ts'
import { RepetSim } from '../../worker/media/separation/repet.ts'
import { quickselect } from '../../worker/media/separation/select.ts'
import { floatRows } from '../../worker/media/separation/sliding-rows.ts'
import { noise } from './separation-sound.ts'

const grid = powerOfTwoGrid(11_025, VOICE_BAND.highestHz)
const framesPerSecond = grid.sampleRateHz / grid.hop

/** Root magnitudes of a harmonic sound over a faint floor. */
function sung(hz: number, level: number): Float32Array {
  const row = new Float32Array(grid.bins).fill(0.05)
  for (let harmonic = 1; level > 0 && harmonic * hz < 5000; harmonic++) {
    const position = (harmonic * hz) / grid.binHz
    for (const k of [Math.floor(position), Math.ceil(position)]) row[k] += level * (1 - Math.abs(position - k)) ** 0.5
  }
  return row
}

function track(rows: readonly Float32Array[]): number[] {
  const tracker = new MelodyTracker(grid)
  const out: number[] = []
  const drain = () => {
    for (let hz = tracker.next(); hz !== undefined; hz = tracker.next()) out.push(hz)
  }
  for (const row of rows) {
    tracker.push(row)
    drain()
  }
  tracker.end()
  drain()
  return out
}

test('the melody tracker follows a glide and is silent in pauses', () => {
  const pitch = Array.from({ length: 1200 }, (_, t) => (t % 300 < 200 ? 200 * 2 ** ((t % 300) / 400) : 0))
  const found = track(pitch.map((hz) => sung(hz, hz > 0 ? 1 : 0)))
  expect(found.length).toBe(1200)
  let right = 0
  let quiet = 0
  for (let t = 0; t < 1200; t++) {
    if (pitch[t] > 0 && Math.abs(Math.log2(found[t] / pitch[t])) < 0.5 / 12) right++
    if (pitch[t] === 0 && found[t] === 0) quiet++
  }
  expect(right).toBeGreaterThan(0.97 * 800)
  expect(quiet).toBeGreaterThan(0.97 * 400)
})

test('the melody tracker gives every frame once, however many there are', () => {
  for (const count of [0, 1, 127, 128, 129, 5000]) {
    expect(track(Array.from({ length: count }, () => sung(220, 1))).length).toBe(count)
  }
})

test('what is in silence is no melody', () => {
  expect(track(Array.from({ length: 200 }, () => new Float32Array(grid.bins))).every((hz) => hz === 0)).toBe(true)
})

test('repetition finds what stands above a repeating pattern, and only that', () => {
  const random = noise(3)
  const period = Math.round(2 * framesPerSecond)
  const pattern = Array.from({ length: period }, () =>
    Float32Array.from({ length: grid.bins }, () => 1 + Math.abs(random())),
  )
  const frames = 14 * period
  const repet = new RepetSim(grid, VOICE_BAND, 20)
  const share = new Float32Array(grid.bins)
  const magnitudes = new Float32Array(grid.bins)
  const masks: Float32Array[] = []
  const drain = () => {
    while (repet.next(share, magnitudes)) masks.push(share.slice())
  }
  const bin = (t: number) => 60 + ((t * 7) % 300)
  for (let t = 0; t < frames; t++) {
    const row = pattern[t % period].slice()
    row[bin(t)] += 10
    repet.push(row)
    drain()
  }
  repet.end()
  drain()
  expect(masks.length).toBe(frames)
  masks.forEach((mask, t) => {
    expect(mask[bin(t)]).toBeGreaterThan(0.9)
    const others = mask.reduce((sum, value, k) => sum + (k === bin(t) ? 0 : value), 0)
    expect(others / grid.bins).toBeLessThan(0.05)
  })
})

test('without enough repetitions voice and background count as equally likely, inside the band only', () => {
  const repet = new RepetSim(grid, { lowestHz: 1000, highestHz: 2000 }, 20)
  repet.push(new Float32Array(grid.bins).fill(1))
  repet.end()
  const share = new Float32Array(grid.bins)
  expect(repet.next(share, new Float32Array(grid.bins))).toBe(true)
  expect(share[Math.round(1500 / grid.binHz)]).toBe(0.5)
  expect(share[Math.round(500 / grid.binHz)]).toBe(0)
  expect(share[Math.round(2500 / grid.binHz)]).toBe(0)
  expect(repet.next(share, new Float32Array(grid.bins))).toBe(false)
})

test('a comb stands on the harmonics', () => {
  const comb = new Float32Array(grid.bins)
  writeComb(grid, 440, comb)
  for (const harmonic of [1, 2, 5]) {
    expect(comb[Math.round((harmonic * 440) / grid.binHz)]).toBeGreaterThan(0.7)
    expect(comb[Math.round(((harmonic + 0.5) * 440) / grid.binHz)]).toBe(BETWEEN_TEETH)
  }
})

test.each([8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])(
  'frames at %i Hz last about 93 ms',
  (rate) => {
    for (const [made, tolerance] of [
      [powerOfTwoGrid(rate, 20_000), 0.04],
      [exactGrid(rate, 20_000), 0.001],
    ] as const) {
      expect(Math.abs(made.windowSamples / rate - 0.0929)).toBeLessThan(tolerance)
      expect(made.windowSamples).toBe(4 * made.hop)
      expect(made.fftSize).toBeGreaterThanOrEqual(made.windowSamples)
      expect((made.bins - 1) * made.binHz).toBeGreaterThanOrEqual(Math.min(20_000, rate / 2))
    }
  },
)

test('quickselect agrees with sorting', () => {
  const random = noise(9)
  for (const count of [1, 2, 3, 25, 200]) {
    const values = Float32Array.from({ length: count }, () => Math.round(random() * 20))
    const sorted = values.slice().sort()
    for (let rank = 0; rank < count; rank++) expect(quickselect(values.slice(), count, rank)).toBe(sorted[rank])
  }
})

test('sliding rows keep their index while others come and go, and their memory', () => {
  const rows = floatRows(3)
  for (let i = 0; i < 10_000; i++) {
    const at = rows.extend()
    rows.data.fill(i, at, at + 3)
    rows.dropBefore(i - 50)
    const oldest = Math.max(0, i - 50)
    expect(Array.from(rows.row(oldest))).toEqual([oldest, oldest, oldest])
  }
  expect(rows.data.length).toBeLessThan(1000)
})
