import { count, numberOption, table } from './arguments.ts'
import type { Command } from './index.ts'

interface Segment {
  readonly startMs: number
  readonly endMs: number
  readonly track: { readonly id: string; readonly title: string } | null
}

export const segments: Command = {
  name: 'segments',
  usage: 'segments [--limit N]',
  words: 0,
  summary: 'lists segments that await encryption',
  options: { limit: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const { segmentsAwaitingEncryption } = await api.request<{
      segmentsAwaitingEncryption: { edges: { node: Segment }[] }
    }>(
      'query ($first: Int!) { segmentsAwaitingEncryption(first: $first) { edges { node { startMs endMs track { id title } } } } }',
      { first: numberOption(invocation, 'limit', 20, 100) },
    )
    const nodes = segmentsAwaitingEncryption.edges.map((edge) => edge.node)
    if (isJson) print(JSON.stringify(nodes))
    else {
      for (const row of table(
        nodes.map((node) => [node.track?.id ?? '', `${node.startMs}–${node.endMs} ms`, node.track?.title ?? '']),
      ))
        print(row)
      print(count(nodes.length, 'segment'))
    }
    return 0
  },
}
