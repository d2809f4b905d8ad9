import { oneLine } from '../text.ts'
import { table } from './arguments.ts'
import type { Command } from './index.ts'

interface Report {
  readonly trackCounts: readonly { readonly sourceType: string; readonly stage: string; readonly tracks: number }[]
  readonly backlog: readonly { readonly pending: number; readonly running: number; readonly failed: number }[]
  readonly workers: readonly { readonly isAlive: boolean }[]
  readonly tasks: {
    readonly edges: readonly { readonly node: { readonly type: string; readonly errorMessage: string | null } }[]
  }
}

export const report: Command = {
  name: 'report',
  usage: 'report',
  words: 0,
  summary: 'sums up what was submitted, what is ready, what waits, and what stands in the way',
  options: {},
  async run({ api, isJson, print }) {
    const { trackCounts, backlog, workers, tasks } = await api.request<Report>(
      `{
        trackCounts { sourceType stage tracks }
        backlog { pending running failed }
        workers { isAlive }
        tasks(first: 100, status: [FAILED]) { edges { node { type errorMessage } } }
      }`,
    )
    const sum = (name: 'pending' | 'running' | 'failed') => backlog.reduce((total, one) => total + one[name], 0)
    const submitted = trackCounts.reduce((total, one) => total + one.tracks, 0)
    const ready = trackCounts.filter((one) => one.stage === 'READY').reduce((total, one) => total + one.tracks, 0)
    const blockers = countBlockers(tasks.edges.map((edge) => edge.node))
    const facts = {
      tracks: submitted,
      ready,
      pending: sum('pending'),
      running: sum('running'),
      failed: sum('failed'),
      workers: workers.filter((worker) => worker.isAlive).length,
    }
    if (isJson) print(JSON.stringify({ ...facts, blockers }))
    else {
      for (const row of table(Object.entries(facts).map(([name, count]) => [name, String(count)]))) print(row)
      for (const { count, stage, message } of blockers) print(`${count} × ${stage}: ${oneLine(message)}`)
    }
    return 0
  },
}

/** Failures of the newest hundred, alike ones together, the most frequent first. */
function countBlockers(failed: readonly { type: string; errorMessage: string | null }[]) {
  const counts = new Map<string, { count: number; stage: string; message: string }>()
  for (const { type, errorMessage } of failed) {
    const message = errorMessage ?? 'no message'
    const known = counts.get(`${type} ${message}`)
    if (known) known.count++
    else counts.set(`${type} ${message}`, { count: 1, stage: type.toLowerCase(), message })
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)
}
