import { FRAME_SECONDS, type SongFeatures, STEP_SECONDS } from './features.ts'
import { groupSections, joinAlike } from './grouping.ts'
import { findBoundaries, noveltyCurve, weighFeatures } from './novelty.ts'

export interface SongSection {
  readonly startMs: number
  readonly endMs: number
  readonly label: string
}

/** How far a boundary may move to the onset it belongs to. */
const SNAP_SECONDS = 1
/** Nothing above this is heard: the sound is silence. */
const SILENCE_DB = -70
/** An intro or outro is no longer, and quieter than the song by at least this. */
const EDGE_SECONDS = 40
const QUIETER_DB = 1.5
/** A chorus is sung at least this long. */
const CHORUS_SECONDS = 6

/**
 * Sections of a song from its features: they touch, are in order and cover 0 to the end. Parts that sound alike have the same letter;
 * the loudest part that comes again is `chorus`; a quiet beginning or end of its own is `intro` or `outro`. A sound too short to
 * compare, or silent, is one section.
 */
export function findSections(features: SongFeatures): SongSection[] {
  const endMs = Math.round(features.durationSeconds * 1000)
  if (endMs === 0) return []
  if (features.energyDb.every((db) => db < SILENCE_DB)) return [{ startMs: 0, endMs, label: 'A' }]
  const rows = weighFeatures(features)
  const found = [0, ...findBoundaries(noveltyCurve(rows)), features.steps]
  const edges = joinAlike(rows, found)
  const labels = labelSections(features, edges, groupSections(rows, edges))
  const starts = edges.slice(0, -1).map((step) => (step === 0 ? 0 : snapToOnset(step * STEP_SECONDS, features.onsets)))
  return labels.map((label, i) => ({ startMs: starts[i], endMs: starts[i + 1] ?? endMs, label }))
}

function labelSections(features: SongFeatures, edges: readonly number[], groups: readonly number[]): string[] {
  const count = groups.length
  const length = (i: number) => (edges[i + 1] - edges[i]) * STEP_SECONDS
  const levels = groups.map((_, i) => meanLevel(features.energyDb, edges[i], edges[i + 1]))
  const songDb = meanLevel(features.energyDb, 0, features.steps)
  const isAlone = (i: number) => groups.indexOf(groups[i]) === groups.lastIndexOf(groups[i])
  const isEdge = (i: number) => isAlone(i) && length(i) <= EDGE_SECONDS && levels[i] <= songDb - QUIETER_DB
  const hasIntro = count > 2 && isEdge(0)
  const hasOutro = count > 2 && isEdge(count - 1)
  const chorus = findChorus(
    groups,
    levels,
    groups.map((_, i) => length(i)),
  )
  // Letters count only the groups that have no name.
  const letters = new Map<number, string>()
  return groups.map((group, i) => {
    if (i === 0 && hasIntro) return 'intro'
    if (i === count - 1 && hasOutro) return 'outro'
    if (group === chorus) return 'chorus'
    if (!letters.has(group)) letters.set(group, letterOf(letters.size))
    return letters.get(group) ?? ''
  })
}

/** The loudest group with at least two long sections, when there is another group to be louder than; or -1. */
function findChorus(groups: readonly number[], levels: readonly number[], lengths: readonly number[]): number {
  let best = { group: -1, level: Number.NEGATIVE_INFINITY }
  for (const group of new Set(groups)) {
    const members = groups.flatMap((other, i) => (other === group && lengths[i] >= CHORUS_SECONDS ? [i] : []))
    if (members.length < 2) continue
    const level = members.reduce((sum, i) => sum + levels[i], 0) / members.length
    if (level > best.level) best = { group, level }
  }
  return new Set(groups).size > 1 ? best.group : -1
}

/** Level of the mean power of steps `from` to `to`, in dB. */
function meanLevel(energyDb: Float32Array, from: number, to: number): number {
  let power = 0
  for (let t = from; t < to; t++) power += 10 ** (energyDb[t] / 10)
  return 10 * Math.log10(power / Math.max(1, to - from) + 1e-12)
}

/** The strongest onset near, weighed by nearness, in ms. */
function snapToOnset(seconds: number, onsets: Float32Array): number {
  const from = Math.max(1, Math.ceil((seconds - SNAP_SECONDS) / FRAME_SECONDS))
  const to = Math.min(onsets.length - 1, Math.floor((seconds + SNAP_SECONDS) / FRAME_SECONDS))
  let best = { seconds, strength: 0 }
  for (let frame = from; frame <= to; frame++) {
    const at = frame * FRAME_SECONDS
    const strength = onsets[frame] * (1 - 0.5 * (Math.abs(at - seconds) / SNAP_SECONDS))
    if (strength > best.strength) best = { seconds: at, strength }
  }
  return Math.round(best.seconds * 1000)
}

function letterOf(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : `${letterOf(Math.floor(index / 26) - 1)}${letterOf(index % 26)}`
}
