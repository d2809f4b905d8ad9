import { type Rows, totalVariance } from './novelty.ts'

/** Sections closer than this (1 is the mean distance of a step to the song's mean) are the same part, sung or played again. */
const SAME_PART = 0.35
/** Neighbours closer than this are one section that was cut in two. */
const SAME_SECTION = 0.2

/**
 * Groups sections by the likeness of their mean features: the two nearest groups are joined until none are near
 * (average linkage).
 *
 * @param edges steps at which sections begin, from 0, and the end
 * @returns for each section the number of its group; groups are counted from 0 in order of appearance
 */
export function groupSections(rows: Rows, edges: readonly number[]): number[] {
  const distances = sectionDistances(rows, edges)
  const groups = edges.slice(1).map((_, section) => [section])
  for (;;) {
    let nearest = { a: -1, b: -1, distance: SAME_PART }
    for (let a = 0; a < groups.length; a++) {
      for (let b = a + 1; b < groups.length; b++) {
        const between = meanDistance(distances, groups[a], groups[b])
        if (between < nearest.distance) nearest = { a, b, distance: between }
      }
    }
    if (nearest.a < 0) break
    groups[nearest.a].push(...groups[nearest.b])
    groups.splice(nearest.b, 1)
  }
  const groupOf: number[] = []
  // The first member of a group is its earliest section, and groups stay in order of it.
  for (const [group, members] of groups.entries()) for (const section of members) groupOf[section] = group
  return groupOf
}

/** `edges` without those between neighbours that sound the same. */
export function joinAlike(rows: Rows, edges: readonly number[]): number[] {
  const variance = totalVariance(rows)
  let joined = [...edges]
  for (;;) {
    const means = sectionMeans(rows, joined)
    const cuts = means.slice(1).map((mean, i) => distance(means[i], mean) / variance)
    const least = Math.min(...cuts)
    if (!(least < SAME_SECTION)) return joined
    joined = joined.filter((_, i) => i !== cuts.indexOf(least) + 1)
  }
}

/** Distances of sections from each other, in units of the steps' variance. */
function sectionDistances(rows: Rows, edges: readonly number[]): number[][] {
  const variance = totalVariance(rows)
  const means = sectionMeans(rows, edges)
  return means.map((a) => means.map((b) => distance(a, b) / variance))
}

function sectionMeans({ dimensions, values }: Rows, edges: readonly number[]): Float64Array[] {
  return edges.slice(1).map((to, i) => {
    const mean = new Float64Array(dimensions)
    for (let t = edges[i]; t < to; t++) {
      for (let d = 0; d < dimensions; d++) mean[d] += values[t * dimensions + d] / (to - edges[i])
    }
    return mean
  })
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += (a[d] - b[d]) ** 2
  return sum
}

function meanDistance(distances: readonly (readonly number[])[], a: readonly number[], b: readonly number[]): number {
  let sum = 0
  for (const i of a) for (const j of b) sum += distances[i][j]
  return sum / (a.length * b.length)
}
