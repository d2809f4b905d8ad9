import { count, enumOption, numberOption, table, textOption } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

interface TaskNode {
  readonly id: string
  readonly type: string
  readonly item: string
  readonly status: string
  readonly attempts: number
  readonly maxAttempts: number
  readonly nextRetryAt: string | null
  readonly errorMessage: string | null
  readonly reason: string | null
  readonly waitingReason: string | null
  readonly track: { readonly id: string; readonly title: string } | null
}

export const tasks: Command = {
  name: 'tasks',
  usage: 'tasks [--track TRACK] [--status S] [--type STAGE] [--limit N]',
  words: 0,
  summary: 'lists tasks, newest first: what waits, runs, failed',
  options: {
    track: { type: 'string' },
    status: { type: 'string' },
    type: { type: 'string' },
    limit: { type: 'string' },
  },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const track = textOption(invocation, 'track')
    const { tasks } = await api.request<{ tasks: { edges: { node: TaskNode }[] } }>(
      `query ($first: Int!, $trackId: ID, $status: [TaskStatus!], $type: [TaskType!]) {
        tasks(first: $first, trackId: $trackId, status: $status, type: $type) {
          edges { node { id type item status attempts maxAttempts nextRetryAt errorMessage reason waitingReason track { id title } } }
        }
      }`,
      {
        first: numberOption(invocation, 'limit', 50, 100),
        trackId: track ? await trackIdOf(api, track) : null,
        status: enumOption(invocation, 'status'),
        type: enumOption(invocation, 'type'),
      },
    )
    const nodes = tasks.edges.map((edge) => edge.node)
    if (isJson) print(JSON.stringify(nodes))
    else {
      const rows = nodes.map((node) => [
        node.id,
        node.track?.id ?? '',
        `${node.type.toLowerCase()}${node.item ? ` ${node.item}` : ''}`,
        node.status.toLowerCase().replace('_', ' '),
        `${node.attempts}/${node.maxAttempts}`,
        node.nextRetryAt ? `retries at ${node.nextRetryAt}` : '',
        node.errorMessage ?? node.reason ?? node.waitingReason ?? '',
      ])
      for (const row of table(rows)) print(row)
      print(count(nodes.length, 'task'))
    }
    return 0
  },
}
