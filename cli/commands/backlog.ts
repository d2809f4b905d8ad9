import { table } from './arguments.ts'
import type { Command } from './index.ts'

interface StageBacklog {
  readonly pipeline: string
  readonly type: string
  readonly pending: number
  readonly running: number
  readonly failed: number
  readonly medianSeconds: number | null
  readonly etaSeconds: number | null
}

export const backlog: Command = {
  name: 'backlog',
  usage: 'backlog',
  words: 0,
  summary: 'says how much work waits at each stage, and how long it will take',
  options: {},
  async run({ api, isJson, print }) {
    const { backlog } = await api.request<{ backlog: StageBacklog[] }>(
      '{ backlog { pipeline type pending running failed medianSeconds etaSeconds } }',
    )
    if (isJson) {
      print(JSON.stringify(backlog))
      return 0
    }
    const seconds = (value: number | null) => (value === null ? '' : `${value.toFixed(1)} s`)
    const rows = backlog.map((one) => [
      one.type.toLowerCase(),
      `${one.pending}`,
      `${one.running}`,
      `${one.failed}`,
      seconds(one.medianSeconds),
      seconds(one.etaSeconds),
    ])
    for (const row of table([['stage', 'pending', 'running', 'failed', 'each takes', 'done in'], ...rows])) print(row)
    return 0
  },
}
